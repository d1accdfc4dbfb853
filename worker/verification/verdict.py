"""From criteria to the run's verdict: a pure function. No model is asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from worker.analyzers.finding import Finding
from worker.core.vocabulary import JudgeRole, Outcome, Severity, Verdict, Vote
from worker.verification.evidence import place_fingerprint
from worker.verification.result import CriterionResult


@dataclass(frozen=True)
class RunVerdict:
    """`score` is the severity-weighted mean of the criteria that judges decided, 1 to 10; None when they decided none.
    `reason` is one sentence for a person; `vetoed_by` the keys of the criteria that the security judge vetoed."""

    verdict: Verdict
    score: float | None
    reason: str
    vetoed_by: tuple[str, ...] = ()


def vetoes(result: CriterionResult, veto_confidence: float, accepted: frozenset[str] = frozenset()) -> bool:
    """The security judge fails the criterion, surely enough and with verified evidence, and is not outvoted.

    Where both other judges say PASS, after a debate in which they saw what it cites, the veto does not stand: one
    judge, misled by what it read, changes no verdict alone. Its objection is shown. Where no other judge says FAIL
    either, it must cite a place where the search for the criterion hits; and what people have accepted stops nothing.
    """
    return result.outcome is not Outcome.PASS and any(
        opinion.role is JudgeRole.SECURITY
        and opinion.vote is Vote.FAIL
        and (opinion.confidence or 0) >= veto_confidence
        and (result.outcome is Outcome.FAIL or opinion.at_hit)
        and any(place_fingerprint(opinion.key, item) not in accepted for item in opinion.places)
        for opinion in result.opinions
    )


def overall_score(results: Sequence[CriterionResult]) -> float | None:
    """Severity-weighted mean of the decided criteria's scores."""
    decided = [(r.criterion.severity.weight, r.score) for r in results if r.score is not None]
    if not decided:
        return None
    return round(sum(weight * score for weight, score in decided) / sum(weight for weight, _ in decided), 2)


def conclude(
    results: Sequence[CriterionResult],
    *,
    veto_confidence: float,
    critical: Sequence[Finding] = (),
    process: int = 0,
    unread: int = 0,
    accepted: frozenset[str] = frozenset(),
) -> RunVerdict:
    """The verdict of a run whose work was completed; ERROR is not for this function to say.

    `critical` are findings of critical severity by rules of shown precision: any one of them is a FAIL. `process`
    counts criteria that cannot be seen in a repository; they count neither way. `unread` counts lines with a
    requirement that became no criterion: nobody may say that all was checked. `accepted` names places that people let
    be."""
    vetoed = tuple(result.criterion.key for result in results if vetoes(result, veto_confidence, accepted))
    verdict = _conclude(results, vetoed, critical, unread)
    reason = verdict.reason
    unpaid = sum(any(o.failure == "over_budget" for o in result.opinions) for result in results)
    if unpaid:
        reason += (
            f" The budget ran out before every judge could be asked about {_count(unpaid, 'criterion', 'criteria')}."
        )
    if process:
        speak = "speaks" if process == 1 else "speak"
        counted = _count(process, "criterion", "criteria")
        reason += f" {counted} {speak} of how people work and cannot be checked in a repository."
    return replace(verdict, reason=reason)


def _conclude(
    results: Sequence[CriterionResult], vetoed: tuple[str, ...], critical: Sequence[Finding], unread: int
) -> RunVerdict:
    score = overall_score(results)
    if vetoed:
        reason = f"The security judge vetoes {_count(len(vetoed), 'criterion', 'criteria')}."
        return RunVerdict(Verdict.VETO, score, reason, vetoed)
    failed = [result for result in results if result.outcome is Outcome.FAIL]
    undecided = [result for result in results if result.outcome is Outcome.UNDECIDED]
    grave = [r for r in failed if r.criterion.severity in (Severity.CRITICAL, Severity.HIGH)]
    if critical:
        first = critical[0]
        reason = f"{first.rule} finds something critical at {first.path}:{first.start_line}"
        more = (
            f", and {_count(len(critical) - 1, 'more such finding', 'more such findings')}" if len(critical) > 1 else ""
        )
        return RunVerdict(Verdict.FAIL, score, f"{reason}{more}.")
    if grave:
        reason = f"{_count(len(grave), 'criterion', 'criteria')} of critical or high severity failed."
        return RunVerdict(Verdict.FAIL, score, reason)
    if failed or undecided or unread or not results:
        parts = []
        if failed:
            parts.append(f"{_count(len(failed), 'criterion', 'criteria')} of medium or low severity failed")
        if undecided:
            parts.append(f"{_count(len(undecided), 'criterion', 'criteria')} could not be decided")
        if unread:
            parts.append(f"{_count(unread, 'line', 'lines')} with a requirement could not be read")
        if not results:
            parts.append("nothing in the constitution can be checked in a repository")
        return RunVerdict(Verdict.PARTIAL, score, f"{' and '.join(parts).capitalize()}.")
    sampled = [result for result in results if result.sampled]
    if sampled:
        reason = f"Nothing failed, but {_count(len(sampled), 'criterion', 'criteria')} passed on a sample of the code"
        return RunVerdict(Verdict.PARTIAL, score, f"{reason} (CVA_DEPTH=search).")
    return RunVerdict(
        Verdict.PASS,
        score,
        "The one criterion passed." if len(results) == 1 else f"All {len(results)} criteria passed.",
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
