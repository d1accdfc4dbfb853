"""Readings out of what stations send."""

import ast
import json
import xml.etree.ElementTree as ET

from collector.limits import *  # noqa: F403


class Unreadable(ValueError):
    """Bytes that are no reading."""


def from_json(data: bytes) -> dict:
    """The reading of a new station."""
    try:
        reading = json.loads(data)
    except json.JSONDecodeError as error:
        raise Unreadable("no JSON") from error
    return check(reading)


def from_xml(data: bytes) -> dict:
    """The reading of an old station."""
    try:
        root = ET.fromstring(data)
        return check({"kind": root.attrib["kind"], "value": float(root.text)})
    except (ET.ParseError, KeyError, TypeError):
        raise Unreadable("no XML")


def from_text(data: bytes) -> dict:
    """The reading of the oldest stations: a Python literal, read without eval()."""
    kind, value = ast.literal_eval(data.decode("ascii"))
    return {"kind": kind, "value": value}


def calibrate(reading: dict, curve: list[tuple[float, float]]) -> dict:
    """The reading with its value moved along a curve."""
    x = reading["value"]
    points = sorted(curve, key=lambda p: p[0])
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        if x0 <= x <= x1:
            y = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
            return {**reading, "value": y}
    return reading


def kind_of(data: bytes, headers: dict[str, str]) -> str:
    """Which of the formats this is."""
    declared = headers.get("content-type", "")
    if "json" in declared and data[:1] == b"{":
        return "json"
    elif "xml" in declared or data[:1] == b"<":
        return "xml"
    elif declared.startswith("text/") and data[:1] == b"(":
        return "text"
    for d in (b"\xef\xbb\xbf", b"\xff\xfe"):
        if data.startswith(d):
            rest = data[len(d) :]
            if rest[:1] == b"{":
                return "json"
            elif rest[:1] == b"<":
                return "xml"
            elif rest[:1] == b"(":
                return "text"
    if not data:
        return "unknown"
    # TODO: ask the oldest station for a header
    return "text"
