"""Secrets that show by the name they are given to: `password = "..."`, `<token>...</token>`, `--api-key ...`.

A pattern finds the words that such names hold. Everything else looks at a bounded piece of the text around one of them,
so that the whole is linear in the text.
"""

from collections.abc import Iterator
from dataclasses import replace

from worker.core.telemetry.masking.bare import bare, ends_literal, is_plainly, option
from worker.core.telemetry.masking.kinds import Kind
from worker.core.telemetry.masking.linear import Pattern, any_of, pattern
from worker.core.telemetry.masking.literals import Literal, literal
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.named import Named, names_in
from worker.core.telemetry.masking.names import Promise
from worker.core.telemetry.masking.values import is_secret, is_token

_CLOSING = "\\\"'`])"
_ASSIGNED = pattern(
    r"\\?[\"'`]?[\])]{0,2}(?:\[\d{0,6}\])?[ \t]{0,40}",
    any_of(
        r":[ \t]{0,8}[A-Za-z_&][\w.\[\]<>|?,*&' :]{0,60}=[ \t]{0,40}(?:\\?\s{1,80})?",
        r"[ \t][A-Za-z*\[\]][\w*.\[\]]{0,30}[ \t]{1,8}:?=[ \t]{0,40}",
        r"[:?+|&.]{0,2}:?=[=>~]{0,2}[ \t]{0,40}(?:\\?\s{1,80})?",
        r"!==?[ \t]{0,8}",
        r"(?:\|\||\?\?|\bor\b|->|<-)\s{0,40}",
        r"\??:-?[ \t]{0,40}",
        r"\.(?:equals|eq|is)\(\s{0,8}",
    ),
)
"""Between a name and its value: types, operators, comparisons."""
_VALUED = pattern(
    r"\\?[\"'`]?\s{0,8}[,;]?\s{0,80}[{(]?\s{0,80}\\?[\"'`]?(?:value|Value|VALUE|content|default|defaultValue|initial|password)\\?[\"'`]?"
    r"[ \t]{0,8}(?:=>|[:=(])[ \t]{0,10}"
)
"""The name is a value itself, and its own value comes next: `"name": "PASSWORD", "value": "..."`."""
_CALLED = pattern(r"\\?[\"'`]\)?\s{0,10},\s{0,80}")
_FETCHED = pattern(r"[\"'`]\)\s{0,4}\{\s{0,8}")
_SETTER = pattern(r"\(\s{0,40}")
_TYPED = pattern(r"[\"'`]\]?[\"'`]?\)\.(?:type|fill|send_keys|sendKeys|val|setValue|set|set_value)\(\s{0,20}")
_NEXT_ARGUMENT = pattern(r"\s{0,8},\s{0,40}")
_FALLBACK = pattern(r"[^\n\"'`;=:]{0,40}(?::=|[=:])[^\n\"'`;{}]{1,80}(?:\?\?|\|\||\bor\b)[ \t]{0,8}")
"""The value of an expression, or else the literal: `secret = settings.secret or "..."`."""
_PAIRED = pattern(r"[\"']?\s{0,4}[=:]\s{0,8}[(\[]\s{0,8}[\"'][^\"'\n]{0,80}[\"']\s{0,4},\s{0,8}")
"""A user and the password: `auth=("user", "...")`."""
_SEPARATORS: dict[str, tuple[Pattern, ...]] = {
    **dict.fromkeys("=:", (_PAIRED, _ASSIGNED, _FALLBACK)),
    **dict.fromkeys("!?|&+<-", (_ASSIGNED,)),
    ".": (_ASSIGNED, _TYPED),
    **dict.fromkeys(",;\n\r", (_VALUED, _CALLED, _NEXT_ARGUMENT)),
    "{": (_FETCHED, _VALUED),
    "(": (_SETTER,),
    **dict.fromkeys("*[_\"'`", (_ASSIGNED, _VALUED)),
}
"""What may follow a name, by its first character after closing quotes and spaces; letters have `_WORDS`."""
_WORDS = (_VALUED, _ASSIGNED)

_COMPARED = pattern(r"[^\n]{0,8}[=!]=")
_CALL = pattern(r".*[\w)\]]\(\s*[\"'`]#?$")
_COPIED = pattern(r".*(?:str[ln]?cpy|strn?cmp|compare_digest|equals|hash_equals|timingSafeEqual|s?printf)\([^()]*$")
_PAIR = pattern(
    r"(?:\s{0,8}</[\w:]{1,20}>|[\"'][^<>\n]{0,80}>)\s{0,80}",
    r"<(?:[\w]{1,10}:)?(?:value|string|Value)(?: [^<>]{0,80})?>\s{0,80}",
)
_ELEMENT = pattern(r"(?:\\?[\"'][^<>\n]{0,80})?(?: [^<>\n]{0,80})?>\s{0,80}(?:<!\[CDATA\[)?")
_SPOKEN = pattern(r"[`*_]{0,2}[ \t](?:is|was|to|of|as)?[: \t*_]{0,4}")
_COMPARED_PROMISES = {Promise.SECRET: Promise.TOKEN, Promise.TOKEN: Promise.LITTLE}
"""What a comparison promises: code that reads a language compares its tokens with words."""


def assignments(text: str, kind: Kind) -> Iterator[Span]:
    """Where values stand that are secrets by their name."""
    done = 0
    for named in names_in(text):
        if named.end <= done:
            continue
        for value in _values(text, named, kind):
            done = max(done, value[1])
            yield value


def _values(text: str, named: Named, kind: Kind) -> list[Span]:
    """Where the values of a name stand, if they are secrets."""
    if kind in (Kind.MARKUP, Kind.PROSE) and "<" in named.before:
        element = _element(text, named)
        if element:
            return element
    # A variable's value, not a variable; and the middle of a choice.
    if (kind is Kind.SHELL and named.before.endswith("$")) or named.before.rstrip("\"'` ").endswith("?"):
        return []
    for separator in _separators(named.after):
        found = separator.match(named.after)
        if found is None or not _fits(separator, named):
            continue
        between = found.text()
        place = named.end + len(between)
        quoted = None if _closes(text, place, between, named, kind) else literal(text, place)
        if quoted is not None:
            return list(quoted.spans) if _is_value(text, quoted, separator, named, kind) else []
        if separator in (_ASSIGNED, _VALUED):
            spans = bare(text, named, place, between, kind)
            if spans:
                return spans
    spoken = _spoken_of(text, named) if kind is Kind.PROSE else []
    return spoken or option(text, named, kind)


def _separators(after: str) -> tuple[Pattern, ...]:
    following = after.lstrip(_CLOSING).lstrip(" \t")[:1]
    return _WORDS if following.isalpha() else _SEPARATORS.get(following, ())


def _fits(separator: Pattern, named: Named) -> bool:
    """Whether the separator may stand there: a name and its value are two arguments, any two items are not."""
    if separator is _CALLED:
        opening = named.before.rstrip("-")
        return opening.rstrip("#").endswith(('("', "('", "(`", '( "', "( '")) or opening != named.before
    if separator is _SETTER:
        return named.setter or "." in named.name or named.name.lower().endswith("auth")
    if separator is _PAIRED:
        return named.name.lower().endswith("auth")
    return separator is not _NEXT_ARGUMENT or _COPIED.match(named.before) is not None


def _closes(text: str, place: int, separator: str, named: Named, kind: Kind) -> bool:
    """Whether the quote at the place ends the literal that the name stands in, or is another word's in a sentence."""
    quote = text[place : place + 1]
    if kind is not Kind.CODE and quote == "`" and separator.strip("`\"' ") not in (":", "="):
        return True
    return quote not in separator and ends_literal(text, place, named)


def _is_value(text: str, quoted: Literal, separator: Pattern, named: Named, kind: Kind) -> bool:
    """Whether the literal after the separator is the name's value, and a secret."""
    if quoted.key:
        return False
    if separator is _CALLED and not is_token(quoted.value) and not _is_given(text, quoted, named):
        return False
    if separator is _SETTER and not named.setter:
        return is_plainly(quoted.value, named)
    if separator is _PAIRED:
        return is_plainly(quoted.value, replace(named, name="password", promise=Promise.PASSWORD))
    compared = separator is _NEXT_ARGUMENT or _COMPARED.match(named.after) is not None
    promised = _COMPARED_PROMISES.get(named.promise, named.promise) if compared else named.promise
    setting = kind in (Kind.SETTINGS, Kind.YAML, Kind.SHELL)
    return is_secret(quoted.value, named.name, promised, setting=setting)


def _is_given(text: str, quoted: Literal, named: Named) -> bool:
    """Whether a word is the last argument of a call or command. Two words in brackets are else a pair of names."""
    end = quoted.spans[-1][1]
    last = text[end + 1 : end + 20].lstrip().startswith((")", "]", "}"))
    return last and (named.before.endswith("-") or _CALL.fullmatch(named.before))


def _element(text: str, named: Named) -> list[Span]:
    """`<password>...</password>`, `<string name="password">...</string>`, `<key>password</key><string>...</string>`."""
    inside = named.before.rfind("<") > named.before.rfind(">")
    for opening in (_PAIR, _ELEMENT) if inside else (_PAIR,):
        found = opening.match(named.after)
        if found is not None:
            start = named.end + found.span()[1]
            end = text.find("<", start, start + 4096)
            # A placeholder in angle brackets is not closed.
            if opening is _ELEMENT and not text.startswith("</", end):
                return []
            value = text[start : max(start, end)].removesuffix("]]>").rstrip()
            return [(start, start + len(value))] if is_plainly(value, named) else []
    return []


def _spoken_of(text: str, named: Named) -> list[Span]:
    """In a sentence: the password is `...`, password `...`."""
    if named.after[:1] not in (" ", "`", "*", "_"):
        return []
    found = _SPOKEN.match(named.after)
    quoted = literal(text, named.end + found.span()[1]) if found is not None else None
    if quoted is None or not any(c.isdigit() for c in quoted.value) or len(quoted.value) < 6 or " " in quoted.value:
        return []
    return list(quoted.spans) if is_secret(quoted.value, named.name, named.promise, setting=True) else []
