"""Secrets that YAML keeps apart from their names: the data of a Kubernetes secret, and block scalars."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.core.telemetry.masking.linear import pattern, word_set
from worker.core.telemetry.masking.marks import SHADOWED_MARK, Span
from worker.core.telemetry.masking.names import Promise, promise
from worker.core.telemetry.masking.values import is_placeholder, is_secret, is_token

_BLOCK = pattern(r"(?i)(?:passw|passphrase|secret|token|key|cred|auth)[\w.-]*[\"']?[ \t]*:[ \t]*[|>][+-]?[ \t]*\n")
_ENTRY = pattern(r"[ ]*(?:- )?[\"']?(?P<name>[\w.-]{1,120})[\"']?[ \t]*:[ \t]*(?P<value>.*)")
_MAX_LINE = 4096
_KINDS = ("kind: Secret", 'kind: "Secret"')
_KNOWN_TO_ALL = word_set(
    "type provider host hostname port database dbname db username user url uri namespace region name email schema",
    "driver sslmode",
)


@dataclass
class _Document:
    """What is known of a document when a line of it is read."""

    secret: bool = False
    """It is of the kind Secret."""
    data: int | None = None
    """The indentation of the `data` whose entries follow."""
    block: tuple[int, Promise, str] | None = None
    """The indentation of the name whose block scalar follows, what the name promises, and the name."""


def yaml_secrets(text: str) -> Iterator[Span]:
    """Where they stand."""
    if not any(kind in text for kind in _KINDS) and not _BLOCK.found_in(text):
        return
    document = _Document()
    place = 0
    for line in text.split("\n"):
        content = line.strip()
        if content == "---":
            document = _Document()
        elif content and not content.startswith("#"):
            span = _in_line(document, line, content, text, place)
            if span is not None:
                yield place + span[0], place + span[1]
        place += len(line) + 1


def _in_line(document: _Document, line: str, content: str, text: str, place: int) -> Span | None:
    indent = len(line) - len(line.lstrip(" "))
    if document.block is not None and indent > document.block[0]:
        return (indent, indent + len(content)) if _is_secret_line(content, document.block) else None
    document.block = None
    document.secret = document.secret or content in _KINDS
    if document.data is not None and indent <= document.data:
        document.data = None
    entry = _ENTRY.match(line[:_MAX_LINE].rstrip())
    if entry is None:
        return None
    name, value = entry.text("name"), entry.text("value")
    if value[:1] in ("|", ">") and len(value) <= 3:
        document.block = _block(document, indent, name)
    elif name in ("data", "stringData") and not value:
        # The kind may stand below the data.
        document.data = indent if document.secret or _is_secret_below(text, place) else None
    elif document.data is not None and name.lower() not in _KNOWN_TO_ALL:
        return _scalar(value, entry.span("value")[0])
    return None


def _block(document: _Document, indent: int, name: str) -> tuple[int, Promise, str] | None:
    if document.data is not None:
        return indent, Promise.LITTLE, name
    promised = promise(name)
    return None if promised in (Promise.LITTLE, Promise.NONE) else (indent, promised, name)


def _is_secret_line(content: str, block: tuple[int, Promise, str]) -> bool:
    _, promised, name = block
    if "-----" in content or SHADOWED_MARK.found_in(content):
        return False
    # A whole file may be kept in a secret: only what is one word of it may be one.
    return is_token(content) if promised is Promise.LITTLE else is_secret(content, name, promised, setting=True)


def _scalar(value: str, place: int) -> Span | None:
    bare = value.split(" #", 1)[0].strip()
    place += len(bare) - len(bare.lstrip("\"'"))
    bare = bare.strip("\"'")
    if len(bare) < 3 or bare[0] == "$" or "{{" in bare or is_placeholder(bare) or SHADOWED_MARK.found_in(bare):
        return None
    return place, place + len(bare)


def _is_secret_below(text: str, place: int) -> bool:
    document = text[place : place + _MAX_LINE].split("\n---", 1)[0]
    return any(f"\n{kind}" in document for kind in _KINDS)
