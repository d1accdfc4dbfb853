"""From opinions to one outcome per criterion: a pure function.

At least two judges must vote, and two thirds of those must agree; a criterion of category security needs the security
judge's own vote. Otherwise it is UNDECIDED, and says what would decide it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Outcome, Vote
from worker.verification import votes
from worker.verification.constitution.criteria import Criterion
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Opinion
from worker.verification.result import QUORUM, CriterionResult, Decider
from worker.verification.votes import Ground


def accept(result: CriterionResult, accepted: frozenset[str]) -> CriterionResult:
    """The result when people have accepted all the places where the criterion fails; visibly so."""
    if result.outcome is not Outcome.FAIL:
        return result
    places = {place_fingerprint(result.criterion.key, item) for item in result.places}
    if not places or not places <= accepted or any(o.absence and o.vote is Vote.FAIL for o in result.opinions):
        return result
    if result.look_at:
        reason = f"People have accepted {len(places)} place(s) where it fails; others may break it too."
        return replace(result, outcome=Outcome.UNDECIDED, score=None, reason=reason, accepted=tuple(sorted(places)))
    reason = f"Fails at {len(places)} place(s), all of which people have accepted."
    return replace(result, outcome=Outcome.PASS, score=None, reason=reason, accepted=tuple(sorted(places)))


def decide(
    criterion: Criterion,
    opinions: Iterable[Opinion],
    ground: Ground,
    *,
    pass_score: int,
    aside: Mapping[JudgeRole, str],
) -> CriterionResult:
    """The outcome of one criterion. `aside` are judges who are not heard, and why."""
    given = [votes.void(o, aside[o.role]) if o.role in aside and o.failure is None else o for o in opinions]
    supported = votes.with_absence(given, criterion, ground)
    heard = tuple(votes.counted(opinion, criterion, ground, pass_score=pass_score) for opinion in supported)
    deciding = [opinion for opinion in heard if opinion.vote is not Vote.ABSTAIN]
    undecided = CriterionResult(criterion, Outcome.UNDECIDED, None, "", heard, coverage=ground.coverage)
    if len(deciding) < QUORUM:
        return replace(undecided, reason=_too_few(heard, len(deciding), criterion, ground))
    if criterion.category is Category.SECURITY and all(o.role is not JudgeRole.SECURITY for o in deciding):
        return replace(undecided, reason="It is about security, and the security judge's own vote is missing.")
    for outcome, vote in ((Outcome.FAIL, Vote.FAIL), (Outcome.PASS, Vote.PASS)):
        agreeing = [opinion for opinion in deciding if opinion.vote is vote]
        if 3 * len(agreeing) >= 2 * len(deciding):
            basis = _basis(outcome, criterion, ground)
            return replace(
                undecided,
                outcome=outcome,
                score=round(fmean(opinion.score or 0 for opinion in agreeing), 2),
                reason=f"{len(agreeing)} of {len(deciding)} judges whose votes count say {outcome}{basis}.",
                by=Decider.JUDGES,
            )
    return replace(undecided, reason="The judges are split.")


def _basis(outcome: Outcome, criterion: Criterion, ground: Ground) -> str:
    """What a PASS rests on besides the judges' words."""
    coverage = ground.coverage
    if outcome is not Outcome.PASS or criterion.kind is CriterionKind.SOMEWHERE:
        return ""
    if coverage.whole:
        return "; they were shown its whole scope"
    return (
        f"; code searched all {coverage.files} file(s) of its scope, and they were shown each of the {coverage.hits} "
        "place(s) found"
    )


def _too_few(heard: Sequence[Opinion], deciding: int, criterion: Criterion, ground: Ground) -> str:
    """Why it stays undecided, and what would prove it."""
    told = f"{deciding} of {len(heard)} votes count; at least {QUORUM} must." if deciding else "No vote counts."
    voided = [opinion.void for opinion in heard if opinion.void]
    if voided:
        reasons = " ".join(dict.fromkeys(why if why.endswith(".") else f"{why}." for why in voided))
        return f"{told} {reasons}"
    if any(opinion.failure for opinion in heard):
        return f"{told} {sum(o.failure is not None for o in heard)} judge(s) gave no answer."
    if not ground.coverage.whole and criterion.kind is not CriterionKind.SOMEWHERE:
        return f"{told} The judges could not tell from what they were shown, {ground.coverage.share:.0%} of its scope."
    return f"{told} The judges could not tell from reading the code."


def decide_all(
    criteria: Sequence[Criterion],
    opinions: Iterable[Opinion],
    grounds: Mapping[str, Ground],
    *,
    pass_score: int,
    aside: Mapping[JudgeRole, str],
) -> list[CriterionResult]:
    """One result per criterion, in the criteria's order; opinions on anything else are not heard."""
    by_key: dict[str, list[Opinion]] = {criterion.key: [] for criterion in criteria}
    for opinion in opinions:
        if opinion.key in by_key:
            by_key[opinion.key].append(opinion)
    return [decide(c, by_key[c.key], grounds[c.key], pass_score=pass_score, aside=aside) for c in criteria]
