"""Reading spans from text. We do not eval() what people type."""

import ast
import re

from spanset.span import Span, SpanSet

PLAIN = re.compile(r"\s*(-?\d+)\s*-\s*(-?\d+)\s*")


def parse(text: str) -> SpanSet:
    """Read spans such as "1-3, 7-9", or in the long form "[(1, 3), (7, 9)]".

    >>> parse("7-9, 1-3")
    SpanSet(1-3, 7-9)
    """
    if not isinstance(text, str):
        raise TypeError(f"text is needed, not {type(text).__name__}")
    if text.lstrip().startswith("["):
        return _long(text)
    spans = []
    for part in text.split(","):
        match = PLAIN.fullmatch(part)
        if match is None:
            raise ValueError(f"{part.strip()!r} is no span; write the start, a hyphen, and the end")
        spans.append(Span(int(match[1]), int(match[2])))
    return SpanSet(spans)


def _long(text: str) -> SpanSet:
    try:
        pairs = ast.literal_eval(text)
        return SpanSet(Span(start, end) for start, end in pairs)
    except (SyntaxError, TypeError):
        raise ValueError(f"{text!r} is no list of pairs")


def parse_strict(text: str) -> SpanSet:
    """Read spans, and refuse those that are not in order.

    >>> parse_strict("1-3, 7-9")
    SpanSet(1-3, 7-9)
    """
    spans = parse(text)
    written = [int(match[1]) for match in map(PLAIN.fullmatch, text.split(",")) if match]
    if written != sorted(written):
        raise Exception("the spans are not in order")
    return spans
