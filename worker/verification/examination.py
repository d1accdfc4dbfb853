"""What is found out from the bytes of a repository, in the contained process that holds them.

The worker names these functions and gets values back (`worker.isolation`); what they hold stays within. An index is
made once per snapshot; each run then goes on in a process of its own that was forked from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import CriterionKind, Depth, JudgeRole
from worker.sources.snapshot import Snapshot
from worker.verification import batching, marks, search
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.context import looking
from worker.verification.context.index import Index, LeftOut
from worker.verification.context.listing import BYTES_PER_TOKEN
from worker.verification.context.looking import Look, Seen
from worker.verification.context.shown import Context, Overview
from worker.verification.coverage import Reading
from worker.verification.hearing import Hearing
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.scouting.survey import PieceRead, Survey, Surveyed, ToRead
from worker.verification.search import Texts
from worker.verification.static import decide, hints, titles, topics
from worker.verification.tribunal import Case

_LOOK_SHARE = 0.5
"""Of the judges' room, what one of them may ask to see at once."""


@dataclass(frozen=True)
class Tools:
    """The analyzers that run, by name, and the rule ids of those that can say which they have."""

    names: tuple[str, ...]
    known: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Plan:
    """What to ask of the analyzers. `by_rules` None: the rules read nothing in the constitution."""

    by_rules: reading.Reading | None
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


@dataclass(frozen=True)
class Preview:
    """What would be read from a constitution by rules. `static`: the keys of the criteria that analyzers and search can
    decide; `problem`: why no run could be made of it."""

    reading: reading.Reading
    static: tuple[str, ...]
    problem: str | None


def preview(constitution: str, tools: Tools) -> Preview:
    """The criteria of a text, however many there are, none included."""
    read = reading.unchecked(constitution)
    around = titles.around(constitution)
    meanings = {c.key: topics.meaning(c, tools.names, tools.known, around.get(c.line)) for c in checkable(read)}
    static = tuple(key for key, meant in meanings.items() if meant is not None and (meant.may_fail or meant.may_pass))
    try:
        reading.checked(read)
    except ConstitutionRejected as error:
        return Preview(read, static, str(error))
    return Preview(read, static, None)


def decide_static(
    snapshot: Snapshot, analysis: Analysis, constitution: str, criteria: Sequence[Criterion], tools: Tools
) -> list[CriterionResult]:
    """One result per criterion, in their order, without a model."""
    around = titles.around(constitution)
    meanings = [topics.meaning(c, tools.names, tools.known, around.get(c.line)) for c in criteria]
    return decide.decide_all(snapshot, analysis, criteria, meanings)


def checkable(read: reading.Reading) -> list[Criterion]:
    """The criteria that a repository can keep or break."""
    return [criterion for criterion in read.criteria if criterion.kind is not CriterionKind.PROCESS]


@dataclass(frozen=True)
class ToScout:
    """What scouts are to read, in this order, and in how many batches the criteria are judged then."""

    pieces: tuple[ToRead, ...]
    batches: int


class Examination:
    """One snapshot and its index; in the process of a run also the case that its judges look at."""

    def __init__(self) -> None:
        self._texts: Texts | None = None
        self._index: Index | None = None
        self._case: Case | None = None
        self._contexts: dict[str, Context] = {}
        self._more: dict[tuple[str, JudgeRole], Context] = {}
        self._by_any: dict[str, Context] = {}
        self._hearing: Hearing | None = None

    def index(self, snapshot: Snapshot) -> None:
        """Make the snapshot searchable; asked again, nothing happens."""
        if self._index is None:
            self._texts = Texts(snapshot)
            self._texts.read()
            self._index = Index.of(snapshot)

    def open(self, criteria: Sequence[Criterion], analysis: Analysis, constitution: str, settings: Settings) -> ToScout:
        """Search the scope of every criterion, and say what scouts are to read: nothing in the depth of a search."""
        assert self._texts is not None and self._index is not None
        snapshot = self._texts.snapshot
        scoped = search.scoped(self._texts, criteria)
        own = marks.constitution(snapshot, constitution)
        marked = marks.of(snapshot, self._index.attributes, {path for one in scoped.values() for path in one.lines})
        case = Case(
            snapshot, analysis, criteria, self._index, scoped, Reading(None, marked, own, self._index.masked_lines)
        )
        batches = len(batching.groups(list(criteria), settings))
        if settings.depth is Depth.FULL:
            survey = self._survey(case, settings)
            case = replace(case, reading=replace(case.reading, survey=survey))
            self._case = case
            return ToScout(survey.to_read, batches)
        self._case = case
        return ToScout((), batches)

    def _survey(self, case: Case, settings: Settings) -> Survey:
        assert self._texts is not None
        changed = case.snapshot.changed
        affected = frozenset() if changed is None else case.index.affected_by(changed)
        whole = batching.overview(case, settings).whole
        shown = (frozenset(case.index.files) if changed is None else affected) if whole else frozenset[str]()
        return Survey(
            self._texts,
            case.index,
            case.criteria,
            case.scoped,
            marked=case.reading.marked,
            constitution=case.reading.constitution,
            shown=shown,
            also=affected,
            room=settings.scout_tokens * BYTES_PER_TOKEN,
        )

    def piece(self, number: int) -> str:
        """The text of a piece that a scout is to read."""
        return self._scouted.text(number)

    def paths_of(self, number: int) -> frozenset[str]:
        """The files that stand in a piece."""
        return frozenset(place.path for fragment in self._scouted.pieces[number].fragments for place in fragment.places)

    def scouted(self, read: Sequence[PieceRead]) -> Surveyed:
        """Take what scouts named; of what «holds» the quotation must stand there."""
        for piece in sorted(read, key=lambda piece: piece.number):
            self._scouted.take(piece)
        return self._scouted.result

    @property
    def _scouted(self) -> Survey:
        assert self._case is not None and self._case.reading.survey is not None
        return self._case.reading.survey

    def show(self, settings: Settings) -> Shown:
        """Choose what the judges of every criterion are shown."""
        assert self._case is not None
        overview, batches = batching.batches(self._case, settings)
        self._contexts = {criterion.key: batch.context for batch in batches for criterion in batch.criteria}
        shown = (ShownBatch(tuple(criterion.key for criterion in batch.criteria), batch.context) for batch in batches)
        return Shown(overview, tuple(shown), self._case.index.left_out)

    def look(self, keys: Sequence[str], role: JudgeRole, looks: Sequence[Look], settings: Settings) -> Seen:
        """Show a judge of these criteria what it asks to see; it may cite that from then on."""
        assert self._case is not None and self._texts is not None
        seen = looking.show(
            self._case.index,
            self._texts,
            looks,
            budget=int(settings.context_tokens * _LOOK_SHARE),
            constitution=self._case.reading.constitution,
        )
        for key in keys:
            self._more[key, role] = (self._more.get((key, role)) or self._contexts[key]).with_more(seen.spans)
            self._by_any[key] = (self._by_any.get(key) or self._contexts[key]).with_more(seen.spans)
        return seen

    def hear(self, opinions: Sequence[Opinion], settings: Settings) -> Heard:
        """Hold what the judges said against what they were shown."""
        assert self._case is not None
        self._hearing = Hearing(self._case, self._contexts, opinions, settings, self._more)
        return self._heard(self._hearing.results)

    def hear_again(self, opinions: Sequence[Opinion]) -> Heard:
        """Decide anew what was debated."""
        assert self._hearing is not None
        shown = {(key, role): context for key, context in self._by_any.items() for role in JudgeRole}
        return self._heard(self._hearing.after(opinions, shown))

    def _heard(self, results: Sequence[CriterionResult]) -> Heard:
        assert self._hearing is not None
        return Heard(tuple(results), dict(self._hearing.aside), self._hearing.usable)
