"""Mask what looks like a secret, in logs and in everything that quotes a repository."""

import math
import re
from collections import Counter

MASK = "***"

_SHAPES = re.compile(
    r"""
      (?<=://)[^/\s:@"']*:[^/\s@"']+(?=@)                  # user:password@ in a URL
    | \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}                    # OpenAI, Anthropic and their like
    | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}        # Stripe
    | \b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}           # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bglpat-[A-Za-z0-9_-]{16,}                           # GitLab
    | \bxox[abprs]-[A-Za-z0-9-]{10,}                       # Slack
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                        # AWS
    | \bAIza[0-9A-Za-z_-]{30,}                             # Google
    | \binv_[A-Za-z0-9_-]{20,}                             # our own user tokens
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+   # JSON web tokens (RFC 7519)
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<=[Bb]earer\ )[A-Za-z0-9._~+/=-]{8,}
    """,
    re.VERBOSE,
)

_NAMES = re.compile(
    r"passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential", re.IGNORECASE
)
# Each alternative reads on from where it begins and never back, so the time is linear in the text.
_LITERAL = re.compile(
    r"""(?P<long>\"{3}|'{3})(?:[^\\]|\\.)*?(?:(?P=long)|\Z)|(?P<quote>["'])(?:[^"'\\\n]|\\.|(?!(?P=quote))["'])*(?:(?P=quote)|$)""",
    re.DOTALL | re.MULTILINE,
)
# Quotes and messages are a few lines; nobody is helped by masking a megabyte.
_MAX_CODE = 8_000

# Where none of these stands, no shape can match; looking for them costs a fraction of trying the shapes.
_HINTS = (
    "://",
    "sk-",
    "pk-",
    "rk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "ASIA",
    "AIza",
    "inv_",
    "eyJ",
    "BEGIN ",
    "earer ",
)


def mask(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` with known secret values and anything shaped like a credential replaced by `***`."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    if not any(hint in text for hint in _HINTS):
        return text
    return _SHAPES.sub(MASK, text)


def mask_code(text: str) -> str:
    """Like `mask`, and every string literal after a name such as `password` is masked as well.

    The text is cut at 8,000 characters.
    """
    text = mask(text[:_MAX_CODE])
    name = _NAMES.search(text)
    if name is None:
        return text

    def masked(literal: re.Match[str]) -> str:
        if literal.start() < name.end():
            return literal[0]
        quote = literal["long"] or literal["quote"]
        closed = len(literal[0]) >= 2 * len(quote) and literal[0].endswith(quote)
        return f"{quote}{MASK if len(literal[0]) > 2 * len(quote) or not closed else ''}{quote if closed else ''}"

    return _LITERAL.sub(masked, text)


# Files that set things hold secrets without quotes.
_ASSIGNED = re.compile(
    r"^(?P<name>\s*[-\w.\"' ]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key"
    r"|credential)[-\w.\"']*\s*[:=]\s*)(?P<value>[^\s#{$\[(].*)$",
    re.IGNORECASE,
)
_SETTING = re.compile(r"^(?P<name>\s*(?:export\s+)?[A-Za-z_][\w.]*\s*=\s*)(?P<value>\S.*)$")
_CONFIGURATION = re.compile(r"\.(?:ya?ml|toml|ini|cfg|conf|properties|json|tf|tfvars)$", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"(?:^|/)\.env[^/]*$|\.env$", re.IGNORECASE)
# What looks drawn by lot: three kinds of characters and no two dozen of them alike.
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_BITS = 4.1


def _looks_random(word: re.Match[str]) -> str:
    text = word[0]
    kinds = (any(c.isdigit() for c in text), any(c.isupper() for c in text), any(c.islower() for c in text))
    counts = Counter(text).values()
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    return MASK if all(kinds) and bits >= _BITS else text


def mask_file(text: str, path: str) -> str:
    """A file's text as a stranger may read it: with as many lines, and nothing that looks like a secret.

    Stricter than `mask_code`: in configuration a value needs no quotes to be masked, in `.env` files every
    value is, and so is what looks random.
    """
    if any(hint in text for hint in _HINTS):
        text = _SHAPES.sub(lambda found: MASK + "\n" * found[0].count("\n"), text)
    text = _RANDOM.sub(_looks_random, text)
    lines = text.split("\n")
    # Most lines name no secret: they are not looked at one by one.
    number, place, done = 0, 0, -1
    for found in _NAMES.finditer(text):
        number += text.count("\n", place, found.start())
        place = found.start()
        if number != done:
            lines[number] = mask_code(lines[number])
            done = number
    assigned = _SETTING if _ENVIRONMENT.search(path) else _ASSIGNED if _CONFIGURATION.search(path) else None
    if assigned is not None:
        lines = [assigned.sub(lambda found: found["name"] + MASK, line) for line in lines]
    return "\n".join(lines)
