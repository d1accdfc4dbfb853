"""GET /api/analytics/judges: how each judge judges, how fast, and for how much."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, Report, answer, answers, columns_of
from api.analytics.period import PeriodQuery
from api.analytics.sums import Sums, sums
from api.http.routing import Call, Operations
from worker.core.analytics import measures
from worker.core.analytics.measures import MICRO, NANO
from worker.core.vocabulary import JudgeRole, Scope

operations = Operations("analytics")
_NAMES = tuple(name for name, _ in measures.judge_columns())
_MILLISECONDS = 1000


class JudgeFigures(BaseModel):
    """Of a judge's last opinions on each criterion; `agreement` with the consensus, where both decided."""

    opinions: int
    agreement: figures.Rate
    abstentions: figures.Rate
    vetoes: figures.Rate = Field(description="of its opinions; only the security judge can veto")
    score: figures.Mean
    confidence: figures.Mean
    calls: int = Field(description="LLM calls that were made, not those whose answers were there already")
    seconds_per_call: figures.Mean
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class JudgePoint(JudgeFigures):
    start: datetime
    end: datetime


class Judge(BaseModel):
    role: JudgeRole
    current: JudgeFigures
    previous: JudgeFigures
    trend: list[JudgePoint]


class Judges(Report):
    items: list[Judge]

    def columns(self) -> list[str]:
        return ["role", *columns_of(JudgeFigures), *columns_of(JudgeFigures, "previous.")]

    def rows(self) -> Iterable[Mapping[str, Any]]:
        for judge in self.items:
            yield {"role": judge.role.value, **judge.current.model_dump(), "previous": judge.previous.model_dump()}


def _figures(all_sums: Sums, role: JudgeRole) -> dict[str, Any]:
    found = figures.of_judge(all_sums, role)
    spoken = found["opinions"] - found["abstentions"]
    return {
        "opinions": found["opinions"],
        "agreement": figures.rate(found["agreed"], found["compared"]),
        "abstentions": figures.rate(found["abstentions"], found["opinions"]),
        "vetoes": figures.rate(found["vetoes"], found["opinions"]),
        "score": figures.mean(found["scores"], spoken),
        "confidence": figures.mean(found["confidence_micro"], spoken, MICRO),
        "calls": found["calls"],
        "seconds_per_call": figures.mean(found["latency_ms"], found["calls"], _MILLISECONDS),
        "prompt_tokens": found["prompt_tokens"],
        "completion_tokens": found["completion_tokens"],
        "cost_usd": found["cost_nano"] / NANO,
    }


@operations.add("GET", "/api/analytics/judges", scope=Scope.RUNS_READ, answers=answers(Judges), problems=PROBLEMS)
async def analytics_judges(call: Call, query: PeriodQuery) -> Response:
    """How the judges judge: agreement, vetoes, abstentions, latency, cost"""
    return await answer(call, query, _build)


async def _build(asking: Asking[PeriodQuery]) -> Judges:
    period = asking.scope.period
    current, previous = await sums(asking.scope, _NAMES, [(period.start, period.end), period.before])
    points = list(zip(period.buckets, await sums(asking.scope, _NAMES, period.buckets), strict=True))
    return Judges(
        period=asking.asked,
        items=[
            Judge(
                role=role,
                current=JudgeFigures(**_figures(current, role)),
                previous=JudgeFigures(**_figures(previous, role)),
                trend=[
                    JudgePoint(
                        start=start.astimezone(asking.zone), end=end.astimezone(asking.zone), **_figures(found, role)
                    )
                    for (start, end), found in points
                ],
            )
            for role in JudgeRole
        ],
    )
