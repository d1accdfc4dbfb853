"""From sums to what people read: rates that carry their counts, means, percentiles. Functions of values."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from api.analytics.sums import Bins, Sums
from worker.core.analytics import histogram, measures
from worker.core.analytics.measures import HUNDREDTHS, MICRO, NANO
from worker.core.vocabulary import JudgeRole, Severity, Verdict


class Rate(BaseModel):
    """`count` of `of`; `rate` is null where there is nothing to count."""

    rate: float | None
    count: int
    of: int


class Mean(BaseModel):
    """`mean` of so many values, null of none."""

    mean: float | None
    of: int


class Durations(BaseModel):
    """Seconds. Percentiles are interpolated, and within one percent of the true ones."""

    mean: float | None
    p50: float | None
    p75: float | None
    p95: float | None
    p99: float | None


class Verdicts(BaseModel):
    PASS: int
    FAIL: int
    VETO: int
    PARTIAL: int
    ERROR: int


class Findings(BaseModel):
    critical: int
    high: int
    medium: int
    low: int


class CriteriaCounts(BaseModel):
    passed: int
    failed: int
    undecided: int


class Spending(BaseModel):
    """LLM calls that were made, and answers that were there already. `cost_per_run` over all runs, US dollars."""

    calls: int
    reused: Rate = Field(description="of all answers, those that were there already")
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    cost_per_run_usd: float | None


class Remediation(BaseModel):
    """`applied` fixes are in effect; `verified` those whose repair was proven."""

    runs: int
    fixes: int
    applied: int
    verified: int
    reverted: int
    failed: int


def rate(count: int, of: int) -> Rate:
    return Rate(rate=count / of if of else None, count=count, of=of)


def mean(total: int, of: int, unit: int = 1) -> Mean:
    """`total` in parts of `unit`."""
    return Mean(mean=total / unit / of if of else None, of=of)


def decided(sums: Sums) -> int:
    """Runs that came to a verdict of the repository: all but ERROR, which says nothing of it."""
    return sums["runs"] - sums["errors"]


def verdicts(sums: Sums) -> Verdicts:
    return Verdicts(**{verdict.value: sums[name] for verdict, name in measures.VERDICTS.items()})


def pass_rate(sums: Sums) -> Rate:
    return rate(sums[measures.VERDICTS[Verdict.PASS]], decided(sums))


def score(sums: Sums) -> Mean:
    return mean(sums["scores"], sums["scored"], HUNDREDTHS)


def seconds(sums: Sums, name: str) -> Mean:
    """The mean of a duration, over all runs."""
    return mean(sums[f"{name}_us"], sums["runs"], MICRO)


def durations(sums: Sums, name: str, bins: Bins) -> Durations:
    def at(fraction: float) -> float | None:
        found = histogram.percentile(bins, fraction)
        return None if found is None else found / MICRO

    return Durations(mean=seconds(sums, name).mean, p50=at(0.5), p75=at(0.75), p95=at(0.95), p99=at(0.99))


def spending(sums: Sums) -> Spending:
    dollars = sums["cost_nano"] / NANO
    return Spending(
        calls=sums["llm_calls"],
        reused=rate(sums["llm_calls_reused"], sums["llm_calls_reused"] + sums["llm_calls"]),
        prompt_tokens=sums["prompt_tokens"],
        completion_tokens=sums["completion_tokens"],
        cost_usd=dollars,
        cost_per_run_usd=dollars / sums["runs"] if sums["runs"] else None,
    )


def findings(sums: Sums) -> Findings:
    return Findings(**{severity.value: sums[measures.FINDINGS[severity]] for severity in Severity})


def criteria(sums: Sums) -> CriteriaCounts:
    passed, failed, undecided = (sums[name] for name in measures.CRITERIA)
    return CriteriaCounts(passed=passed, failed=failed, undecided=undecided)


def remediation(sums: Sums) -> Remediation | None:
    """None where nothing was remediated."""
    if not sums["remediations"]:
        return None
    names = ("applied", "verified", "reverted", "failed")
    return Remediation(
        runs=sums["remediations"], fixes=sums["fixes"], **{name: sums[f"fixes_{name}"] for name in names}
    )


def of_judge(sums: Sums, role: JudgeRole) -> Mapping[str, int]:
    """The sums of one judge, under the names they have for all."""
    names = (*measures.JUDGE_COUNTS, *measures.JUDGE_SUMS)
    return {name: sums[measures.of_judge(role, name)] for name in names}


def change(now: Any, before: Any) -> float | None:
    """The difference, None where either is not known."""
    return None if now is None or before is None else now - before
