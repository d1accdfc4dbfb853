"""Secrets that show by what they stand in: private keys, the data of a Kubernetes secret, block scalars, files of logins."""

from collections.abc import Iterator

from worker.core.telemetry.kinds import Kind
from worker.core.telemetry.linear import any_of, pattern
from worker.core.telemetry.marks import MARK, Span
from worker.core.telemetry.names import Promise, promise
from worker.core.telemetry.values import is_drawn, is_placeholder, is_secret, is_token

# The body ends at the first character that no such key has, or at two dashes.
_PRIVATE_KEY = pattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<body>(?:[A-Za-z0-9+/=\s\"'`,;:.()\\|*#>_&@]|-[^-])*)"
)
# A line of it, in a text or in a literal; what stands around it is indentation, quotes and signs of comments.
_KEY_PIECE = pattern(r"[A-Za-z0-9+/]{4,}={0,2}")
_ENDED = "-----END"

_UNNAMED = pattern(r"(?:[^A-Za-z0-9+/_.@-]|^)(?P<value>[A-Za-z0-9+/_-]{24,256}={0,2})(?:[^A-Za-z0-9+/_=@.-]|$)")
_OF_NO_HARM = pattern(
    r"(?i)",
    any_of(
        "sha|integrity|hash|digest|checksum|md5|fingerprint|thumbprint|etag|publi|cert|base64|ssh-|uuid|guid|alphabet|chars|commit|revision",
        r"verification|nonce|opaque|challenge|signature|\bsri\b|src=|href=|url|\bids?\b|_id\b|version|pubkey|ecdsa|ed25519|track|resource|cid|ipfs",
        "image|font|icon|binary|d=|path|snapshot|expect|assert|vector|modulus|exponent|site[_-]?key|import|require|package|module|class|translation",
    ),
)
_MACHINE = pattern(r"[^:\s]{1,255}:(?:\d+|\*):[^:\s]+:[^:\s]+:(?P<value>.+)")
_BLOCK = pattern(r"(?i)(?:passw|passphrase|secret|token|key|cred|auth)[\w.-]*[\"']?[ \t]*:[ \t]*[|>][+-]?[ \t]*\n")
_ENTRY = pattern(r"(?P<indent>[ ]*)(?:- )?[\"']?(?P<name>[\w.-]{1,120})[\"']?[ \t]*:[ \t]*(?P<value>.*)")


_KNOWN_TO_ALL = frozenset(
    "type provider host hostname port database dbname db username user url uri namespace region name email schema driver sslmode".split()
)


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
        content = content.removesuffix("+").rstrip(" \"'`") if content.endswith((" +", "\"+", "'+")) else content
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


def yaml_blocks(text: str) -> Iterator[Span]:
    """In YAML: everything under `data` of a Secret, and block scalars of a secret's name."""
    secret = False
    inside: int | None = None
    block: tuple[int, Promise, str] | None = None
    place = 0
    for line in text.split("\n"):
        start, place = place, place + len(line) + 1
        content = line.strip()
        indent = len(line) - len(line.lstrip(" "))
        if content == "---":
            secret, inside, block = False, None, None
        if not content or content.startswith("#"):
            continue
        if block is not None and indent > block[0]:
            if "-----" not in content and (is_secret(content, block[2], block[1], setting=True) if block[1] is not Promise.LITTLE else is_token(content)):
                yield start + indent, start + indent + len(content)
            continue
        block = None
        if content in ("kind: Secret", 'kind: "Secret"'):
            secret = True
        if inside is not None and indent <= inside:
            inside = None
        entry = _ENTRY.match(line[:4096].rstrip())
        if entry is None:
            continue
        name, value = entry.text("name"), entry.text("value")
        if value[:1] in ("|", ">") and len(value) <= 3:
            promised = promise(name)
            if inside is not None:
                block = (indent, Promise.LITTLE, name)
            elif promised in (Promise.PASSWORD, Promise.SECRET, Promise.TOKEN):
                block = (indent, promised, name)
        elif name in ("data", "stringData") and not value:
            # The kind may stand after the data.
            inside = indent if secret or _is_secret_below(text, start) else None
        elif inside is not None and value and name.lower() not in _KNOWN_TO_ALL:
            bare = value.split(" #", 1)[0].strip()
            quote = len(bare) - len(bare.lstrip("\"'"))
            bare = bare.strip("\"'")
            if not MARK.search(bare) and len(bare) >= 3 and not is_placeholder(bare) and "{{" not in bare and bare[0] != "$":
                begins = start + entry.span("value")[0] + quote
                yield begins, begins + len(bare)


def _is_secret_below(text: str, place: int) -> bool:
    document = text[place : place + 4096].split("\n---", 1)[0]
    return "\nkind: Secret" in document


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
    if kind is Kind.YAML and ("kind: Secret" in text or _BLOCK.found_in(text)):
        yield from yaml_blocks(text)
    if kind is Kind.SETTINGS:
        yield from logins(text, path)
    if kind not in (Kind.LOCK, Kind.TRANSLATION):
        yield from unnamed(text, kind)
    if kind in (Kind.SHELL, Kind.PROSE, Kind.YAML, Kind.CODE):
        yield from commands(text)


_COMMAND = pattern(
    any_of(
        r"\bcurl\b[^\n|;]*?\s(?:-u|--user|--proxy-user|-U)[ =]?[\"']?[^\s:\"'$]+:(?P<curl>[^\s\"'$<>{}]{3,})",
        r"\bsshpass\s+-p\s*[\"']?(?P<sshpass>[^\s\"'$<>{}]{3,})",
        r"\bmysql(?:dump|admin)?\b[^\n|;]*?\s-p[\"']?(?P<mysql>[^\s\"'$<>{}-][^\s\"'$<>{}]{2,})",
        r"\b(?:docker|podman|helm registry|oras|skopeo)\s+login\b[^\n|;]*?\s-p[ =]?[\"']?(?P<docker>[^\s\"'$<>{}]{3,})",
        r"-pass(?:in|out)?\s+[\"']?pass:(?P<openssl>[^\s\"'$<>{}]{3,})",
        r"\bssh-keygen\b[^\n|;]*?\s-[PN][ ]?[\"']?(?P<keygen>[^\s\"'$<>{}]{3,})",
        r"\bredis-cli\b[^\n|;]*?\s-a[ =]?[\"']?(?P<redis>[^\s\"'$<>{}]{3,})",
        r"\bhtpasswd\s+-[A-Za-z]*b[A-Za-z]*\s+\S+\s+\S+\s+[\"']?(?P<htpasswd>[^\s\"'$<>{}]{3,})",
        r"\b(?:IDENTIFIED\s+BY|identified\s+by|(?:WITH\s+)?PASSWORD|(?:with\s+)?password)\s+'(?P<sql>[^\s'$<>{}]{3,})'",
        r"\b(?:chpasswd|passwd --stdin)\b[^\n]*?<<<\s*[\"']?(?:[^\s:\"'$]+:)?(?P<chpasswd>[^\s\"'$<>{}]{3,})",
        r"\becho\s+[\"']?[\w.-]+:(?P<echoed>[^\s\"'$<>{}]{3,})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
    ),
)
_GROUPS = ("curl", "keygen", "openssl", "sshpass", "mysql", "docker", "redis", "htpasswd", "sql", "chpasswd", "echoed")


def commands(text: str) -> Iterator[Span]:
    """Passwords given to commands by options that are no words."""
    for line_start, line in _lines_with_commands(text):
        for found in _COMMAND.finditer(line):
            for group in _GROUPS:
                value = found.text(group)
                if value and not is_placeholder(value) and (group != "mysql" or is_token(value) or not value.isalpha()):
                    yield line_start + found.span(group)[0], line_start + found.span(group)[1]


_HAS_COMMAND = pattern(r"curl|ssh-keygen|-pass|sshpass|mysql|login|redis-cli|htpasswd|chpasswd|(?i:identified\s+by)|(?i:password)\s+'")


def _lines_with_commands(text: str) -> Iterator[tuple[int, str]]:
    done = -1
    for found in _HAS_COMMAND.finditer(text):
        if found.span()[0] < done:
            continue
        start = max(text.rfind("\n", max(0, found.span()[0] - 500), found.span()[0]) + 1, found.span()[0] - 500, 0)
        end = min(found.span()[0] + 1000, len(text))
        done = end
        line_end = text.find("\n", found.span()[0], end)
        end = line_end if line_end >= 0 else end
        done = end
        yield start, text[start:end]
