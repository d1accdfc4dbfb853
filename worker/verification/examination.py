"""What is found out from the bytes of a repository, in the contained process that holds them.

The worker names these functions and gets values back (`worker.isolation`); what they hold stays within. An index is
made once per snapshot; each run then goes on in a process of its own that was forked from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import CriterionKind, JudgeRole
from worker.sources.snapshot import Snapshot
from worker.verification import batching, search
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.reading import Reading
from worker.verification.context.index import Index, LeftOut
from worker.verification.context.select import Context, Overview
from worker.verification.hearing import Hearing
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.search import Texts
from worker.verification.static import decide, hints, titles, topics
from worker.verification.tribunal import Case


@dataclass(frozen=True)
class Tools:
    """The analyzers that run, by name, and the rule ids of those that can say which they have."""

    names: tuple[str, ...]
    known: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Plan:
    """What to ask of the analyzers. `by_rules` None: the rules read nothing in the constitution."""

    by_rules: Reading | None
    extra_rules: dict[str, list[str]]


@dataclass(frozen=True)
class ShownBatch:
    """Criteria that are judged together, by their keys, and what their judges are shown."""

    keys: tuple[str, ...]
    context: Context


@dataclass(frozen=True)
class Shown:
    """All that judges are shown: what they share, and each batch's own part."""

    overview: Overview
    batches: tuple[ShownBatch, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Heard:
    """What came of the judges' opinions. `usable`: whether any judge said anything that can be believed."""

    results: tuple[CriterionResult, ...]
    aside: dict[JudgeRole, str]
    usable: bool


def plan(constitution: str, tools: Tools) -> Plan:
    """What the constitution's sentences ask of the analyzers."""
    try:
        by_rules = reading.read(constitution)
    except ConstitutionRejected:
        return Plan(None, {})
    wanted = checkable(by_rules)
    around = titles.around(constitution)
    meanings = [topics.meaning(c, tools.names, tools.known, around.get(c.line)) for c in wanted]
    extra = topics.extra_rules(meanings, [hints.rules(criterion.statement) for criterion in wanted])
    return Plan(by_rules, {name: sorted(rules) for name, rules in extra.items()})


def decide_static(
    snapshot: Snapshot, analysis: Analysis, constitution: str, criteria: Sequence[Criterion], tools: Tools
) -> list[CriterionResult]:
    """One result per criterion, in their order, without a model."""
    around = titles.around(constitution)
    meanings = [topics.meaning(c, tools.names, tools.known, around.get(c.line)) for c in criteria]
    return decide.decide_all(snapshot, analysis, criteria, meanings)


def checkable(read: Reading) -> list[Criterion]:
    """The criteria that a repository can keep or break."""
    return [criterion for criterion in read.criteria if criterion.kind is not CriterionKind.PROCESS]


class Examination:
    """One snapshot and its index; in the process of a run also the case that its judges look at."""

    def __init__(self) -> None:
        self._texts: Texts | None = None
        self._index: Index | None = None
        self._case: Case | None = None
        self._contexts: dict[str, Context] = {}
        self._hearing: Hearing | None = None

    def index(self, snapshot: Snapshot) -> None:
        """Make the snapshot searchable; asked again, nothing happens."""
        if self._index is None:
            self._texts = Texts(snapshot)
            self._texts.read()
            self._index = Index.of(snapshot)

    def show(self, criteria: Sequence[Criterion], analysis: Analysis, settings: Settings) -> Shown:
        """Search the scope of every criterion, and choose what its judges are shown."""
        assert self._texts is not None and self._index is not None
        scoped = search.scoped(self._texts, criteria)
        self._case = Case(self._texts.snapshot, analysis, criteria, self._index, scoped)
        overview, batches = batching.batches(self._case, settings)
        self._contexts = {criterion.key: batch.context for batch in batches for criterion in batch.criteria}
        shown = (ShownBatch(tuple(criterion.key for criterion in batch.criteria), batch.context) for batch in batches)
        return Shown(overview, tuple(shown), self._index.left_out)

    def hear(self, opinions: Sequence[Opinion], settings: Settings) -> Heard:
        """Hold what the judges said against what they were shown."""
        assert self._case is not None
        self._hearing = Hearing(self._case, self._contexts, opinions, settings)
        return self._heard(self._hearing.results)

    def hear_again(self, opinions: Sequence[Opinion]) -> Heard:
        """Decide anew what was debated."""
        assert self._hearing is not None
        return self._heard(self._hearing.after(opinions))

    def _heard(self, results: Sequence[CriterionResult]) -> Heard:
        assert self._hearing is not None
        return Heard(tuple(results), dict(self._hearing.aside), self._hearing.usable)
