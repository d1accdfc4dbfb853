"""Names of secrets in a text, and what stands around them."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.core.telemetry.masking.linear import pattern
from worker.core.telemetry.masking.names import Promise, is_about, promise, words

_HINT = pattern(
    r"(?i)passw|passphrase|passcode|pass\b|_pass|pwd|secret|token|key|cred|auth|jwt|salt|cookie|bearer|pswd|psw|kennwort|senha|"
    r"contrase.a|wachtwoord|mot_?de_?passe|haslo|lozinka|\bpw\b|_pw\b|(?-i:[a-z]Pw\b|Pass\b)|\bmdp\b|_mdp|pepper|\bpat\b|_pat\b|_sid\b|"
    r"sess(?:ion)?_?id|_private\b"
)
_NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.$\x7f"
_RUN = pattern(r"[^\s\"'`;,<>(){}]{16}")
"""What a value drawn by lot has at least."""
_WIDTH = 60
_BEFORE = 160
_AFTER = 240
_SETTERS = (("set",), ("with",))


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a text."""

    name: str
    end: int
    """Where the name ends."""
    promise: Promise
    before: str
    """What stands before it on its line, or the end of that."""
    after: str
    """What follows it, to a limit."""
    setter: bool
    """It is called, and sets what it names: `setPassword(`."""


def names_in(text: str) -> Iterator[Named]:
    """The names in the text whose values may be secrets."""
    done = 0
    for hint in _HINT.finditer(text):
        start, end = hint.span()
        if start < done:
            continue
        named = _named(text, start, end)
        if named is not None:
            done = named.end
            yield named


def _named(text: str, start: int, end: int) -> Named | None:
    left = text[max(0, start - _WIDTH) : start]
    begins = start - len(left) + len(left.rstrip(_NAME_CHARACTERS))
    right = text[end : end + _WIDTH]
    end += len(right) - len(right.lstrip(_NAME_CHARACTERS))
    # A sentence's full stop and an arrow's dash are not the name's; nor is a comparison.
    name = text[begins:end].rstrip(".-$")
    end = begins + len(name)
    name = name.lstrip("-.$").removesuffix(".equals")
    if len(text[begins:end].lstrip("-.$")) != len(name):
        end -= len(".equals")
    called = name.rsplit(".", 1)[-1]
    setter = text.startswith("(", end) and words(called)[:1] in _SETTERS
    promised = promise(called[3:] if called[:3].lower() == "set" else called[4:]) if setter else promise(name)
    if promised is Promise.NONE:
        return None
    place = end - len(name)
    before = text[max(0, place - _BEFORE) : place]
    before = before[before.rfind("\n") + 1 :]
    if before.endswith("/") and not before.endswith(("//", ":/")):
        return None
    if before.endswith(" ") and is_about(before[before.rfind(" ", 0, -1) + 1 : -1].lower().lstrip("\"'`(")):
        promised = Promise.LITTLE
    after = text[end : end + _AFTER]
    if promised is Promise.LITTLE and not _RUN.found_in(after):
        return None
    return Named(name, end, promised, before, after, setter)
