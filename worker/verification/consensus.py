"""From opinions to one outcome per criterion: a pure function.

At least two judges must not abstain, and two thirds of those must agree; otherwise the criterion is UNDECIDED.
A FAIL without verified evidence or confirmed absence is an abstention, whatever its judge believes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from worker.core.vocabulary import JudgeRole, Outcome, Vote
from worker.verification.criteria import Criterion
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Opinion

QUORUM = 2


@dataclass(frozen=True)
class CriterionResult:
    """`score` is the mean of the judges that decided (1 to 10), None when undecided. `opinions` are those of
    the last round, as they counted; `earlier` those of a round before a debate. `accepted` places fail the
    criterion, and people let them be."""

    criterion: Criterion
    outcome: Outcome
    score: float | None
    reason: str
    opinions: tuple[Opinion, ...]
    earlier: tuple[Opinion, ...] = ()
    accepted: tuple[str, ...] = ()

    @property
    def split(self) -> bool:
        """Enough judges could decide, and they do not agree."""
        deciding = [opinion for opinion in self.opinions if opinion.vote is not Vote.ABSTAIN]
        return self.outcome is Outcome.UNDECIDED and len(deciding) >= QUORUM

    @property
    def objection(self) -> Opinion | None:
        """The security judge's FAIL with verified evidence, where both others say PASS."""
        if self.outcome is not Outcome.PASS:
            return None
        return next(
            (
                o
                for o in self.opinions
                if o.role is JudgeRole.SECURITY and o.vote is Vote.FAIL and any(e.verified for e in o.evidence)
            ),
            None,
        )


def accept(result: CriterionResult, accepted: frozenset[str]) -> CriterionResult:
    """The result when people have accepted all the places where the criterion fails; visibly so."""
    if result.outcome is not Outcome.FAIL:
        return result
    failing = [o for o in result.opinions if o.vote is Vote.FAIL]
    places = {place_fingerprint(result.criterion.key, e) for o in failing for e in o.evidence if e.verified}
    if not places or not places <= accepted or any(o.absence_confirmed for o in failing):
        return result
    reason = f"Fails at {len(places)} place(s), all of which people have accepted."
    return replace(result, outcome=Outcome.PASS, score=None, reason=reason, accepted=tuple(sorted(places)))


def counted(opinion: Opinion, pass_score: int) -> Opinion:
    """The opinion as it counts: a score below `pass_score` is FAIL, and a FAIL needs support."""
    if opinion.vote is Vote.ABSTAIN or opinion.score is None:
        return replace(opinion, vote=Vote.ABSTAIN, score=None, confidence=None)
    vote = Vote.FAIL if opinion.score < pass_score else opinion.vote
    # What a judge found to be absent speaks for the vote it cast, not for the one its score makes of it.
    supported = opinion.supported if vote is opinion.vote else any(item.verified for item in opinion.evidence)
    if vote is Vote.FAIL and not supported:
        return replace(
            opinion,
            vote=Vote.ABSTAIN,
            score=None,
            confidence=None,
            rationale=f"{opinion.rationale} (Not counted: no evidence that resolves in the snapshot.)",
        )
    return replace(opinion, vote=vote)


def decide(criterion: Criterion, opinions: Iterable[Opinion], *, pass_score: int) -> CriterionResult:
    """The outcome of one criterion."""
    heard = tuple(counted(opinion, pass_score) for opinion in opinions)
    deciding = [opinion for opinion in heard if opinion.vote is not Vote.ABSTAIN]
    if len(deciding) < QUORUM:
        reason = (
            f"{len(deciding)} of {len(heard)} judges could decide; at least {QUORUM} must."
            if deciding
            else "No judge could decide this."
        )
        return CriterionResult(criterion, Outcome.UNDECIDED, None, reason, heard)
    for outcome, vote in ((Outcome.FAIL, Vote.FAIL), (Outcome.PASS, Vote.PASS)):
        agreeing = [opinion for opinion in deciding if opinion.vote is vote]
        if 3 * len(agreeing) >= 2 * len(deciding):
            return CriterionResult(
                criterion,
                outcome,
                round(fmean(opinion.score or 0 for opinion in agreeing), 2),
                f"{len(agreeing)} of {len(deciding)} deciding judges say {outcome}.",
                heard,
            )
    return CriterionResult(criterion, Outcome.UNDECIDED, None, "The judges are split.", heard)


def decide_all(criteria: Sequence[Criterion], opinions: Iterable[Opinion], *, pass_score: int) -> list[CriterionResult]:
    """One result per criterion, in the criteria's order; opinions on anything else are not heard."""
    by_key: dict[str, list[Opinion]] = {criterion.key: [] for criterion in criteria}
    for opinion in opinions:
        if opinion.key in by_key:
            by_key[opinion.key].append(opinion)
    return [decide(criterion, by_key[criterion.key], pass_score=pass_score) for criterion in criteria]
