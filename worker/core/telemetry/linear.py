"""Patterns whose time is linear in the text, whoever wrote it: RE2's, with types.

RE2 knows no look-around and no back-references. One search is linear; many matches in one text are as well, as long
as no alternative reads far ahead in vain while another one matches: such alternatives are patterns of their own.
"""

from collections.abc import Iterator
from typing import Any

import re2


class Match:
    """Where a pattern matched; groups are named, and 0 is the whole."""

    __slots__ = ("_groups", "_match")

    def __init__(self, match: Any, groups: dict[str, int]) -> None:
        self._match = match
        self._groups = groups

    def span(self, group: str | None = None) -> tuple[int, int]:
        """Where the group stands; (-1, -1) for one that took no part."""
        span: tuple[int, int] = self._match.span(0 if group is None else self._groups[group])
        return span

    def text(self, group: str | None = None) -> str:
        """What the group matched; empty for one that took no part."""
        return self._match.group(0 if group is None else self._groups[group]) or ""


class Pattern:
    """A compiled pattern. Its texts hold no lone surrogates (`searchable`)."""

    __slots__ = ("_compiled", "_groups")

    def __init__(self, source: str) -> None:
        options = re2.Options()
        options.log_errors = False
        self._compiled = re2.compile(source, options)
        self._groups: dict[str, int] = self._compiled.groupindex

    def match(self, text: str) -> Match | None:
        """The match at the beginning of the text."""
        return self._as_match(self._compiled.match(text))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(text) is not None

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._compiled.search(text) is not None

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches that do not overlap, in order."""
        return (Match(match, self._groups) for match in self._compiled.finditer(text))

    def _as_match(self, match: Any) -> Match | None:
        return None if match is None else Match(match, self._groups)


def pattern(*pieces: str) -> Pattern:
    """The pieces, one after the other, as one pattern."""
    return Pattern("".join(pieces))


def any_of(*alternatives: str) -> str:
    """A group that matches one of the alternatives."""
    return f"(?:{'|'.join(alternatives)})"


def searchable(text: str) -> str:
    """The text with as many characters, and none that UTF-8 cannot hold: RE2 reads bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
