"""Read a constitution with a model, and check what it read against the text and against the reading by rules.

Every criterion rests on a quote that is in the constitution; one whose quote is not there is dropped. A key is made
from the quote, so the same words keep their key in every version and whichever way they were read. What the rules find
and the model left out is asked for once more; a duty that is still missing is added as the rules read it, so that no
model can make a requirement disappear."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from worker.core.vocabulary import Category, CriterionKind, Severity
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.llm.providers import EXTRACTION
from worker.verification import prompts, search
from worker.verification.constitution import criteria, kinds, reading, scope
from worker.verification.constitution import words as requirement
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.reading import Fate, Line, Reading
from worker.verification.constitution.scope import Scope
from worker.verification.constitution.words import Force
from worker.verification.context.words import words

_CHUNK_CHARS = 6_000
_SAME = 0.8
_COVERED = 0.6
_MAX_AGAIN = 60


class Extracted(BaseModel):
    """One criterion, as the model reads it."""

    model_config = ConfigDict(extra="forbid")

    quote: Annotated[str, Field(max_length=4000)]
    statement: Annotated[str, Field(min_length=3, max_length=criteria.MAX_STATEMENT)]
    category: Category
    severity: Severity
    kind: CriterionKind
    only_in: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)] = []
    not_in: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)] = []
    limit_quote: Annotated[str, Field(max_length=1000)] = ""
    condition: Annotated[str, Field(max_length=1000)] = ""
    patterns: Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=40)] = []


class NotRead(BaseModel):
    """A line that became no criterion."""

    model_config = ConfigDict(extra="forbid")

    line: Annotated[int, Field(ge=1, le=10_000_000)]
    why: Annotated[str, Field(max_length=300)]


class Extraction(BaseModel):
    """The answer of the extraction model."""

    model_config = ConfigDict(extra="forbid")

    criteria: Annotated[list[Extracted], Field(max_length=criteria.MAX_CRITERIA)]
    not_read: Annotated[list[NotRead], Field(max_length=2000)] = []


@dataclass(frozen=True)
class _Read:
    """A criterion of the model, with the lines that its quote spans."""

    criterion: Criterion
    end_line: int
    quote: str


async def by_model(constitution: str, gateway: Gateway, caller: Caller) -> Reading:
    """With the extraction model, a part of the text at a time.

    Raises ConstitutionRejected for a text that says nothing checkable, an LlmError when no model answers.
    """
    text = constitution.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    lines = text.split("\n")
    by_rules = await asyncio.to_thread(_by_rules, text)
    notes: list[str] = []
    read: list[_Read] = []
    reasons: dict[int, str] = {}
    for first, part in _parts(lines):
        answer = await _ask(gateway, caller, first, part)
        read += _accepted(answer, first, part, lines, notes)
        reasons.update({first_line.line: first_line.why for first_line in answer.not_read})
        missing = [
            line for line in by_rules.lines if first <= line.line < first + len(part) and _is_missing(line, read)
        ]
        if missing:
            again = await _ask(gateway, caller, first, part, missing[:_MAX_AGAIN])
            read += _accepted(again, first, part, lines, notes)
            reasons.update({again_line.line: again_line.why for again_line in again.not_read})
    return reading.checked(await asyncio.to_thread(_joined, read, by_rules, reasons, notes))


def _by_rules(text: str) -> Reading:
    try:
        return reading.read(text)
    except ConstitutionRejected:
        return Reading((), (), reading.METHOD)


async def _ask(
    gateway: Gateway, caller: Caller, first: int, part: Sequence[str], again: Sequence[Line] = ()
) -> Extraction:
    numbered = "\n".join(f"{number}| {line}" for number, line in enumerate(part, start=first))
    messages: list[Mapping[str, str]] = [
        {"role": "system", "content": prompts.text("extraction")},
        {"role": "user", "content": prompts.fenced("The constitution:", numbered)},
    ]
    if again:
        listed = ", ".join(str(line.line) for line in again)
        messages.append({"role": "user", "content": prompts.text("again").replace("{lines}", listed)})
    purpose = "criteria again" if again else "criteria"
    ask = Ask(EXTRACTION, purpose, tuple(messages), Extraction, prompts.version())
    answer: Extraction = (await gateway.ask(ask, caller)).value
    return answer


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


def _accepted(
    answer: Extraction, first: int, part: Sequence[str], lines: Sequence[str], notes: list[str]
) -> list[_Read]:
    """The model's criteria whose quotes are in the text."""
    read = []
    for item in answer.criteria:
        span = _span(item.quote, part)
        if span is None:
            notes.append(f"A criterion was dropped: the constitution does not hold its quote «{item.quote[:80]}».")
            continue
        line, end_line = first + span[0], first + span[1]
        read.append(_Read(_criterion(item, line, lines), end_line, item.quote))
    return read


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _span(quote: str, lines: Sequence[str]) -> tuple[int, int] | None:
    """Indices of the lines where the quote begins and ends; white space, punctuation and Markdown do not count."""
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

    def at(position: int) -> int:
        return max(n for n, start in enumerate(starts) if start <= position and (plain[n] or not n))

    return at(place), at(place + len(wanted) - 1)


def _criterion(item: Extracted, line: int, lines: Sequence[str]) -> Criterion:
    given = criteria.marked_severity(item.quote) or criteria.marked_severity(lines[line - 1])
    quote = criteria.unmarked(item.quote)
    statement = " ".join(item.statement.split())
    kind = _kind(item, quote)
    limits, plain = scope.read(criteria.unmarked(statement))
    if item.limit_quote and _plain(item.limit_quote) in _plain("\n".join(lines)):
        include, exclude = scope.entries(item.only_in), scope.entries(item.not_in)
        if include or exclude:
            limits = Scope(include, exclude, (" ".join(item.limit_quote.split()),), limits.unresolved)
    if item.condition and _plain(item.condition) in _plain("\n".join(lines)):
        limits = replace(limits, unresolved=(" ".join(item.condition.split()),))
    patterns = search.usable(item.patterns) or derived_patterns(statement, kind)
    return Criterion(
        criteria.key_of(quote),
        item.category,
        given or item.severity,
        statement,
        None,
        line,
        kind,
        limits,
        quote,
        plain,
        () if kind is CriterionKind.PROCESS else patterns,
    )


def _kind(item: Extracted, quote: str) -> CriterionKind:
    """The model's word; that a criterion counts for nothing it may only say where the words speak of people's work."""
    if item.kind is not CriterionKind.PROCESS or kinds.may_be_process(quote) or kinds.may_be_process(item.statement):
        return item.kind
    by_words = kinds.of(criteria.unmarked(item.statement))
    return CriterionKind.EVERYWHERE if by_words is CriterionKind.PROCESS else by_words


def derived_patterns(statement: str, kind: CriterionKind) -> tuple[str, ...]:
    """Patterns for the code that a statement names itself, where nobody gave any."""
    if kind not in (CriterionKind.FORBIDS, CriterionKind.SOMEWHERE):
        return ()
    named = re.findall(r"`([^`\n]{2,80})`", statement)
    cores = [core for name in named if len(core := name.removesuffix("()").removesuffix("(").strip()) > 1]
    return search.usable(map(search.literal, cores))


def _is_missing(line: Line, read: Sequence[_Read]) -> bool:
    """Whether the rules made a criterion of a line that the model said nothing of."""
    return line.fate is Fate.CRITERION and not any(_covers(one, line) for one in read)


def _covers(one: _Read, line: Line) -> bool:
    if one.end_line < line.line or one.criterion.line > line.end_line:
        return False
    quoted, own = _plain(one.quote), _plain(line.text)
    return quoted in own or own in quoted or _Meaning.of(line.text).covered_by(_Meaning.of(one.criterion.statement))


def _joined(read: Sequence[_Read], by_rules: Reading, reasons: Mapping[int, str], notes: list[str]) -> Reading:
    """The model's criteria, the duties that it left out, and what became of every line."""
    own = {criterion.key: criterion for criterion in by_rules.criteria}
    added = []
    for line in by_rules.lines:
        if _is_missing(line, read) and requirement.force(own[line.keys[0]].statement) is Force.DUTY:
            criterion = own[line.keys[0]]
            patterns = derived_patterns(criterion.statement, criterion.kind)
            added.append(_Read(replace(criterion, patterns=patterns), line.end_line, criterion.quote))
    if added:
        notes.append(f"{len(added)} requirement(s) that the model had left out were added as the rules read them.")
    ordered = sorted([*read, *added], key=lambda one: one.criterion.line)
    merged, key_of = _merged([one.criterion for one in ordered], notes)
    keyed = [replace(one, criterion=replace(one.criterion, key=key_of[n])) for n, one in enumerate(ordered)]
    lines = [_fate(line, keyed, reasons) for line in by_rules.lines]
    missing = [category.value for category in Category if all(c.category is not category for c in merged)]
    if merged and missing:
        notes.append(f"The constitution says nothing of {' and '.join(missing)}.")
    return Reading(tuple(merged), tuple(lines), f"llm-{prompts.version()}", tuple(notes))


def _fate(line: Line, read: Sequence[_Read], reasons: Mapping[int, str]) -> Line:
    """What became of a line that the rules saw, by what the model made of it."""
    here = [one for one in read if one.criterion.line <= line.end_line and line.line <= one.end_line]
    own = _plain(line.text)
    here = [
        one
        for one in here
        if (quoted := _plain(one.quote)) and (quoted in own or own in quoted or _overlaps(quoted, own))
    ]
    if here:
        begins = any(line.line <= one.criterion.line <= line.end_line for one in here)
        keys = tuple(dict.fromkeys(one.criterion.key for one in here))
        return replace(line, fate=Fate.CRITERION if begins else Fate.PART, keys=keys, why=None, requires=False)
    if line.fate is Fate.PART:
        keys = tuple(one.criterion.key for one in read if line.text and one.criterion.line > line.end_line)[:1]
        return (
            replace(line, keys=keys, why=line.why or "the title of what follows")
            if keys
            else replace(line, fate=Fate.NOT_READ, keys=(), why="a title")
        )
    said = next((reasons[n] for n in range(line.line, line.end_line + 1) if n in reasons), None)
    why = f"the model says: {said}" if said else line.why or "the model left it out"
    # A duty that the rules can read was added; what is left of them was never a criterion.
    return replace(line, fate=Fate.NOT_READ, keys=(), why=why)


def _overlaps(one: str, other: str) -> bool:
    """Whether most words of the shorter are in the longer."""
    few, many = sorted((set(one.split()), set(other.split())), key=len)
    return bool(few) and len(few & many) >= _SAME * len(few)


@dataclass(frozen=True)
class _Meaning:
    """Words of a statement, and apart from them what must not differ: numbers, code, and whether it forbids."""

    bag: frozenset[str]
    exact: frozenset[str]
    forbids: bool

    @classmethod
    def of(cls, statement: str) -> "_Meaning":
        exact = frozenset([*re.findall(r"\d+", statement), *re.findall(r"`([^`]+)`", statement)])
        return cls(frozenset(words(statement)), exact, requirement.negations(statement) > 0)

    def same_as(self, other: "_Meaning") -> bool:
        alike = len(self.bag & other.bag) >= _SAME * len(self.bag | other.bag)
        return bool(self.bag) and alike and self.exact == other.exact and self.forbids == other.forbids

    def covered_by(self, other: "_Meaning") -> bool:
        """Most of its words are in the other, and all that must not differ."""
        most = len(self.bag & other.bag) >= _COVERED * len(self.bag)
        return most and self.exact <= other.exact and self.forbids == other.forbids


def _merged(read: Sequence[Criterion], notes: list[str]) -> tuple[list[Criterion], list[str]]:
    """Each statement once: of two that say the same the more severe one stays; equal keys are told apart.

    Besides, the key under which each of `read` lives on.
    """
    kept: list[Criterion] = []
    meanings: list[_Meaning] = []
    keys: list[str] = []
    merged = 0
    for criterion in read:
        meaning = _Meaning.of(criterion.statement)
        twin = next((n for n, other in enumerate(meanings) if _twins(meaning, criterion, other, kept[n])), None)
        if twin is not None:
            merged += 1
            keys.append(kept[twin].key)
            if criterion.severity.rank < kept[twin].severity.rank:
                kept[twin] = replace(kept[twin], severity=criterion.severity)
            continue
        same = sum(other.key == criterion.key or other.key.startswith(f"{criterion.key}-") for other in kept)
        kept.append(replace(criterion, key=f"{criterion.key}-{same + 1}") if same else criterion)
        keys.append(kept[-1].key)
        meanings.append(meaning)
    if merged:
        notes.append(f"{merged} criterion(s) that said the same as another were merged.")
    return kept, keys


def _twins(one: _Meaning, criterion: Criterion, other: _Meaning, known: Criterion) -> bool:
    """Whether two criteria are one: the same meaning, within the same limits."""
    return one.same_as(other) and criterion.scope == known.scope and criterion.kind is known.kind
