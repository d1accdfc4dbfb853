"""Patterns of RE2 over texts, line by line: what matches a line is found, and nothing else, in linear time.

A text is searched as a whole and its lines are looked at where something was found. In it `^`, `$`, `\\A` and `\\z` are
those of each line, so whatever matches a line matches the text at the same place; what matches across lines is told
apart by trying the line alone.
"""

import re  # noqa: TID251  bounded: a pattern of search.MAX_PATTERN characters
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import re2

_MEMORY = 1 << 20
# What may change the meaning of the anchors in the midst of a pattern, or quotes them.
_UNLIKE = re.compile(r"\(\?[A-Za-z]*-|\\Q")
_ENDS = {"A": "^", "z": "$"}
_ASTRAY = 20


def compiled(pattern: str, memory: int = _MEMORY) -> "re2._Regexp[str] | None":
    """The pattern without regard to case; None for one that RE2 does not take, or not within so much memory."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = memory
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


@dataclass(frozen=True)
class Rows:
    """A text's lines, and the whole as UTF-8 with the place where each begins."""

    lines: Sequence[str]
    content: bytes
    starts: Sequence[int]

    @classmethod
    def of(cls, lines: Sequence[str]) -> "Rows":
        encoded = [line.encode() for line in lines]
        starts = accumulate((len(line) + 1 for line in encoded), initial=0)
        return cls(lines, b"\n".join(encoded), list(starts)[: len(lines)])


@dataclass(frozen=True)
class Matcher:
    """Several patterns, as one where RE2 takes them as one. `by_text` None: a text must be looked at line by line."""

    by_line: tuple["re2._Regexp[str]", ...]
    by_text: "re2._Regexp[str] | None"
    source: str
    """The pattern of `by_text`."""

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "Matcher | None":
        """None where there is nothing to search for, or a pattern that RE2 does not take."""
        joined = "|".join(f"(?:{pattern})" for pattern in patterns)
        source = "(?m)" + re.sub(r"\\(.)", lambda found: _ENDS.get(found[1], found[0]), joined)
        for wanted in ([joined], patterns):
            by_line = tuple(found for pattern in wanted if (found := compiled(pattern)) is not None)
            if patterns and len(by_line) == len(wanted):
                return cls(by_line, None if _UNLIKE.search(joined) else compiled(source), source)
        return None

    def finds(self, line: str) -> bool:
        return any(pattern.search(line) is not None for pattern in self.by_line)

    def lines(self, rows: Rows, most: int) -> Iterator[int]:
        """Numbers of the lines that match, in order; no more than `most`."""
        numbers = self._all(rows, 0) if self.by_text is None else self._sought(self.by_text, rows)
        return (number for number, _ in zip(numbers, range(most), strict=False))

    def _all(self, rows: Rows, first: int) -> Iterator[int]:
        return (number for number, row in enumerate(rows.lines[first:], start=first + 1) if self.finds(row))

    def _sought(self, by_text: "re2._Regexp[str]", rows: Rows) -> Iterator[int]:
        # No line before the one where the leftmost match begins can match. A match may reach far beyond its line:
        # where many go astray the lines are looked at one by one, lest the same text be read again and again.
        index = astray = 0
        while index < len(rows.lines):
            match = by_text.search(rows.content, rows.starts[index])
            if match is None:
                return
            index = bisect_right(rows.starts, match.start()) - 1
            if self.finds(rows.lines[index]):
                yield index + 1
            else:
                astray += 1
            index += 1
            if astray > _ASTRAY:
                yield from self._all(rows, index)
                return


class Sieve:
    """Which of many matchers may find anything in a text: several are asked at once."""

    _TOGETHER = 8
    _MEMORY = 8 << 20

    def __init__(self, matchers: Iterable[Matcher]) -> None:
        sources = sorted({matcher.source for matcher in matchers if matcher.by_text is not None})
        groups = [sources[start : start + self._TOGETHER] for start in range(0, len(sources), self._TOGETHER)]
        self._groups = [
            (frozenset(group), compiled("|".join(f"(?:{source})" for source in group), self._MEMORY))
            for group in groups
        ]

    def nothing(self, content: bytes, wanted: frozenset[str]) -> frozenset[str]:
        """Of the wanted sources those that can find nothing in the content."""
        silent: set[str] = set()
        for group, pattern in self._groups:
            here = group & wanted
            if len(here) > 1 and pattern is not None and pattern.search(content) is None:
                silent |= here
        return frozenset(silent)
