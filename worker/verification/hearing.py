"""What the judges said is heard: citations are looked up, absences searched for, and only then votes are counted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from worker.core.settings import Settings
from worker.core.vocabulary import CriterionKind, JudgeRole
from worker.verification import consensus, coverage, evidence, search, votes
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.shown import Context
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.tribunal import Case
from worker.verification.votes import Ground


class Hearing:
    """Decides from opinions. `contexts` is what the judges of each criterion were shown, by its key, `more` what one of
    them was shown besides. Blocking: what judges say is absent is searched for in every file."""

    def __init__(
        self,
        case: Case,
        contexts: Mapping[str, Context],
        opinions: Sequence[Opinion],
        settings: Settings,
        more: Mapping[tuple[str, JudgeRole], Context] | None = None,
    ) -> None:
        self._case = case
        self._contexts = contexts
        self._more = {} if more is None else more
        self._settings = settings
        self._read: dict[tuple[int, str], Sequence[str | None] | None] = {}
        self._grounds = {criterion.key: self._ground(criterion) for criterion in case.criteria}
        self._checked = [self._check(opinion) for opinion in opinions]
        self.aside = votes.set_aside(self._checked)
        self.results = self._decide(self._checked)

    def _ground(self, criterion: Criterion) -> Ground:
        scoped = self._case.scoped[criterion.key]
        reading = self._case.reading
        # What must be somewhere may be anywhere; all else is verified where something changed.
        changed = None if criterion.kind is CriterionKind.SOMEWHERE else self._case.snapshot.changed
        return Ground(
            coverage.of(criterion, scoped, self._contexts[criterion.key], reading),
            scoped.hits,
            changed=changed,
            sightings=tuple(reading.sightings(criterion.key)),
            constitution=reading.constitution,
        )

    def _check(self, opinion: Opinion) -> Opinion:
        context = self._more.get((opinion.key, opinion.role)) or self._contexts.get(opinion.key)
        if context is None:
            return opinion

        def lines(path: str) -> Sequence[str | None] | None:
            place = (id(context), path)
            if place not in self._read:
                self._read[place] = context.read(self._case.index, path)
            return self._read[place]

        verified, unresolved = evidence.verify_all(opinion.evidence, lines)
        return replace(opinion, evidence=verified, unresolved=unresolved)

    def _decide(self, opinions: Sequence[Opinion]) -> list[CriterionResult]:
        named = {term for opinion in opinions for raw in opinion.absent if (term := votes.term(raw))}
        missing = frozenset(named - search.holds_anywhere(self._case.snapshot, named)) if named else frozenset[str]()
        grounds = {key: replace(ground, missing=missing) for key, ground in self._grounds.items()}
        return consensus.decide_all(
            self._case.criteria, opinions, grounds, pass_score=self._settings.pass_score, aside=self.aside
        )

    @property
    def usable(self) -> bool:
        """Whether any judge said anything that can be believed, be it that it cannot tell."""
        return any(
            opinion.failure is None
            and opinion.role not in self.aside
            and not opinion.invented
            and not votes.contradicts(opinion.vote, opinion.score, self._settings.pass_score)
            for opinion in self._checked
        )

    def after(
        self, again: Sequence[Opinion], more: Mapping[tuple[str, JudgeRole], Context] | None = None
    ) -> list[CriterionResult]:
        """Decide anew what was debated; a judge who said nothing more keeps its word. `more` is what judges were shown
        besides by then."""
        self._more = self._more if more is None else more
        later = [self._check(opinion) for opinion in again]
        self.aside = votes.set_aside([*self._checked, *later])
        anew = {(opinion.key, opinion.role) for opinion in later}
        kept = [opinion for opinion in self._checked if (opinion.key, opinion.role) not in anew]
        before = {result.criterion.key: result.opinions for result in self.results}
        return [
            replace(
                result,
                earlier=tuple(o for o in before[result.criterion.key] if (o.key, o.role) in anew),
            )
            for result in self._decide([*kept, *later])
        ]
