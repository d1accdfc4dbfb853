"""What a model reads in a constitution, checked against the text: every criterion rests on words that are there.

A model may word a requirement, never change what it requires: what it adds to the scope, the kind or the statement
without the text's saying so is taken away, and a note tells it."""

import re  # noqa: TID251  bounded: Extracted and passages.MAX_TEXT
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from worker.core.vocabulary import Category, CriterionKind, Severity
from worker.verification import search
from worker.verification.constitution import criteria, kinds, reading, scope
from worker.verification.constitution import words as requirement
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.meaning import Meaning, counted, plain
from worker.verification.constitution.reading import Line, Reading
from worker.verification.constitution.scope import Scope

_NEAR = 2
_TOO_FEW = 3
_MATCHES_NOTHING = re.compile(r"(?<!\\)\$(?![|)]|$)|(?<![\\|(\[])(?<!^)\^|\\b\\B|\\B\\b")
# Words that nearly every rule could have.
_GENERAL = Meaning.of("repository code codebase project software system application product service").bag


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
class Read:
    """A criterion of the model, with the lines that its quote spans."""

    criterion: Criterion
    end_line: int
    quote: str

    @property
    def line(self) -> int:
        return self.criterion.line


@dataclass(frozen=True)
class Source:
    """A constitution: its lines, and what the rules read in it."""

    lines: Sequence[str]
    by_rules: Reading

    def between(self, line: int, end_line: int) -> list[Line]:
        """What the rules made of the lines from one to the other."""
        return [known for known in self.by_rules.lines if known.line <= end_line and line <= known.end_line]

    def announced(self, lines: Iterable[Line]) -> str:
        """The words of the lines, and of what stands above them and speaks of them."""
        mine = list(lines)
        keys = {key for line in mine for key in line.keys}
        worded = [criterion.statement for criterion in self.by_rules.criteria if criterion.key in keys]
        return "\n".join([*(line.text for line in mine), *worded])


def accepted(answer: Extraction, first: int, part: Sequence[str], source: Source, notes: list[str]) -> list[Read]:
    """The model's criteria whose quotes are in the part of the text that begins at line `first`."""
    read = []
    for item in answer.criteria:
        span = _span(item.quote, part)
        shown = item.quote[:80]
        if span is None:
            notes.append(f"A criterion was dropped: the constitution does not hold its quote «{shown}».")
            continue
        line, end_line = first + span[0], first + span[1]
        here = source.between(line, end_line)
        visible = [known for known in here if known.why != reading.COMMENT]
        if here and not visible:
            notes.append(f"A criterion was dropped: its quote «{shown}» stands in a comment that no reader sees.")
            continue
        if counted(item.quote) < _TOO_FEW and not any(_same(item.quote, known.text) for known in visible):
            notes.append(f"A criterion was dropped: its quote «{shown}» is too short to say anything.")
            continue
        read.append(Read(_criterion(item, line, _own(item.quote, visible), source, notes), end_line, item.quote))
    return read


def _same(one: str, other: str) -> bool:
    return plain(one) == plain(other)


def _own(quote: str, lines: Sequence[Line]) -> list[Line]:
    """Of the lines where the quote stands those that hold words of it."""
    quoted = plain(quote)
    holding = [line for line in lines if (own := plain(line.text)) and (quoted in own or own in quoted)]
    return holding or list(lines)


def _span(quote: str, lines: Sequence[str]) -> tuple[int, int] | None:
    """Indices of the lines where the quote begins and ends; white space, punctuation and Markdown do not count."""
    wanted = plain(quote)
    if not wanted:
        return None
    whole = ""
    starts: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        bare = plain(line)
        if bare:
            starts.append((len(whole), number))
            whole += f"{bare} "
    place = f" {whole}".find(f" {wanted} ")
    if place < 0:
        return None

    def at(position: int) -> int:
        return max(number for start, number in starts if start <= position)

    return at(place), at(place + len(wanted) - 1)


def _criterion(item: Extracted, line: int, here: Sequence[Line], source: Source, notes: list[str]) -> Criterion:
    own = source.announced(here) or item.quote
    quote = criteria.unmarked(item.quote)
    known = _of_rules(quote, here, source)
    statement = _statement(item, quote, own, known, notes)
    near = "\n".join([own, *source.lines[max(0, line - 1 - _NEAR) : line + _NEAR]])
    limits, bare = (known.scope, known.plain) if known is not None else scope.read(quote)
    limits = _limits(item, limits, near, notes)
    kind = _kind(item, own, statement, known)
    # What the text names itself is searched for whatever the model says. An anchor amid a pattern lets it match
    # nothing.
    given = [pattern for pattern in item.patterns if not _MATCHES_NOTHING.search(pattern)]
    patterns = search.usable([*derived_patterns(quote, kind), *given]) or derived_patterns(statement, kind)
    marked = criteria.marked_severity(item.quote) or criteria.marked_severity(source.lines[line - 1])
    return Criterion(
        criteria.key_of(quote),
        item.category,
        marked or item.severity,
        statement,
        None,
        line,
        kind,
        limits,
        quote,
        bare,
        () if kind is CriterionKind.PROCESS else patterns,
    )


def _of_rules(quote: str, here: Sequence[Line], source: Source) -> Criterion | None:
    """The criterion that the rules made of the very words of the quote."""
    keys = {key for line in here if _same(line.text, quote) for key in line.keys}
    return next((criterion for criterion in source.by_rules.criteria if criterion.key in keys), None)


def _statement(item: Extracted, quote: str, own: str, known: Criterion | None, notes: list[str]) -> str:
    """The model's words, unless they say what the text does not: the opposite, or code, paths and numbers of their
    own."""
    statement = " ".join(item.statement.split())
    said, meant = Meaning.of(own), Meaning.of(statement)
    foreign = meant.exact - said.exact
    opposite = said.bag and meant.alike(Meaning.of(quote)) and meant.forbids != Meaning.of(own).forbids
    unrelated = quote.isascii() and said.bag - _GENERAL and not (meant.bag - _GENERAL) & said.bag
    if not (foreign or opposite or unrelated):
        return statement
    notes.append(f"«{statement[:80]}» says what «{quote[:80]}» does not; the text's own words stand for it.")
    return known.statement if known is not None else criteria.unmarked(quote)


def _limits(item: Extracted, by_words: Scope, near: str, notes: list[str]) -> Scope:
    """The scope by the text's own words, with what the model names and the text states `near` the quote."""
    limits = by_words
    told = " ".join(item.limit_quote.split())
    include, exclude = scope.entries(item.only_in), scope.entries(item.not_in)
    if include or exclude:
        there = bool(plain(told)) and plain(told) in plain(near)
        # What the words take out nobody may turn into what they are about, nor the other way round.
        right = bool(exclude) is scope.excepts(told)
        if there and right and scope.stated([*include, *exclude], told):
            limits = Scope(include, exclude, (told,), limits.unresolved)
        elif (include, exclude) != (limits.include, limits.exclude):
            notes.append(f"A limit of «{item.quote[:80]}» was dropped: the text does not state it.")
    if plain(item.condition) and plain(item.condition) in plain(near):
        condition = " ".join(item.condition.split())
        limits = replace(limits, unresolved=tuple(dict.fromkeys([*limits.unresolved, condition])))
    return limits


def _kind(item: Extracted, own: str, statement: str, known: Criterion | None) -> CriterionKind:
    """The model's word; that a criterion counts for nothing, or that one place shows it, the text must bear out."""
    believed = {
        CriterionKind.PROCESS: lambda: kinds.may_be_process(own),
        CriterionKind.SOMEWHERE: lambda: kinds.may_be_somewhere(own, statement),
        CriterionKind.FORBIDS: lambda: requirement.negations(own) + requirement.negations(statement) > 0,
    }
    if item.kind not in believed or believed[item.kind]():
        return item.kind
    by_words = known.kind if known is not None else kinds.of(criteria.unmarked(own.split("\n", 1)[0]))
    if by_words in (CriterionKind.PROCESS, item.kind):
        return CriterionKind.EVERYWHERE if by_words is not CriterionKind.SOMEWHERE else by_words
    return by_words


def derived_patterns(statement: str, kind: CriterionKind) -> tuple[str, ...]:
    """Patterns for the code that a statement names itself."""
    if kind not in (CriterionKind.FORBIDS, CriterionKind.SOMEWHERE):
        return ()
    named = re.findall(r"`([^`\n]{2,80})`", statement)
    cores = [core for name in named if len(core := name.removesuffix("()").removesuffix("(").strip()) > 1]
    return search.usable(map(search.literal, cores))
