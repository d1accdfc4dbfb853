"""Patterns over strangers' text, in time linear in it, whoever wrote the text: RE2's, with the interface of `re`.

RE2 has no look-around and no back-references; a pattern that needs one is refused when it is made. Many matches in one
text are linear as well, as long as no alternative reads far ahead in vain while another one matches.

`\\w`, `\\d` and `\\s` mean what they do in `re`, letters of all scripts. `\\b` does not: it stands between a letter of
ASCII and anything else. `$` is the very end of the text, or of a line with `(?m)`. Flags stand in the pattern: `(?i)`.
"""

import re  # noqa: TID251  own: its types, and the sources of our patterns
from typing import TypeAlias, cast

import re2

Pattern: TypeAlias = "re.Pattern[str]"
Match: TypeAlias = "re.Match[str]"

_SPACE = r"\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_CLASSES = {"w": r"\p{L}\p{N}_", "d": r"\p{Nd}", "s": _SPACE}
_PIECE = re.compile(r"\\.|\[\^?\]?|\]|[^\\\[\]]+", re.DOTALL)
_MEMORY = 16 << 20


def pattern(source: str) -> Pattern:
    """The pattern, compiled. Raises ValueError for what RE2 does not take."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return cast(Pattern, re2.compile(_translated(source), options))
    except re2.error as error:
        raise ValueError(f"{source!r} cannot be matched in linear time: {error}") from None


def escape(text: str) -> str:
    """The pattern that matches the text and nothing else."""
    return re.escape(text)


def _translated(source: str) -> str:
    """The pattern with classes of all scripts."""
    pieces = []
    within = False
    for found in _PIECE.finditer(source):
        piece = found[0]
        if piece[0] == "\\":
            pieces.append(_class(piece[1], within=within) or piece)
            continue
        if piece[0] == "[" and not within:
            within = True
        elif piece == "]":
            within = False
        elif piece[0] == "[":
            piece = piece.replace("[", r"\[", 1)
        pieces.append(piece)
    return "".join(pieces)


def _class(letter: str, *, within: bool) -> str | None:
    if letter.lower() not in _CLASSES:
        return None
    if letter.islower():
        return _CLASSES[letter] if within else f"[{_CLASSES[letter]}]"
    if within:
        raise ValueError(f"\\{letter} cannot stand in brackets here")
    return f"[^{_CLASSES[letter.lower()]}]"
