"""The masker's corpus (tests/fixtures/masking) and how well a masker does on it."""

import hashlib
import random
import re
import string
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from worker.core.telemetry.masking.marks import MARK

FOLDER = Path(__file__).parents[1] / "fixtures" / "masking"
_DRAWN = re.compile(r"~([A-Za-z0-9]+):(\d+)~")
_SIGNS = {"pw": "!#$%^&*-+=?", "pwu": "!*-_", "pwj": "!#$%^&*-+=?", "pwx": "!#$%^*-+=?"}
_CHARACTERS = {
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "b64u": string.ascii_letters + string.digits + "-_",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "B32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "dig": string.digits,
    "low": string.ascii_lowercase + string.digits,
}


@dataclass(frozen=True)
class Case:
    path: str
    line: str
    """As it stands in the corpus."""
    text: str
    secrets: tuple[tuple[int, int], ...]
    """Where in the text each secret stands."""
    held_out: bool


@dataclass(frozen=True)
class Score:
    """How well a masker did.

    Recall: the share of the secrets of which every character is hidden (line breaks aside). Precision: the share of the
    marks that hide nothing but characters of secrets; of two marks in one secret both count.
    """

    secrets: int
    hidden: int
    marks: int
    right: int
    missed: tuple[Case, ...]
    wrong: tuple[Case, ...]

    @property
    def recall(self) -> float:
        return self.hidden / self.secrets

    @property
    def precision(self) -> float:
        return self.right / self.marks if self.marks else 1.0

    def __str__(self) -> str:
        return f"recall {self.recall:.4f} ({self.hidden}/{self.secrets}), precision {self.precision:.4f} ({self.right}/{self.marks})"


def _password(signs: str, length: int, chance: random.Random) -> str:
    """A password with a letter first, a digit and a sign inside."""
    characters = string.ascii_letters + string.digits
    rest = [chance.choice(string.digits), chance.choice(signs), *chance.choices(characters + signs, k=length - 4)]
    chance.shuffle(rest)
    return "".join([chance.choice(string.ascii_letters), *rest, chance.choice(characters)])


def _drawn(kind: str, length: int, chance: random.Random) -> str:
    if kind == "uuid":
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))
    if kind in _SIGNS:
        return _password(_SIGNS[kind], length, chance)
    return "".join(chance.choices(_CHARACTERS[kind], k=length))


def _case(path: str, line: str) -> Case:
    digest = hashlib.sha256(f"{path}\0{line}".encode()).digest()
    chance = random.Random(digest)
    drawn = _DRAWN.sub(lambda found: _drawn(found[1], int(found[2]), chance), line).replace("↵", "\n")
    text, secrets, start = "", [], 0
    for piece in re.split("([‹›])", drawn):
        if piece == "‹":
            start = len(text)
        elif piece == "›":
            secrets.append((start, len(text)))
        else:
            text += piece
    return Case(path, line, text, tuple(secrets), digest[0] % 2 == 1)


def cases() -> list[Case]:
    corpus, path = [], ""
    block: list[str] | None = None
    for file in sorted(FOLDER.glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if block is not None and line != ">>>":
                block.append(line)
            elif line.startswith("== "):
                path = line.removeprefix("== ")
            elif line == "<<<":
                block = []
            elif block is not None:
                corpus.append(_case(path, "\n".join(block)))
                block = None
            elif line:
                corpus.append(_case(path, line))
    return corpus


def hidden_in(text: str, masked: str) -> list[tuple[int, int]] | None:
    """Where the marks of the masked text stand in the text; None when something else than marks differs."""
    spans, place, end = [], 0, 0
    for found in MARK.finditer(masked):
        kept = masked[end : found.start()]
        if text[place : place + len(kept)] != kept:
            return None
        place += len(kept)
        length = int(re.sub(r"\D", "", found[0]))
        spans.append((place, place + length))
        place, end = place + length, found.end()
    return spans if text[place:] == masked[end:] else None


def score(corpus: Iterable[Case], masker: Callable[[Case], list[tuple[int, int]]]) -> Score:
    """`masker` says which spans of a case's text it hides."""
    secrets = hidden = marks = right = 0
    missed, wrong = [], []
    for case in corpus:
        spans = masker(case)
        covered = {n for start, end in spans for n in range(start, end)}
        wanted = {n for start, end in case.secrets for n in range(start, end)}
        whole = [all(n in covered or case.text[n].isspace() for n in range(start, end)) for start, end in case.secrets]
        good = [all(n in wanted for n in range(start, end)) for start, end in spans]
        secrets, hidden = secrets + len(whole), hidden + sum(whole)
        marks, right = marks + len(good), right + sum(good)
        if not all(whole):
            missed.append(case)
        if not all(good):
            wrong.append(case)
    return Score(secrets, hidden, marks, right, tuple(missed), tuple(wrong))
