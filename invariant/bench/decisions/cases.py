"""Labelled cases: a constitution, a repository, and for each requirement the right answer and why."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from worker.core.vocabulary import CriterionKind

CONSTITUTION = "CONSTITUTION.md"
LABELS = "labels.toml"
REPOSITORY = "repository"


class NotACase(ValueError):
    """A folder that cannot be read as a case. The message names the file and says what is wrong."""


class Answer(StrEnum):
    """What is true of a requirement. `open`: the whole repository could not tell; `process`: it is about people."""

    BROKEN = "broken"
    KEPT = "kept"
    PROCESS = "process"
    OPEN = "open"


class Nothing(BaseModel):
    """Lines of a constitution that require nothing. They count from 1, both inclusive."""

    model_config = ConfigDict(frozen=True)

    line: int
    end_line: int | None = None
    why: str = ""

    @property
    def last(self) -> int:
        return self.end_line or self.line

    @property
    def lines(self) -> range:
        return range(self.line, self.last + 1)


class Label(Nothing):
    """One requirement of a constitution."""

    quote: str
    """Words of the constitution on one of the lines, enough to recognise the requirement."""
    kind: CriterionKind
    answer: Answer
    places: tuple[str, ...] = ()
    """`path:line` of every violation."""
    scope: str | None = None
    topic: str = ""


class Source(BaseModel):
    """A commit of a repository that is not in the case itself."""

    model_config = ConfigDict(frozen=True)

    url: str
    commit: str


@dataclass(frozen=True)
class Case:
    """`labels` and `nothing` are in the order of the file. `source` None: the repository is a folder of the case."""

    folder: Path
    languages: tuple[str, ...]
    summary: str
    constitution: str
    labels: tuple[Label, ...]
    nothing: tuple[Nothing, ...]
    source: Source | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def repository(self) -> Path:
        return self.folder / REPOSITORY


def load_all(folder: Path) -> list[Case]:
    """The cases in `folder`, by name; `folder` may be one itself. Raises NotACase."""
    if not folder.is_dir():
        raise NotACase(f"{folder}: there is no such folder")
    folders = [folder] if (folder / LABELS).is_file() else sorted(path.parent for path in folder.glob(f"*/{LABELS}"))
    return [load(case) for case in folders]


def load(folder: Path) -> Case:
    """The case in `folder`. Raises NotACase."""
    path = folder / LABELS
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        constitution = (folder / CONSTITUTION).read_text(encoding="utf-8")
        source = None if "source" not in document else Source.model_validate(document["source"])
        if source is None and not (folder / REPOSITORY).is_dir():
            raise NotACase(f"{folder / REPOSITORY}: there is no such folder")
        return Case(
            folder,
            tuple(document.get("languages", ())),
            str(document.get("summary", "")),
            constitution,
            tuple(Label.model_validate(entry) for entry in document.get("criterion", ())),
            tuple(Nothing.model_validate(entry) for entry in document.get("nothing", ())),
            source,
        )
    except OSError as error:
        raise NotACase(f"{error.filename}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NotACase(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise NotACase(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def problems(case: Case) -> list[str]:
    """What is wrong with a case: quotes and places that are not there, lines in no label, words that contradict."""
    lines = case.constitution.split("\n")
    entries: list[Nothing] = [*case.labels, *case.nothing]
    wrong = [f"no {key}" for key in ("languages", "summary") if not getattr(case, key)]
    for entry in entries:
        if not 1 <= entry.line <= entry.last <= len(lines):
            wrong.append(f"lines {entry.line} to {entry.last}: not in the constitution")
        if not entry.why:
            wrong.append(f"line {entry.line}: no why")
    for before, after in pairwise(case.labels):
        if after.line < before.line:
            wrong.append(f"line {after.line}: out of order")
    required = {number for label in case.labels for number in label.lines}
    informing = {number for entry in case.nothing for number in entry.lines}
    wrong += [f"line {number}: a requirement and nothing at once" for number in sorted(required & informing)]
    for number, line in enumerate(lines, start=1):
        if line.strip() and number not in required | informing:
            wrong.append(f"line {number}: in no label: {line.strip()[:60]!r}")
    for label in case.labels:
        wrong += [f"line {label.line}: {what}" for what in _label_problems(label, lines)]
        wrong += [f"line {label.line}: {what}" for place in label.places for what in _place_problems(place, case)]
    return wrong


def _label_problems(label: Label, lines: list[str]) -> list[str]:
    wrong = []
    if not label.quote.strip() or not any(label.quote in line for line in lines[label.line - 1 : label.last]):
        wrong.append(f"the quote is not there: {label.quote!r}")
    if (label.kind is CriterionKind.PROCESS) != (label.answer is Answer.PROCESS):
        wrong.append("the kind process and the answer process go together")
    if not label.topic:
        wrong.append("no topic")
    if label.answer is Answer.BROKEN and not label.places and label.kind is not CriterionKind.SOMEWHERE:
        wrong.append("broken without a place")
    if label.answer is not Answer.BROKEN and label.places:
        wrong.append("places, but not broken")
    return wrong


def _place_problems(place: str, case: Case) -> list[str]:
    path, _, number = place.rpartition(":")
    file = case.repository / path
    if not file.is_file():
        return [f"there is no file {path}"]
    lines = file.read_text(encoding="utf-8").splitlines()
    if not number.isdigit() or not 1 <= int(number) <= len(lines):
        return [f"there is no line {place}"]
    return [] if lines[int(number) - 1].strip() else [f"{place} is blank"]
