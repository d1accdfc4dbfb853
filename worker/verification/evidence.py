"""Check citations against the snapshot, mechanically: what does not resolve cannot decide anything."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from worker.core.telemetry.masking import MASK, mask_code
from worker.verification.opinion import Evidence

Lines = Callable[[str], list[str] | None]
"""Gives a file's lines, or None for a path that is not in the snapshot."""


def _pattern(quote: str) -> re.Pattern[str] | None:
    """The quote as a pattern that forgives white space, and takes a mask for whatever it hides."""
    pieces = [" ".join(piece.split()) for piece in quote.split(MASK)]
    if not any(pieces):
        return None
    return re.compile(r".*?".join(r"\s*".join(map(re.escape, piece.split(" "))) for piece in pieces), re.DOTALL)


def _holds(lines: list[str], start: int, end: int, pattern: re.Pattern[str]) -> bool:
    return pattern.search(" ".join(" ".join(lines[start - 1 : end]).split())) is not None


def _length(item: Evidence) -> int:
    """Lines to look at: those cited, but a quote of a judge is not lost in a range of hundreds of lines."""
    cited = max(1, item.end_line - item.start_line + 1)
    if item.rule is not None:
        return cited
    quoted = item.quote.strip("\n").count("\n") + 1
    return min(max(cited, quoted), quoted + 2)


def verify(item: Evidence, lines_of: Lines) -> Evidence:
    """The evidence with `verified` set, moved to where its quote is when it stands elsewhere in the file.

    A path outside the snapshot and a quote that is nowhere in the file are not verified; an empty quote only
    where the cited lines are blank (an empty file has a line 1).
    """
    lines = lines_of(item.path)
    pattern = _pattern(item.quote)
    if lines is None or item.trivial:
        return replace(item, verified=False)
    if pattern is None:
        cited = lines[item.start_line - 1 : item.end_line] if 1 <= item.start_line <= item.end_line else []
        return replace(item, verified=bool(cited) and not any(line.strip() for line in cited))
    length = _length(item)
    fits = length == item.end_line - item.start_line + 1
    inside = 1 <= item.start_line <= item.end_line <= len(lines)
    if fits and inside and _holds(lines, item.start_line, item.end_line, pattern):
        return replace(item, verified=True)
    places = range(1, max(1, len(lines) - length + 1) + 1)
    for start in sorted(places, key=lambda place: abs(place - item.start_line)):
        end = min(len(lines), start + length - 1)
        if _holds(lines, start, end, pattern):
            return replace(item, start_line=start, end_line=end, verified=True)
    return replace(item, verified=False)


def place_fingerprint(key: str, item: Evidence) -> str:
    """Names a place where a criterion fails, by what stands there and not by its line: it survives moved code."""
    stable = item.fingerprint or " ".join(item.quote.split())
    return hashlib.sha256(f"{key}\0{item.path}\0{stable}".encode()).hexdigest()[:32]


def verify_all(items: Iterable[Evidence], lines_of: Lines) -> tuple[Evidence, ...]:
    """Those that resolve, each once, with secrets in their quotes masked. Nothing else is ever published."""
    resolved = (found for found in (verify(item, lines_of) for item in items) if found.verified)
    return tuple(dict.fromkeys(replace(found, quote=mask_code(found.quote)) for found in resolved))
