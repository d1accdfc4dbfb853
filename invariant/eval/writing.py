"""Write cases of a suite: the folders that `bench decisions` and `eval` read."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from invariant.bench.decisions.cases import CONSTITUTION, LABELS, REPOSITORY, Source
from worker.core.vocabulary import CriterionKind


@dataclass(frozen=True)
class Requirement:
    """One requirement of a case that is made: a line of its constitution, and the right answer."""

    text: str
    broken: bool
    places: tuple[str, ...] = ()
    """`path:line` of each violation that is known."""
    why: str = "as the set says"
    kind: CriterionKind = CriterionKind.FORBIDS
    topic: str = "imported"


def write(
    folder: Path,
    requirements: Sequence[Requirement],
    *,
    summary: str,
    languages: Sequence[str],
    files: Iterable[tuple[str, bytes]] | None = None,
    source: Source | None = None,
) -> None:
    """Write a case with its own `files`, or one whose repository is at `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Rules", "", *(f"- {_one_line(requirement.text)}" for requirement in requirements)]
    (folder / CONSTITUTION).write_text("\n".join(lines) + "\n", encoding="utf-8")
    parts = [f"languages = {json.dumps(list(languages))}", f"summary = {_text(summary)}", ""]
    if source is not None:
        parts += ["[source]", f"url = {_text(source.url)}", f"commit = {_text(source.commit)}", ""]
    parts += ["[[nothing]]", "line = 1", 'why = "title"', ""]
    for number, requirement in enumerate(requirements, start=3):
        parts += [
            "[[criterion]]",
            f"line = {number}",
            f"quote = {_text(_one_line(requirement.text))}",
            f'kind = "{requirement.kind.value}"',
            f'answer = "{"broken" if requirement.broken else "kept"}"',
            f"places = [{', '.join(map(_text, requirement.places))}]",
            f"topic = {_text(requirement.topic)}",
            f"why = {_text(requirement.why)}",
            "",
        ]
    (folder / LABELS).write_text("\n".join(parts), encoding="utf-8")
    for path, content in files or ():
        place = folder / REPOSITORY / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def name_of(text: str) -> str:
    """A folder's name for a case."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:80] or "case"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's."""
    return json.dumps(value.replace("\x7f", " "), ensure_ascii=False)
