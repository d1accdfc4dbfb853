"""Hide secrets, in logs, messages and whatever quotes a repository.

Only the value is hidden, never its name, its quotes or the code around it. Where the value stood there is a mark
(`marks`). The same text gives the same result; a result that is masked again stays what it is.

Three questions find a secret: does it show by its own form (`shapes`), by the name it is given to (`assignments`), by
what it stands in (`structures`)? `values` then says whether it is one, and no placeholder. What all of it is worth is
measured in tests/worker/core/telemetry/test_masking.py. All patterns are linear in the text (`linear`).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from urllib.parse import quote

from worker.core.telemetry.masking import environment
from worker.core.telemetry.masking.assignments import assignments
from worker.core.telemetry.masking.kinds import Kind, kind_of
from worker.core.telemetry.masking.linear import shadow
from worker.core.telemetry.masking.marks import Span, cut, hide, is_marked, mark, split_marks, without_false_marks
from worker.core.telemetry.masking.shapes import shapes
from worker.core.telemetry.masking.structures import private_keys, structures

__all__ = ["cut", "is_marked", "mark", "mask", "mask_code", "mask_file", "split_marks", "without_false_marks"]

# What is hidden can let something else show, a word's end for instance.
_ROUNDS = 8


def mask(text: str, secrets: tuple[str, ...] = ()) -> str:
    """The text with the known secrets and all that is shaped like a credential hidden: for logs, messages, answers."""
    return _settled(text, partial(_in_message, secrets=secrets))


def mask_code(text: str, path: str | None = None) -> str:
    """Some lines of a file with the secrets in them hidden. Marks that are there stay.

    Without a path it is read as a text that may hold anything, and what is not quoted must be more than a word.
    """
    return _settled(text, partial(_in_file, kind=kind_of(path), path=path or ""))


def mask_file(text: str, path: str) -> str:
    """A whole file, as it stands in its repository, as a stranger may read it. It keeps its lines; one that was built
    so that nothing hides its secrets for good is one mark, without lines.

    What looks like a mark and was written by the file's author is made none; so this is for raw text only.
    """
    return mask_code(without_false_marks(text), path)


def _settled(text: str, secrets_in: Callable[[str], Iterable[Span]]) -> str:
    def hidden_once(text: str) -> str:
        return hide(text, secrets_in(shadow(text)))

    for _ in range(_ROUNDS):
        hidden = hidden_once(text)
        if hidden == text:
            return text
        text = hidden
    # Built so that something always shows. Whole lines, then, where it does.
    for _ in range(_ROUNDS):
        hidden = hidden_once(text)
        if hidden == text:
            return text
        pairs = zip(text.split("\n"), hidden.split("\n"), strict=True)
        text = "\n".join(line if line == now else hide(line, [(0, len(line))]) for line, now in pairs)
    return mark(len(text))


def _in_message(text: str, secrets: tuple[str, ...]) -> Iterator[Span]:
    for secret in _as_written(secrets):
        place = text.find(secret)
        while place >= 0:
            yield place, place + len(secret)
            place = text.find(secret, place + len(secret))
    yield from shapes(text)
    yield from private_keys(text)


def _in_file(text: str, kind: Kind, path: str) -> Iterator[Span]:
    yield from shapes(text)
    yield from structures(text, kind, path)
    if kind not in (Kind.TRANSLATION, Kind.LOCK):
        yield from assignments(text, kind)
    if environment.is_environment(path):
        yield from environment.values(text)


@lru_cache(maxsize=64)
def _as_written(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """The secrets as they stand in plain text, in JSON and in a URL."""
    forms = (
        form for secret in secrets if secret for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))
    )
    return tuple(sorted(dict.fromkeys(forms), key=len, reverse=True))
