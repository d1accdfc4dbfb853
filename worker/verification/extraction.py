"""Read criteria from a constitution with a model, and check what it read against the text.

Every criterion rests on a quote that is in the constitution; one whose quote is not there is dropped. A key is
made from the quote, so the same words keep their key in every version and whichever way they were read. A
statement with MUST, SHALL or NEVER that the model left out is added as the rules read it: no model can make a
requirement disappear.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from worker.core.vocabulary import Category, Severity
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.llm.providers import EXTRACTION
from worker.verification import criteria, prompts
from worker.verification.context.words import words
from worker.verification.criteria import ConstitutionRejected, Criterion

_CHUNK_CHARS = 12_000
_SAME = 0.8
_COVERED = 0.6
_DUTY = re.compile(r"\b(?:MUST|SHALL|NEVER|REQUIRED)\b")
_FORBIDS = re.compile(r"\b(?:not|never|no|none|nobody|nothing|without|free of|cannot)\b|n't\b", re.IGNORECASE)


class _Extracted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quote: Annotated[str, Field(max_length=4000)]
    statement: Annotated[str, Field(min_length=3, max_length=criteria.MAX_STATEMENT)]
    category: Category
    severity: Severity


class _Extraction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    criteria: Annotated[list[_Extracted], Field(max_length=criteria.MAX_CRITERIA)]


@dataclass(frozen=True)
class Extracted:
    """`method` names how the criteria were read; `notes` tell what was dropped, merged, added or is missing."""

    criteria: tuple[Criterion, ...]
    method: str
    notes: tuple[str, ...] = ()


def by_rules(constitution: str) -> Extracted:
    """Without a model. Raises ConstitutionRejected."""
    return Extracted(tuple(criteria.read(constitution)), criteria.METHOD)


async def by_model(constitution: str, gateway: Gateway, caller: Caller) -> Extracted:
    """With the extraction model, a part of the text at a time.

    Raises ConstitutionRejected for a text that says nothing checkable, an LlmError when no model answers.
    """
    found: list[Criterion] = []
    notes: list[str] = []
    lines = constitution.replace("\r\n", "\n").replace("\0", " ").split("\n")
    for first, part in _parts(lines):
        numbered = "\n".join(f"{number}| {line}" for number, line in enumerate(part, start=first))
        messages = (
            {"role": "system", "content": prompts.text("extraction")},
            {"role": "user", "content": prompts.fenced("The constitution:", numbered)},
        )
        ask = Ask(EXTRACTION, "criteria", messages, _Extraction, prompts.version())
        answer = await gateway.ask(ask, caller)
        for item in answer.value.criteria:
            line = _line_of(item.quote, part)
            if line is None:
                notes.append(f"A criterion was dropped: the constitution does not hold its quote «{item.quote[:80]}».")
                continue
            found.append(_criterion(item, first + line, constitution))
    found = _with_duties(found, constitution, notes)
    found = _merged(found, notes)
    if not found:
        raise ConstitutionRejected(
            "The constitution says nothing that can be checked in a repository. Write what must hold, one rule to "
            "a line, for example: «- Passwords MUST be hashed before they are stored»."
        )
    if len(found) > criteria.MAX_CRITERIA:
        raise ConstitutionRejected(
            f"The constitution has {len(found)} criteria; at most {criteria.MAX_CRITERIA} are verified in one run."
        )
    missing = [category.value for category in Category if all(c.category is not category for c in found)]
    if missing:
        notes.append(f"The constitution says nothing of {' and '.join(missing)}.")
    return Extracted(tuple(found), f"llm-{prompts.version()}", tuple(notes))


def _parts(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """(number of the first line, lines), cut at headings where there are any."""
    parts: list[tuple[int, list[str]]] = [(1, [])]
    size = 0
    for number, line in enumerate(lines, start=1):
        full = size > _CHUNK_CHARS or (size > _CHUNK_CHARS // 2 and line.startswith("#"))
        if full:
            parts.append((number, []))
            size = 0
        parts[-1][1].append(line)
        size += len(line) + 1
    return [(first, part) for first, part in parts if any(line.strip() for line in part)]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _line_of(quote: str, lines: Sequence[str]) -> int | None:
    """Index of the line where the quote begins; white space, punctuation and marks of Markdown do not count."""
    wanted = _plain(quote)
    if not wanted:
        return None
    plain = [_plain(line) for line in lines]
    whole = ""
    starts = []
    for line in plain:
        starts.append(len(whole))
        whole += f"{line} " if line else ""
    place = f" {whole}".find(f" {wanted} ")
    if place < 0:
        return None
    return max(number for number, start in enumerate(starts) if start <= place and (plain[number] or not number))


def _criterion(item: _Extracted, line: int, constitution: str) -> Criterion:
    given = criteria.marked_severity(item.quote) or criteria.marked_severity(constitution.split("\n")[line - 1])
    severity = given or item.severity
    quote = criteria.unmarked(item.quote)
    return Criterion(criteria.key_of(quote), item.category, severity, " ".join(item.statement.split()), None, line)


def _with_duties(found: list[Criterion], constitution: str, notes: list[str]) -> list[Criterion]:
    try:
        read = criteria.read(constitution)
    except ConstitutionRejected:
        return found
    keys = {criterion.key for criterion in found}
    known = [_Meaning.of(criterion.statement) for criterion in found]
    added = []
    for criterion in read:
        if criterion.key in keys or not _DUTY.search(criterion.statement):
            continue
        own = _Meaning.of(criterion.statement)
        if not any(own.covered_by(other) for other in known):
            added.append(criterion)
    if added:
        notes.append(f"{len(added)} statement(s) with MUST, SHALL or NEVER were added that the model had left out.")
    return sorted([*found, *added], key=lambda criterion: criterion.line)


@dataclass(frozen=True)
class _Meaning:
    """Words of a statement, and apart from them what must not differ: numbers, code, and whether it forbids."""

    bag: frozenset[str]
    exact: frozenset[str]
    forbids: bool

    @classmethod
    def of(cls, statement: str) -> "_Meaning":
        exact = frozenset([*re.findall(r"\d+", statement), *re.findall(r"`([^`]+)`", statement)])
        return cls(frozenset(words(statement)), exact, _FORBIDS.search(statement) is not None)

    def same_as(self, other: "_Meaning") -> bool:
        alike = len(self.bag & other.bag) >= _SAME * len(self.bag | other.bag)
        return bool(self.bag) and alike and self.exact == other.exact and self.forbids == other.forbids

    def covered_by(self, other: "_Meaning") -> bool:
        """Most of its words are in the other, and all that must not differ."""
        most = len(self.bag & other.bag) >= _COVERED * len(self.bag)
        return most and self.exact <= other.exact and self.forbids == other.forbids


def _merged(found: Sequence[Criterion], notes: list[str]) -> list[Criterion]:
    """Each statement once: of two that say the same the more severe one stays; equal keys are told apart."""
    kept: list[Criterion] = []
    meanings: list[_Meaning] = []
    merged = 0
    for criterion in found:
        meaning = _Meaning.of(criterion.statement)
        twin = next((n for n, other in enumerate(meanings) if meaning.same_as(other)), None)
        if twin is not None:
            merged += 1
            if criterion.severity.rank < kept[twin].severity.rank:
                kept[twin] = replace(kept[twin], severity=criterion.severity)
            continue
        same = sum(other.key == criterion.key or other.key.startswith(f"{criterion.key}-") for other in kept)
        kept.append(replace(criterion, key=f"{criterion.key}-{same + 1}") if same else criterion)
        meanings.append(meaning)
    if merged:
        notes.append(f"{merged} criterion(s) that said the same as another were merged.")
    return kept
