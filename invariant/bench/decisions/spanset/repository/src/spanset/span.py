"""Spans and sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """All numbers from start up to, but without, end."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not isinstance(self.start, int) or not isinstance(self.end, int):
            raise TypeError("a span has two whole numbers")
        if self.end <= self.start:
            raise ValueError(f"a span cannot end at {self.end} when it starts at {self.start}")

    def __contains__(self, number: int) -> bool:
        return self.start <= number < self.end

    def shift(self, distance: int) -> Self:
        """Answer a span that lies further to the right."""
        return type(self)(self.start + distance, self.end + distance)


class SpanSet:
    """Spans that do not touch, in order."""

    __slots__ = ("_spans",)

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans = sorted(spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanSet) and self._spans == other._spans

    def __hash__(self) -> int:
        return hash(tuple(self._spans))

    def __repr__(self) -> str:
        return "SpanSet(" + ", ".join(f"{span.start}-{span.end}" for span in self) + ")"

    def add(self, span: Span) -> None:
        """Put one more span into the set."""
        self._spans.append(span)
        self._spans.sort()

    def first(self, after: int | None = None) -> Span | None:
        """Answer the first span, or the first that starts after a number."""
        for span in self._spans:
            if after == None or span.start > after:
                return span
        return None
