"""GET /api/analytics/summary: a period in figures, beside the period before it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, Report, answer, answers, columns_of
from api.analytics.period import PeriodQuery
from api.analytics.sums import Bins, Sums, distributions, sums
from api.http.routing import Call, Operations
from worker.core.analytics.measures import NAMES
from worker.core.vocabulary import JudgeRole, Scope

operations = Operations("analytics")
_NAMES = tuple(name for name in NAMES if not name.startswith(tuple(role.value for role in JudgeRole)))


class Totals(BaseModel):
    """`pass_rate` and `veto_rate` are of the runs that came to a verdict of the repository, `error_rate` of all."""

    runs: int
    verdicts: figures.Verdicts
    pass_rate: figures.Rate
    veto_rate: figures.Rate
    error_rate: figures.Rate
    score: figures.Mean
    queue_seconds: figures.Durations
    work_seconds: figures.Durations
    llm_seconds: figures.Durations
    attempts: figures.Mean
    llm_runs: figures.Rate = Field(description="runs that LLM judges judged")
    diff_runs: figures.Rate
    llm: figures.Spending
    findings: figures.Findings
    criteria: figures.CriteriaCounts
    criteria_pass_rate: figures.Rate = Field(description="of the criteria that were decided")
    files_seen: figures.Rate
    remediation: figures.Remediation | None


class Change(BaseModel):
    """This period less the one before; null where one of them has nothing to say."""

    runs: float | None
    pass_rate: float | None
    veto_rate: float | None
    error_rate: float | None
    score: float | None
    queue_p50_seconds: float | None
    queue_p95_seconds: float | None
    work_p50_seconds: float | None
    work_p95_seconds: float | None
    cost_usd: float | None
    findings: float | None
    criteria_pass_rate: float | None


class Summary(Report):
    current: Totals
    previous: Totals
    change: Change

    def columns(self) -> list[str]:
        return ["period", *columns_of(Totals)]

    def rows(self) -> Iterable[Mapping[str, Any]]:
        for name, totals in (("current", self.current), ("previous", self.previous)):
            yield {"period": name, **totals.model_dump()}


def totals(found: Sums, bins: Mapping[str, Bins]) -> Totals:
    """What the sums of a period say."""
    criteria = figures.criteria(found)
    return Totals(
        runs=found["runs"],
        verdicts=figures.verdicts(found),
        pass_rate=figures.pass_rate(found),
        veto_rate=figures.rate(found["vetoed"], figures.decided(found)),
        error_rate=figures.rate(found["errors"], found["runs"]),
        score=figures.score(found),
        queue_seconds=figures.durations(found, "queue", bins["queue"]),
        work_seconds=figures.durations(found, "work", bins["work"]),
        llm_seconds=figures.durations(found, "llm", bins["llm"]),
        attempts=figures.mean(found["attempts"], found["runs"]),
        llm_runs=figures.rate(found["llm_runs"], found["runs"]),
        diff_runs=figures.rate(found["diff_runs"], found["runs"]),
        llm=figures.spending(found),
        findings=figures.findings(found),
        criteria=criteria,
        criteria_pass_rate=figures.rate(criteria.passed, criteria.passed + criteria.failed),
        files_seen=figures.rate(found["files_seen"], found["files_total"]),
        remediation=figures.remediation(found),
    )


def _change(now: Totals, before: Totals) -> Change:
    less = figures.change
    return Change(
        runs=less(now.runs, before.runs),
        pass_rate=less(now.pass_rate.rate, before.pass_rate.rate),
        veto_rate=less(now.veto_rate.rate, before.veto_rate.rate),
        error_rate=less(now.error_rate.rate, before.error_rate.rate),
        score=less(now.score.mean, before.score.mean),
        queue_p50_seconds=less(now.queue_seconds.p50, before.queue_seconds.p50),
        queue_p95_seconds=less(now.queue_seconds.p95, before.queue_seconds.p95),
        work_p50_seconds=less(now.work_seconds.p50, before.work_seconds.p50),
        work_p95_seconds=less(now.work_seconds.p95, before.work_seconds.p95),
        cost_usd=less(now.llm.cost_usd, before.llm.cost_usd),
        findings=less(_total(now), _total(before)),
        criteria_pass_rate=less(now.criteria_pass_rate.rate, before.criteria_pass_rate.rate),
    )


def _total(found: Totals) -> int:
    return sum(found.findings.model_dump().values())


@operations.add("GET", "/api/analytics/summary", scope=Scope.RUNS_READ, answers=answers(Summary), problems=PROBLEMS)
async def analytics_summary(call: Call, query: PeriodQuery) -> Response:
    """A period in figures, and its change against the period before"""
    return await answer(call, query, _build)


async def _build(asking: Asking[PeriodQuery]) -> Summary:
    scope = asking.scope
    intervals = [(scope.period.start, scope.period.end), scope.period.before]
    found = await sums(scope, _NAMES, intervals)
    bins = await distributions(scope, intervals)
    current, previous = (totals(of, within) for of, within in zip(found, bins, strict=True))
    return Summary(period=asking.asked, current=current, previous=previous, change=_change(current, previous))
