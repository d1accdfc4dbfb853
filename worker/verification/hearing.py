"""What the judges said is heard: citations are looked up, absences searched for, and only then votes are counted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from worker.core.settings import Settings
from worker.verification import consensus, evidence, search, votes
from worker.verification.opinion import Opinion
from worker.verification.result import Coverage, CriterionResult
from worker.verification.tribunal import Case
from worker.verification.votes import Ground


class Hearing:
    """Decides from opinions: citations looked up in what was shown, absences searched for."""

    def __init__(self, case: Case, grounds: dict[str, Ground], opinions: Sequence[Opinion], settings: Settings) -> None:
        self._case = case
        self._grounds = grounds
        self._settings = settings
        self._checked = [self._check(opinion) for opinion in opinions]
        self.aside = votes.set_aside(self._checked)
        self.results = consensus.decide_all(
            case.criteria, self._checked, grounds, pass_score=settings.pass_score, aside=self.aside
        )

    @classmethod
    def of(
        cls, case: Case, coverages: Mapping[str, Coverage], opinions: Sequence[Opinion], settings: Settings
    ) -> "Hearing":
        """Blocking: what judges say is absent is searched for in every file."""
        named = {term.strip().strip("`'\"").lower() for opinion in opinions for term in opinion.absent}
        missing = frozenset(named - search.holds_anywhere(case.snapshot, named)) if named else frozenset[str]()
        grounds = {
            criterion.key: Ground(coverages[criterion.key], case.scoped[criterion.key].hits, missing)
            for criterion in case.criteria
        }
        return cls(case, grounds, opinions, settings)

    def _check(self, opinion: Opinion) -> Opinion:
        verified = evidence.verify_all(opinion.evidence, self._case.index.shown_lines)
        return replace(opinion, evidence=verified, unresolved=len(opinion.evidence) - len(verified))

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

    def after(self, again: Sequence[Opinion]) -> list[CriterionResult]:
        """Decide anew what was debated; a judge who said nothing more keeps its word."""
        checked = [self._check(opinion) for opinion in again]
        self.aside = votes.set_aside([*self._checked, *checked])
        first: dict[str, list[Opinion]] = {}
        for opinion in self._checked:
            first.setdefault(opinion.key, []).append(opinion)
        later: dict[str, list[Opinion]] = {}
        for opinion in checked:
            later.setdefault(opinion.key, []).append(opinion)
        decided = []
        for result in self.results:
            key = result.criterion.key
            anew = later.get(key, [])
            roles = {opinion.role for opinion in anew}
            kept = [opinion for opinion in first.get(key, []) if opinion.role not in roles]
            outcome = consensus.decide(
                result.criterion,
                [*kept, *anew],
                self._grounds[key],
                pass_score=self._settings.pass_score,
                aside=self.aside,
            )
            earlier = tuple(opinion for opinion in result.opinions if opinion.role in roles)
            decided.append(replace(outcome, earlier=earlier))
        return decided
