"""Secrets that show by what they stand in: private keys, files of logins, and values drawn by lot."""

from collections.abc import Iterator

from worker.core.telemetry.masking.commands import commands
from worker.core.telemetry.masking.kinds import Kind
from worker.core.telemetry.masking.linear import any_of, pattern
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.values import is_drawn, is_placeholder
from worker.core.telemetry.masking.yaml_secrets import yaml_secrets

# The body ends at the first character that no such key has, or at two dashes.
_PRIVATE_KEY = pattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<body>(?:[A-Za-z0-9+/=\s\"'`,;:.()\\|*#>_&@]|-[^-])*)"
)
# A line of it, in a text or in a literal; what stands around it is indentation, quotes and signs of comments.
_KEY_PIECE = pattern(r"[\w+/=.-]{4,}")
_ENDED = "-----END"

_UNNAMED = pattern(r"(?:[^A-Za-z0-9+/_.@-]|^)(?P<value>[A-Za-z0-9+/_-]{24,256}={0,2})(?:[^A-Za-z0-9+/_=@.-]|$)")
_OF_NO_HARM = pattern(
    r"(?i)",
    any_of(
        "sha|integrity|hash|digest|checksum|md5|fingerprint|thumbprint|etag|publi|cert|base64|ssh-|uuid|guid|alphabet|chars",
        "commit|revision",
        r"verification|nonce|opaque|challenge|signature|\bsri\b|src=|href=|url|\bids?\b|id[\"'`]?\s*[:=]|version|pubkey|ecdsa",
        "ed25519|track|resource|cid|ipfs",
        "image|font|icon|binary|d=|path|snapshot|expect|assert|vector|modulus|exponent|site[_-]?key|import|require|package",
        "module|class|translation",
    ),
)
_MACHINE = pattern(r"[^:\s]{1,255}:(?:\d+|\*):[^:\s]+:[^:\s]+:(?P<value>.+)")


def private_keys(text: str) -> Iterator[Span]:
    """The bodies of private keys, line by line, headers and the lines around them left."""
    for found in _PRIVATE_KEY.finditer(text) if "PRIVATE KEY" in text else ():
        start, end = found.span("body")
        ended = text.startswith(_ENDED, end)
        for first, last in _key_lines(found.text("body")):
            if ended or last - first >= 40:
                yield start + first, start + last


def _key_lines(body: str) -> Iterator[Span]:
    place = 0
    for line in body.replace("\\n", "\n\n").split("\n"):
        content = line.strip(" \t\r\"'`,;.\\|*#>()&").lstrip("=")
        content = content.removesuffix("+").rstrip(" \"'`") if content.endswith((" +", '"+', "'+")) else content
        first = place + line.find(content)
        parts = content.split()
        if len(parts) == 1 or all(len(part) >= 16 for part in parts):
            for part in parts:
                at = body.index(part, first) if _KEY_PIECE.fullmatch(part) and not is_placeholder(part) else -1
                if at >= 0:
                    yield at, at + len(part)
                    first = at + len(part)
        place += len(line) + 1


def unnamed(text: str, kind: Kind) -> Iterator[Span]:
    """Values drawn by lot that no name announces: literals, and in settings whatever is assigned."""
    bare = kind in (Kind.SETTINGS, Kind.YAML, Kind.SHELL)
    for found in _UNNAMED.finditer(text):
        value = found.text("value")
        if value.count("/") > 2 or not is_drawn(value):
            continue
        start, end = found.span("value")
        line = text[max(0, start - 120) : start].rsplit("\n", 1)[-1]
        quoted = text[start - 1 : start] in ('"', "'", "`") or (bare and line.rstrip().endswith(("=", ":")))
        if quoted and not _OF_NO_HARM.found_in(line):
            yield start, end


def logins(text: str, path: str) -> Iterator[Span]:
    """Files of which each line is a login: `.pgpass`."""
    if not path.endswith(".pgpass"):
        return
    place = 0
    for line in text.split("\n"):
        found = _MACHINE.match(line[:4096].rstrip())
        if found is not None and not is_placeholder(found.text("value")):
            yield place + found.span("value")[0], place + found.span("value")[1]
        place += len(line) + 1


def structures(text: str, kind: Kind, path: str) -> Iterator[Span]:
    """All of them that the kind of file can hold."""
    yield from private_keys(text)
    if kind is Kind.YAML:
        yield from yaml_secrets(text)
    if kind is Kind.SETTINGS:
        yield from logins(text, path)
    if kind not in (Kind.LOCK, Kind.TRANSLATION):
        yield from unnamed(text, kind)
    if kind in (Kind.SHELL, Kind.PROSE, Kind.YAML, Kind.CODE):
        yield from commands(text)
