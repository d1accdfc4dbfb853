"""Secrets without quotes, by the name before them: in settings, in commands, in connection strings, in sentences."""

from worker.core.telemetry.masking.kinds import Kind
from worker.core.telemetry.masking.linear import OTHER, Pattern, pattern
from worker.core.telemetry.masking.literals import ENCODED, literal
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.named import Named
from worker.core.telemetry.masking.names import Promise
from worker.core.telemetry.masking.values import is_secret, is_token, is_wordy, looks_random

_MAX = 2048

_LINE = pattern(r"[^\s#;\[({][^\n\r]*|[#;(\[{][^\s][^\n\r]*")
_WORD = pattern(r"[^\s;|&\"'`()<>]+")
_DEFAULT = pattern(r"[^\s}\"'`?+][^\s}\"'`]*")
_EMBEDDED = pattern(r"[^\s;&\"'`<>,\\]+")
_IN_PROSE = pattern(r"[^\s\"'`<>,\\]+")

_YAML_SEPARATOR = pattern(r"(?:[\"']?[ \t]*:[ \t]+|=|[^=]*value[^=]*)\|")
_CONNECTION = pattern(r".*(?:^|[\s\"'`])[\w-]+=[^\s\"'`(),]+ ?")
_COMMENT = pattern(r"(?:^|.*\s)(?:#|//|/\*|\*|--|<!--|;|%|\"\"\"|REM )(?:\s|$)")
_OPTION = pattern(r"(?:=|[ \t]{1,8})")
_SPACES = pattern(r"[ \t]{1,20}")
_PARTS = pattern(r"[a-z]+=[\w./-]+")
_OF_WORDS = frozenset(f" _-{OTHER}")
_SHELL_SEPARATORS = ("=", ":=", "?=", "+=", ":-")
_LEADING = ("ENV", "ARG", "machine", "login", "default", "setx", "set", "config", "proxy_set_header", "add_header")
"""Words at the beginning of a line after which a name and its value stand with nothing but a space between them."""


def bare(text: str, named: Named, place: int, separator: str, kind: Kind) -> list[Span]:
    """The value at the place, after the separator, if it is a secret and the kind of file has such values."""
    if named.before.endswith("${") and separator in (":", ":-", ":="):
        return _judged(text, place, _DEFAULT, named, kind)
    if "\n" in separator and "value" not in separator:
        return []
    if kind in (Kind.SETTINGS, Kind.YAML):
        if ("{{" in named.before and "}}" not in named.before) or not separator.rstrip().endswith(
            (":", "=", ">", "-", "(")
        ):
            return []
        if kind is Kind.YAML and not _YAML_SEPARATOR.match(f"{separator}|"):
            return []
        return _judged(text, place, _WORD if kind is Kind.YAML and separator.endswith("=") else _LINE, named, kind)
    if kind is Kind.SHELL and separator.strip() in _SHELL_SEPARATORS:
        return _judged(text, place, _WORD, named, kind)
    embedded = _embedded(text, named, place) if separator == "=" else []
    if embedded:
        return embedded
    if kind is Kind.PROSE or (kind in (Kind.CODE, Kind.DATA, Kind.MARKUP) and _COMMENT.match(named.before)):
        return _in_prose(text, named, place, separator)
    return []


def ends_literal(text: str, place: int, named: Named) -> bool:
    """Whether a quote at the place ends the literal that the name stands in, and begins none."""
    quote = text[place : place + 1]
    return quote in ('"', "'", "`") and named.before.count(quote) % 2 == 1


def _judged(text: str, place: int, form: Pattern, named: Named, kind: Kind) -> list[Span]:
    found = form.match(text[place : place + _MAX])
    if found is None:
        return []
    value = found.text()
    for comment in (" #", "\t#", " ;"):
        value = value.split(comment, 1)[0]
    for skipped in (ENCODED, "!!str "):
        if value.startswith(skipped):
            place, value = place + len(skipped), value.removeprefix(skipped)
    for opening, closing in ('""', "''", "{}"):
        if named.before.count(opening) % 2 == 1 or (opening == "{" and "${" in named.before):
            value = value.split(closing, 1)[0]
    if form is _LINE and "{" in named.before:
        value = value.split(", ", 1)[0].rstrip("},; ")
    elif kind is Kind.SETTINGS:
        value = value.rstrip(",; ")
    if kind is Kind.YAML and (value[:1] in "&*!|>%@" or (named.promise is Promise.SECRET and is_wordy(value))):
        return []
    first, semicolon, others = value.partition(";")
    value = first if semicolon and "=" in others else value.rstrip()
    if "(" in value[1:] or not is_secret(value, named.name, named.promise, setting=True):
        return []
    return [(place, place + len(value))]


def _embedded(text: str, named: Named, place: int) -> list[Span]:
    """`Password=...;` in a connection string, `password=...` among others without commas."""
    before = named.before.rstrip("-")
    quoted = before.endswith(('"', "'", "`", ">"))
    if not quoted and not before.endswith(("; ", ";", " ")):
        return []
    found = _EMBEDDED.match(text[place : place + _MAX])
    if found is None:
        return []
    value = found.text()
    following = text[place + len(value) : place + len(value) + 1]
    inside = before.rstrip(" ").endswith(";") or (quoted and following in (";", '"', "'", "`", "<"))
    listed = before.endswith(" ") and following in ('"', "'", "`", " ", "") and _CONNECTION.fullmatch(before)
    if (inside or listed) and is_secret(value, named.name, named.promise, setting=True):
        return [(place, place + len(value))]
    return []


def _in_prose(text: str, named: Named, place: int, separator: str) -> list[Span]:
    """`PASSWORD=...` and `password: ...` among sentences and in comments: only what is more than words."""
    if separator.strip("\"'` ") not in ("=", ":", ":=") or (
        separator == "=" and named.before.endswith(("(", ", ", '"', "'"))
    ):
        return []
    found = _IN_PROSE.match(text[place : place + _MAX])
    if found is None:
        return []
    following = text[place + found.span()[1] : place + found.span()[1] + 1]
    value, _, others = found.text().partition("&")
    value = (value if "=" in others else found.text()).rstrip(".:!?)")
    if following in (",", ")") or "(" in value or "[" in value:
        return []
    assigned = separator.strip("\"'`") in ("=", ": ") or is_token(value)
    if (
        assigned
        and _shows(value, 8 if separator.startswith(" ") else 6)
        and is_secret(value, named.name, named.promise, setting=True)
    ):
        return [(place, place + len(value))]
    return []


def _shows(value: str, least: int) -> bool:
    return len(value) >= least and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_plainly(value: str, named: Named) -> bool:
    """Whether a value in a text for people is a secret: a password there is more than a word."""
    if named.promise is not Promise.LITTLE and all(c.isalpha() or c in _OF_WORDS for c in value):
        return False
    return is_secret(value, named.name, named.promise, setting=True)


def option(text: str, named: Named, kind: Kind) -> list[Span]:
    """`--password hunter2`, `ENV DB_PASSWORD hunter2`, `machine host login me password hunter2`."""
    drawn = kind is Kind.SHELL and not named.before.endswith("-") and not _leads(named, kind)
    form = _OPTION if named.before.endswith("-") else _SPACES if drawn or _leads(named, kind) else None
    found = form.match(named.after) if form is not None else None
    if found is None:
        return []
    place = named.end + found.span()[1]
    quoted = None if ends_literal(text, place, named) else literal(text, place)
    if quoted is not None:
        secret = is_secret(quoted.value, named.name, named.promise, setting=kind is not Kind.PROSE)
        return list(quoted.spans) if secret else []
    word = _WORD.match(text[place : place + _MAX])
    if word is None or kind in (Kind.CODE, Kind.DATA, Kind.MARKUP) or (form is _OPTION and text[place] == "-"):
        return []
    value = word.text()
    if _PARTS.match(value) or (drawn and not looks_random(value)):
        return []
    secret = (
        is_plainly(value, named) if kind is Kind.PROSE else is_secret(value, named.name, named.promise, setting=True)
    )
    return [(place, place + len(value))] if secret else []


def _leads(named: Named, kind: Kind) -> bool:
    """Whether a value may follow the name after a space."""
    if kind not in (Kind.SHELL, Kind.SETTINGS, Kind.CODE):
        return False
    first = named.before.split()
    if kind is Kind.CODE:
        return not first or first == ["#define"]
    return (kind is Kind.SETTINGS and not first) or (bool(first) and (first[0] in _LEADING or "configure" in first))
