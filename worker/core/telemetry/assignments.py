"""Secrets that show by the name they are given to: `password = "…"`, `<token>…</token>`, `--api-key …`.

A pattern finds the words that such names hold. Everything else looks at a bounded piece of the text around one of them,
so that the whole is linear in the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.core.telemetry.kinds import Kind
from worker.core.telemetry.linear import Pattern, any_of, pattern
from worker.core.telemetry.literals import Literal, literal
from worker.core.telemetry.marks import Span
from worker.core.telemetry.names import Promise, is_about, promise, words
from worker.core.telemetry.values import is_secret, is_token, is_wordy

_HINT = pattern(
    r"(?i)passw|passphrase|passcode|pass\b|_pass|pwd|secret|token|key|cred|auth|jwt|salt|cookie|bearer|pswd|psw|passwort|kennwort|"
    r"senha|contrase[nñ]a|wachtwoord|mot_?de_?passe|haslo|lozinka|\bpw\b|_pw\b|Pw\b|Pass\b|\bmdp\b|_mdp|pepper|\bpat\b|_pat\b|_sid\b|sess(?:ion)?_?id"
)
_NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.$"
_WIDTH = 60
_AHEAD = 400
_ENCODED = "base64:"

_ASSIGNED = pattern(
    r"\\?[\"'`]?[\])]{0,2}(?:\[\d{0,6}\])?[ \t]{0,40}",
    any_of(
        r":[ \t]{0,8}[A-Za-z_&][\w.\[\]<>|?,*&' :]{0,60}=[ \t]{0,40}(?:\\?\s{1,80})?",
        r"[ \t][A-Za-z*\[\]][\w*.\[\]]{0,30}[ \t]{1,8}:?=[ \t]{0,40}",
        r"[:?+|&.]{0,2}:?=[=>~]{0,2}[ \t]{0,40}(?:\\?\s{1,80})?",
        r"!==?[ \t]{0,8}",
        r"(?:\|\||\?\?|\bor\b|->|<-)\s{0,40}",
        r"\?{0,1}:-?[ \t]{0,40}",
        r"\.(?:equals|eq|is)\(\s{0,8}",
    ),
)
_CALLED = pattern(r"\\?[\"'`]\)?\s{0,10},\s{0,80}")
_VALUED = pattern(
    r"\\?[\"'`]?\s{0,8}[,;]?\s{0,80}[{(]?\s{0,80}\\?[\"'`]?(?:value|Value|VALUE|content|default|defaultValue|initial|password)\\?[\"'`]?[ \t]{0,8}"
    r"(?::=|=>|[:=(])[ \t]{0,10}"
)
_ELEMENT = pattern(r"(?:\\?[\"'][^<>\n]{0,80})?(?: [^<>\n]{0,80})?>\s{0,80}(?:<!\[CDATA\[)?")
_PAIR = pattern(r"(?:\s{0,8}</[\w:]{1,20}>|[\"'][^<>\n]{0,80}>)\s{0,80}<(?:[\w]{1,10}:)?(?:value|string|Value)(?: [^<>]{0,80})?>\s{0,80}")
_OPTION = pattern(r"(?:=|[ \t]{1,8})")
_SPACED = pattern(r"[ \t]{1,20}")
_YAML_SEPARATOR = pattern(r"(?:[\"']?[ \t]*:[ \t]+|=|[^=]*value[^=]*)\|")
_COMPARED = pattern(r"[^\n]{0,8}[=!]=")

_LINE_VALUE = pattern(r"[^\s#;\[({][^\n\r]*|[#;(\[{][^\s][^\n\r]*")
_WORD_VALUE = pattern(r"[^\s;|&\"'`()<>]+")
_EMBEDDED_VALUE = pattern(r"[^\s;&\"'`<>,\\]+")
_DEFAULT_VALUE = pattern(r"[^\s}\"'`?+][^\s}\"'`]*")
_SPOKEN = pattern(r"[`*_\"']{0,2}[ \t](?:is|was|to|of|as)?[: \t*_]{0,4}")
_PROSE_VALUE = pattern(r"[^\s\"'`<>,\\]+")
_PARTS = pattern(r"[a-z]+=[\w./-]+")
_FETCHED = pattern(r"[\"'`]\)\s{0,4}\{\s{0,8}")
_DSN = pattern(r".*(?:^|[\s\"'`])[\w-]+=[^\s\"'`(),]+ ?")
_COMMENT = pattern(r"(?:^|.*\s)(?:#|//|/\*|\*|--|<!--|;|%|\"\"\"|REM )(?:\s|$)")
_SETTER = pattern(r"\(\s{0,40}")
_TYPED = pattern(r"[\"'`]\]?[\"'`]?\)\.(?:type|fill|send_keys|sendKeys|val|setValue|set|set_value)\(\s{0,20}")
_COPIED = pattern(r".*(?:str[ln]?cpy|strn?cmp|compare_digest|equals|hash_equals|timingSafeEqual|s?printf)\([^()]*$")
_NEXT_ARGUMENT = pattern(r"\s{0,8},\s{0,40}")
_COMPARED_PROMISES = {Promise.SECRET: Promise.TOKEN, Promise.TOKEN: Promise.LITTLE}
"""What a comparison promises: code that reads a language compares its tokens with words."""
_LEADING = ("ENV", "ARG", "machine", "login", "default", "setx", "set", "config", "proxy_set_header", "add_header")


@dataclass(frozen=True)
class _Named:
    """A name in the text: where it begins and ends, and the text around it."""

    name: str
    start: int
    end: int
    promise: Promise
    before: str
    """The text on its line before it, at most 200 characters."""
    after: str


def assignments(text: str, kind: Kind) -> Iterator[Span]:
    """Where values stand that are secrets by their name."""
    done = 0
    for hint in _HINT.finditer(text):
        if hint.span()[0] < done:
            continue
        named = _named(text, *hint.span())
        if named is None:
            continue
        for value in _values(text, named, kind):
            yield value
            done = max(done, value[1])
        done = max(done, named.end)


def _named(text: str, start: int, end: int) -> _Named | None:
    left = text[max(0, start - _WIDTH) : start]
    start -= len(left) - len(left.rstrip(_NAME_CHARACTERS))
    right = text[end : end + _WIDTH]
    end += len(right) - len(right.lstrip(_NAME_CHARACTERS))
    # A sentence's full stop and an arrow's dash are not the name's.
    while text[end - 1] in ".-$":
        end -= 1
    name = text[start:end].removesuffix(".equals").lstrip("-.$")
    end = start + text[start:end].index(name) + len(name) if name else end
    called = name.rsplit(".", 1)[-1]
    name = called if words(called)[:1] in (("set",), ("with",)) and text.startswith("(", end) else name
    setter = words(name)[:1] in (("set",), ("with",)) and text.startswith("(", end)
    promised = promise(name[3:] if setter and name[:3] in ("set", "Set") else name[4:] if setter else name)
    before = text[max(0, start - 200) : end - len(name)].rsplit("\n", 1)[-1]
    if promised is not Promise.NONE and before.endswith(" ") and is_about(before.split()[-1].lower().lstrip("\"'`(") if before.strip() else ""):
        promised = Promise.LITTLE
    if promised is Promise.NONE or (before.endswith("/") and not before.endswith(("//", ":/"))):
        return None
    return _Named(name, end - len(name), end, promised, before, text[end : end + _AHEAD])


def _values(text: str, named: _Named, kind: Kind) -> list[Span]:
    """Where the values of a name stand, if they are secrets."""
    if kind in (Kind.MARKUP, Kind.PROSE) and "<" in named.before:
        element = _element(text, named, inside=named.before.rfind("<") > named.before.rfind(">"))
        if element:
            return element
    if (kind is Kind.SHELL and named.before.endswith("$")) or named.before.rstrip("\"'`").rstrip().endswith("?"):
        return []
    for separator in (_ASSIGNED, _VALUED, _FETCHED, _CALLED, _SETTER, _TYPED, _NEXT_ARGUMENT):
        found = separator.match(named.after)
        if found is None or not _fits(separator, named):
            continue
        place = named.end + found.span()[1]
        quoted = None if _closes(text, place, found.text(), named, kind) else literal(text, place)
        if quoted is not None:
            if separator is _CALLED and not _is_last(text, quoted) and not is_token(quoted.value):
                return []
            if separator is _SETTER and words(named.name.rpartition(".")[2])[:1] not in (("set",), ("with",)) and not _plainly(quoted.value, named):
                return []
            compared = separator is _NEXT_ARGUMENT or _COMPARED.match(named.after) is not None
            return _literal_spans(quoted, named, kind, compared=compared)
        if separator in (_ASSIGNED, _VALUED):
            bare = _bare(text, named, place, kind, named.after[: found.span()[1]])
            if bare:
                return bare
    spoken = _spoken_of(text, named) if kind is Kind.PROSE else []
    return spoken or _option(text, named, kind)


def _spoken_of(text: str, named: _Named) -> list[Span]:
    """In a sentence: the password is `…`, password `…`."""
    found = _SPOKEN.match(named.after)
    quoted = literal(text, named.end + found.span()[1]) if found is not None else None
    if quoted is None or not any(c.isdigit() for c in quoted.value) or len(quoted.value) < 6:
        return []
    return list(quoted.spans) if is_secret(quoted.value, named.name, named.promise, setting=True) else []


def _fits(separator: Pattern, named: _Named) -> bool:
    """Whether the separator may stand there: a name and its value are two arguments, but any two items of a list are not."""
    if separator is _CALLED:
        opening = named.before.rstrip("-")
        return opening.rstrip("#").endswith(('("', "('", "(`", '( "', "( '")) or opening != named.before
    if separator is _SETTER:
        called = named.name.rpartition(".")
        return words(called[2])[:1] in (("set",), ("with",)) or named.name.lower().endswith("auth") or bool(called[1])
    return separator is not _NEXT_ARGUMENT or _COPIED.match(named.before) is not None


def _closes(text: str, place: int, separator: str, named: _Named, kind: Kind) -> bool:
    """Whether the quote at the place ends the literal that the name stands in, or is another word's in a sentence."""
    quote = text[place : place + 1]
    if kind is Kind.PROSE and quote == "`" and separator.strip("`\"' ") not in (":", "="):
        return True
    return quote in ('"', "'", "`") and quote not in separator and named.before.count(quote) % 2 == 1


def _is_last(text: str, quoted: Literal) -> bool:
    return text[quoted.spans[-1][1] + 1 : quoted.spans[-1][1] + 20].lstrip().startswith((")", "]", "}"))


def _literal_spans(quoted: Literal, named: _Named, kind: Kind, *, compared: bool) -> list[Span]:
    if quoted.key:
        return []
    setting = kind in (Kind.SETTINGS, Kind.YAML, Kind.SHELL)
    promised = _COMPARED_PROMISES.get(named.promise, named.promise) if compared else named.promise
    value, spans = quoted.value, list(quoted.spans)
    if value.startswith(_ENCODED) and spans[0][1] - spans[0][0] > len(_ENCODED):
        value = value.removeprefix(_ENCODED)
        spans[0] = (spans[0][0] + len(_ENCODED), spans[0][1])
    return spans if is_secret(value, named.name, promised, setting=setting) else []


def _element(text: str, named: _Named, *, inside: bool) -> list[Span]:
    """`<password>…</password>`, `<string name="password">…</string>`, `<key>password</key><string>…</string>`."""
    for opening in (_PAIR, _ELEMENT) if inside else (_PAIR,):
        found = opening.match(named.after)
        if found is not None:
            start = named.end + found.span()[1]
            end = text.find("<", start, start + 4096)
            if end < 0:
                return []
            value = text[start:end].removesuffix("]]>").rstrip()
            return [(start, start + len(value))] if _plainly(value, named) else []
    return []


def _plainly(value: str, named: _Named) -> bool:
    """Whether a value in a text for people is a secret: a password there is more than a word."""
    if not is_secret(value, named.name, named.promise, setting=True):
        return False
    return named.promise is Promise.LITTLE or any(not c.isalpha() and c not in " _-" for c in value)


def _bare(text: str, named: _Named, place: int, kind: Kind, separator: str) -> list[Span]:
    """A value without quotes, where the kind of file has such values."""
    if named.before.endswith("${") and separator in (":", ":-", ":="):
        return _judged(text, place, _DEFAULT_VALUE, named, kind)
    if "\n" in separator and "value" not in separator:
        return []
    if kind in (Kind.SETTINGS, Kind.YAML):
        if kind is Kind.YAML and not _YAML_SEPARATOR.match(f"{separator}|"):
            return []
        if "{{" in named.before and "}}" not in named.before:
            return []
        equals = kind is Kind.YAML and separator.endswith("=")
        return _judged(text, place, _WORD_VALUE if equals else _LINE_VALUE, named, kind)
    if kind is Kind.SHELL and separator.strip() in ("=", ":=", "?=", "+=", ":-"):
        return _judged(text, place, _WORD_VALUE, named, kind)
    embedded = _embedded(text, named, place, separator)
    if embedded:
        return embedded
    if kind is Kind.PROSE or (kind in (Kind.CODE, Kind.DATA, Kind.MARKUP) and _COMMENT.match(named.before)):
        return _in_prose(text, named, place, separator)
    return []


def _judged(text: str, place: int, form: Pattern, named: _Named, kind: Kind) -> list[Span]:
    found = form.match(text[place : place + 4096])
    if found is None:
        return []
    value = found.text().split(" #", 1)[0].split("\t#", 1)[0].split(" ;", 1)[0].rstrip()
    for skipped in (_ENCODED, "!!str "):
        if value.startswith(skipped):
            place, value = place + len(skipped), value.removeprefix(skipped)
    for opening, closing in ('""', "''", "{}"):
        if named.before.count(opening) % 2 == 1 or (opening == "{" and "${" in named.before):
            value = value.split(closing, 1)[0]
    if form is _LINE_VALUE and ("{" in named.before or kind is Kind.SETTINGS):
        value = value.split(", ", 1)[0] if "{" in named.before else value
        value = value.rstrip("},; ") if "{" in named.before else value.rstrip(",; ")
    if kind is Kind.YAML and (value[:1] in "&*!|>%@" or (named.promise is Promise.SECRET and is_wordy(value))):
        return []
    embedded = value.split(";", 1)[0] if ";" in value and "=" in value.split(";", 1)[1] else value
    if is_secret(embedded, named.name, named.promise, setting=True) and "(" not in embedded[1:]:
        return [(place, place + len(embedded))]
    return []


def _embedded(text: str, named: _Named, place: int, separator: str) -> list[Span]:
    """`Password=…;` in a connection string, `password=…` among others without commas."""
    if separator != "=":
        return []
    found = _EMBEDDED_VALUE.match(text[place : place + 4096])
    if found is None:
        return []
    end = place + found.span()[1]
    following = text[end : end + 1]
    before = named.before.rstrip("-")
    inside = before.rstrip(" ").endswith(";") or (before.endswith(("\"", "'", "`", ">")) and following in (";", '"', "'", "`", "<"))
    listed = before.endswith(" ") and following in ('"', "'", "`", " ", "") and _DSN.fullmatch(before)
    value = text[place:end]
    if (inside or listed) and is_secret(value, named.name, named.promise, setting=True):
        return [(place, end)]
    return []


def _in_prose(text: str, named: _Named, place: int, separator: str) -> list[Span]:
    """`PASSWORD=…` and `password: …` among sentences and in comments: only what is more than words."""
    if separator.strip("\"'` ") not in ("=", ":", ":=") or (separator == "=" and named.before.endswith(("(", ", ", "\"", "'"))):
        return []
    found = _PROSE_VALUE.match(text[place : place + 4096])
    if found is None:
        return []
    value = found.text().rstrip(".:!?)")
    following = text[place + found.span()[1] : place + found.span()[1] + 1]
    if following in (",", ")") or "(" in value or "[" in value:
        return []
    least = 8 if separator.startswith(" ") else 6
    shown = any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and len(value) >= least
    assigned = separator.strip("\"'`") in ("=", ": ") or is_token(value)
    if shown and assigned and is_secret(value, named.name, named.promise, setting=True):
        return [(place, place + len(value))]
    return []


def _option(text: str, named: _Named, kind: Kind) -> list[Span]:
    """`--password hunter2`, `ENV DB_PASSWORD hunter2`, `machine host login me password hunter2`."""
    dashed = named.before.endswith("-")
    first = named.before.split()
    leading = kind in (Kind.SHELL, Kind.SETTINGS) and bool(first) and (first[0] in _LEADING or "configure" in first)
    leading = leading or (kind in (Kind.CODE, Kind.SETTINGS) and not first) or (kind is Kind.CODE and first == ["#define"])
    form = _OPTION if dashed else _SPACED if leading else None
    found = form.match(named.after) if form is not None else None
    if found is None:
        return []
    place = named.end + found.span()[1]
    quoted = literal(text, place)
    if quoted is not None:
        setting = kind is not Kind.PROSE
        return list(quoted.spans) if is_secret(quoted.value, named.name, named.promise, setting=setting) else []
    value = _WORD_VALUE.match(text[place : place + 4096])
    if value is None or kind not in (Kind.SHELL, Kind.SETTINGS, Kind.YAML, Kind.PROSE) or (text[place] == "-" and dashed):
        return []
    content = value.text()
    if _PARTS.match(content):
        return []
    judged = _plainly(content, named) if kind is Kind.PROSE else is_secret(content, named.name, named.promise, setting=True)
    return [(place, place + len(content))] if judged else []
