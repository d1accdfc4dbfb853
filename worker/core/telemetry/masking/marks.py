"""The mark that stands where a secret was hidden: `⟪masked 32⟫`, with the number of characters it hides.

A mark hides no line break, so a text keeps its lines. What a stranger wrote to look like one is kept apart by
`without_false_marks`, a space after its bracket: `⟪ masked 32⟫` is no mark, and a comparison that forgives white space
still takes it for what stands in the file.
"""

import re  # noqa: TID251  linear: a fixed beginning and at most nine digits
from collections.abc import Iterable

from worker.core.telemetry.masking.linear import OTHER, pattern

Span = tuple[int, int]
"""Where something begins and ends in a text, in characters."""

MARK = re.compile(r"⟪masked [1-9][0-9]{0,8}⟫")
SHADOWED_MARK = pattern(f"{OTHER}masked [1-9][0-9]*{OTHER}")
"""A mark in a text's shadow."""
_BEGINNING = "⟪masked"


def mark(length: int) -> str:
    """The mark for so many hidden characters; nothing for none."""
    return f"⟪masked {length}⟫" if length > 0 else ""


def is_marked(text: str) -> bool:
    """Whether something is hidden in the text."""
    return MARK.search(text) is not None


def split_marks(text: str) -> list[str]:
    """The text between the marks: one piece more than there are marks."""
    return MARK.split(text)


def cut(text: str, length: int) -> str:
    """The beginning of the text, at most so long, that ends within no mark."""
    piece = text[:length]
    opened = piece.rfind(_BEGINNING[0])
    return piece[:opened] if opened >= 0 and len(text) > length and "⟫" not in piece[opened:] else piece


def without_false_marks(text: str) -> str:
    """A text as a stranger wrote it, with nothing in it that could be taken for a mark."""
    return text.replace(_BEGINNING, f"{_BEGINNING[0]} {_BEGINNING[1:]}")


def hide(text: str, spans: Iterable[Span]) -> str:
    """The text with marks in place of the spans; those that touch are one, and marks that are there stay."""
    pieces = []
    end = 0
    for start, stop in _outside_marks(text, _joined(spans)):
        pieces.append(text[end:start])
        pieces.append("\n".join(_marked(line) for line in text[start:stop].split("\n")))
        end = stop
    return "".join([*pieces, text[end:]])


def _marked(line: str) -> str:
    """A mark for the line, without its indentation and its line end."""
    body = line.strip(" \t\r")
    return line.replace(body, mark(len(body)), 1) if body else line


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def _outside_marks(text: str, spans: list[Span]) -> list[Span]:
    """The parts of the spans, which are in order, that no mark covers."""
    marks = [found.span() for found in MARK.finditer(text)] if _BEGINNING in text else []
    if not marks:
        return spans
    outside: list[Span] = []
    next_mark = 0
    for start, end in spans:
        while next_mark < len(marks) and marks[next_mark][1] <= start:
            next_mark += 1
        place, number = start, next_mark
        while number < len(marks) and marks[number][0] < end:
            outside.append((place, marks[number][0]))
            place = max(place, marks[number][1])
            number += 1
        outside.append((place, end))
    return [(start, end) for start, end in outside if start < end]
