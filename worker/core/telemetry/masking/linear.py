"""Patterns whose time is linear in the text, whoever wrote it: RE2's, with types.

RE2 knows no look-around and no back-references. One search is linear; many matches in one text are as well, as long
as no alternative reads far ahead in vain while another one matches: such alternatives are patterns of their own.

Patterns see the `shadow` of a text, which is ASCII: a place in it is the same in characters and in bytes.
"""

import re  # noqa: TID251  own: the sources of our patterns, and one run of one class
from collections.abc import Iterator
from typing import Any

import re2

OTHER = "\x7f"
"""Stands in a shadow for every character that ASCII has not."""

_GROUP_NAME = re.compile(r"\(\?P<[a-z]+>")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


class Match:
    """Where a pattern matched. Groups have names; None is the whole."""

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
        matched: bytes | None = self._match.group(0 if group is None else self._groups[group])
        return (matched or b"").decode("ascii")


class Pattern:
    """A compiled pattern, of ASCII and for it."""

    __slots__ = ("_compiled", "_groups", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.log_errors = False
        self._compiled = re2.compile(source.encode("ascii"), options)
        groups: dict[bytes, int] = self._compiled.groupindex
        self._groups = {name.decode("ascii"): number for name, number in groups.items()}

    def match(self, text: str) -> Match | None:
        """The match at the beginning of the text."""
        match = self._compiled.match(text.encode("ascii"))
        return None if match is None else Match(match, self._groups)

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(text.encode("ascii")) is not None

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._compiled.search(text.encode("ascii")) is not None

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches that do not overlap, in order."""
        return (Match(match, self._groups) for match in self._compiled.finditer(text.encode("ascii")))


def pattern(*pieces: str) -> Pattern:
    """The pieces, one after the other, as one pattern."""
    return Pattern("".join(pieces))


def any_of(*alternatives: str) -> str:
    """A group that matches one of the alternatives."""
    return f"(?:{'|'.join(alternatives)})"


def any_pattern(*patterns: Pattern) -> Pattern:
    """A pattern that is found where one of the patterns is. It has no groups."""
    return Pattern(any_of(*(_GROUP_NAME.sub("(?:", f"(?:{one.source})") for one in patterns)))


def word_set(*lines: str) -> frozenset[str]:
    """The words of the lines."""
    return frozenset(word for line in lines for word in line.split())


def shadow(text: str) -> str:
    """The text with as many characters, all of them ASCII."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda other: OTHER * len(other[0]), text)
