"""String literals of many languages, read from where one begins."""

from dataclasses import dataclass

from worker.core.telemetry.masking.linear import any_of, pattern
from worker.core.telemetry.masking.marks import Span

ENCODED = "base64:"
"""A prefix that says how the value is written, and is no part of it."""
_MAX = 4096
_MAX_PIECES = 40
# What a literal may stand in and still be the value itself; any other call makes something else of it.
_WRAPPER = any_of(
    r"(?:new )?(?:\w{1,20}\.)?(?:Secret(?:Str|String|Bytes)?|Some|String|str|bytes|bytearray|Password)\(",
    r"(?:new )?(?:\w{1,20}\.)?(?:Redacted|Sensitive|Literal|[Pp]tr|StringPtr|Value|Token|Bearer)\(",
    r"(?:\w{1,20}\.)?(?:b64decode|atob|fromString)\(",
    r"Buffer\.from\(",
    r"String::from\(",
    r"\[\]byte\(",
    r"(?:ConvertTo-SecureString|New-Object) (?:-String )?",
)
_OPENING = pattern(
    r"\(?(?:",
    _WRAPPER,
    r"){0,2}[\[({]{0,2}\s{0,60}(?:[rbuRBUfFL@$]{0,2}#{0,2})(?P<quote>\"\"\"|'''|\\\"|\\'|\"|'|`)",
)
_NEXT = pattern(
    r"(?:[ \t]{0,20}\\?\s{0,60}[+.&][ \t]{0,8}\\?\s{0,60}|[ \t]{1,20}|[ \t]{0,8}\\\n[ \t]{0,60})",
    r"[rbuRBUfFL@$]{0,2}(?P<quote>\\\"|\"|'|`)",
)
_NEAR = pattern(r"^(?:[rbuRBUfFL]{1,2}#{0,2}[\"'`]|new |\w[\w.:]*\()")
_JOINS = frozenset(" \t\n\r\\+.&")
_KEY = pattern(r"\s{0,8}(?::|=>)")
_NEXT_LINE = pattern(r"\s{1,80}[rbuRBUfFL]{0,2}(?P<quote>\"|')")


@dataclass(frozen=True)
class Literal:
    """A literal's text without its quotes, and where the pieces of it stand. `key`: it is the key of a table."""

    value: str
    spans: tuple[Span, ...]
    key: bool = False


def literal(text: str, place: int) -> Literal | None:
    """The literal that begins at the place, with those that are added to it; None where none does."""
    opening = _OPENING.match(text[place : place + 120]) if _may_begin(text, place) else None
    if opening is None:
        return None
    bracketed = "(" in opening.text()
    spans: list[Span] = []
    found = opening
    total = 0
    while len(spans) < _MAX_PIECES and total < _MAX:
        start = place + found.span()[1]
        quote = found.text("quote")
        end = _end(text, start, quote)
        spans.append((start, end))
        total += end - start
        place = end + len(quote)
        following = text[place : place + 120]
        if not text.startswith(quote, end) or following[:1] not in _JOINS:
            break
        after = _NEXT.match(following) or (_NEXT_LINE.match(following) if bracketed else None)
        if after is None:
            break
        found = after
    if text.startswith(ENCODED, spans[0][0]) and spans[0][1] - spans[0][0] > len(ENCODED):
        spans[0] = (spans[0][0] + len(ENCODED), spans[0][1])
    value = "".join(text[start:end] for start, end in spans)
    opened = opening.text().rstrip("\"'`\\").rstrip()
    key = opened.endswith("{") and _KEY.match(text[place : place + 20]) is not None
    return Literal(value, tuple(_trimmed(text, span) for span in spans), key)


def _may_begin(text: str, place: int) -> bool:
    """Whether it is worth a look: a quote is there, or near, or there is a bracket on the way to one."""
    first = text[place : place + 1]
    return first in ('"', "'", "`", "\\", "(", "[", "{", "@", "$", "#") or (
        first.isalpha() and _NEAR.found_in(text[place : place + 60])
    )


def _end(text: str, start: int, quote: str) -> int:
    """Where the literal's content ends: at its quote, at the end of its line, or at the limit."""
    limit = min(len(text), start + _MAX)
    if len(quote) < 3 and quote != "`":
        line = text.find("\n", start, limit)
        limit = line if line >= 0 else limit
    place = start
    while (place := text.find(quote, place, limit)) >= 0:
        backslashes = len(text[start:place]) - len(text[start:place].rstrip("\\")) if text[place - 1] == "\\" else 0
        if backslashes % 2 == 0:
            return place
        place += 1
    return limit


def _trimmed(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
