"""GET /api/analytics/trends: a period bucket by bucket, those without a run included."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, Report, answer, answers, columns_of
from api.analytics.period import PeriodQuery
from api.analytics.sums import sums
from api.http.routing import Call, Operations
from worker.core.analytics import measures
from worker.core.vocabulary import Scope

operations = Operations("analytics")
_NAMES = (
    "runs",
    *measures.VERDICTS.values(),
    "attempts",
    "scored",
    "scores",
    *(duration.measure for duration in measures.DURATIONS),
    *measures.CALLS,
    *measures.TOKENS,
    "cost_nano",
    *measures.FINDINGS.values(),
    *measures.CRITERIA,
)


class Point(BaseModel):
    """One bucket, [start, end). Durations are means in seconds."""

    start: datetime
    end: datetime
    runs: int
    verdicts: figures.Verdicts
    pass_rate: figures.Rate
    error_rate: figures.Rate
    score: figures.Mean
    queue_seconds: float | None
    work_seconds: float | None
    llm_seconds: float | None
    llm: figures.Spending
    findings: figures.Findings
    criteria: figures.CriteriaCounts


class Trends(Report):
    points: list[Point]

    def columns(self) -> list[str]:
        return columns_of(Point)

    def rows(self) -> Iterable[Mapping[str, Any]]:
        return (point.model_dump() for point in self.points)


@operations.add("GET", "/api/analytics/trends", scope=Scope.RUNS_READ, answers=answers(Trends), problems=PROBLEMS)
async def analytics_trends(call: Call, query: PeriodQuery) -> Response:
    """A period bucket by bucket, without gaps"""
    return await answer(call, query, _build)


async def _build(asking: Asking[PeriodQuery]) -> Trends:
    intervals = asking.scope.period.buckets
    points = [
        Point(
            start=start.astimezone(asking.zone),
            end=end.astimezone(asking.zone),
            runs=found["runs"],
            verdicts=figures.verdicts(found),
            pass_rate=figures.pass_rate(found),
            error_rate=figures.rate(found["errors"], found["runs"]),
            score=figures.score(found),
            queue_seconds=figures.seconds(found, "queue").mean,
            work_seconds=figures.seconds(found, "work").mean,
            llm_seconds=figures.seconds(found, "llm").mean,
            llm=figures.spending(found),
            findings=figures.findings(found),
            criteria=figures.criteria(found),
        )
        for (start, end), found in zip(intervals, await sums(asking.scope, _NAMES, intervals), strict=True)
    ]
    return Trends(period=asking.asked, points=points)
