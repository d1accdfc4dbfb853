"""Check citations against the snapshot, mechanically: what does not resolve cannot decide anything."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from worker.core.secrets import MASK, mask_code
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


def verify(item: Evidence, lines_of: Lines) -> Evidence:
    """The evidence with `verified` set, moved to where its quote is when it stands elsewhere in the file.

    A path outside the snapshot and a quote that is nowhere in the file are not verified; an empty quote only
    where the cited lines are blank (an empty file has a line 1).
    """
    lines = lines_of(item.path)
    pattern = _pattern(item.quote)
    if lines is None:
        return replace(item, verified=False)
    if pattern is None:
        cited = lines[item.start_line - 1 : item.end_line] if 1 <= item.start_line <= item.end_line else []
        return replace(item, verified=bool(cited) and not any(line.strip() for line in cited))
    length = max(1, item.end_line - item.start_line + 1)
    if 1 <= item.start_line <= item.end_line <= len(lines) and _holds(lines, item.start_line, item.end_line, pattern):
        return replace(item, verified=True)
    places = range(1, max(1, len(lines) - length + 1) + 1)
    for start in sorted(places, key=lambda place: abs(place - item.start_line)):
        end = min(len(lines), start + length - 1)
        if _holds(lines, start, end, pattern):
            return replace(item, start_line=start, end_line=end, verified=True)
    return replace(item, verified=False)


def verify_all(items: Iterable[Evidence], lines_of: Lines) -> tuple[Evidence, ...]:
    """Verify each and mask secrets in the quotes. What does not resolve stays, marked as such."""
    return tuple(replace(found, quote=mask_code(found.quote)) for found in (verify(item, lines_of) for item in items))
