"""GET /api/analytics/health: whether the work gets done, now and in a period."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, Report, answer, answers
from api.analytics.moment import FRESHNESS, PROVIDERS
from api.analytics.period import PeriodQuery
from api.analytics.sums import distributions, sums
from api.http.routing import Call, Operations
from api.queue import Overview, read_overview
from worker.core.vocabulary import Scope

operations = Operations("analytics")
_NAMES = ("runs", "errors", "attempts", "queue_us", "work_us")


class Provider(BaseModel):
    """`state` is open while the breaker keeps calls away, limited while the provider itself does."""

    provider: str
    state: str = Field(json_schema_extra={"enum": ["closed", "open", "limited"]})
    failures: int = Field(description="calls that failed since the last that did not")
    until: datetime | None


class Freshness(BaseModel):
    """How far the buckets are behind: `marks` wait to be rolled up, the oldest for so many seconds."""

    marks: int
    oldest_seconds: float | None
    changed_at: datetime
    swept_at: datetime | None = Field(description="when all of it was last verified")


class HealthFigures(BaseModel):
    runs: int
    error_rate: figures.Rate
    attempts: figures.Mean = Field(description="how often a run was taken up; 1 where nothing had to be repeated")
    queue_seconds: figures.Durations
    work_seconds: figures.Durations


class Health(Report):
    """`queue`, `providers` and `rollups` are of this moment, `current` and `previous` of the period."""

    queue: Overview | None = Field(description="administrators only")
    providers: list[Provider]
    rollups: Freshness
    current: HealthFigures
    previous: HealthFigures

    def rows(self) -> Iterable[Mapping[str, Any]]:
        queue: dict[str, Any] = {}
        if self.queue is not None:
            queue = self.queue.model_dump(exclude={"queues"})
            queue |= {item.name: item.model_dump(exclude={"name"}) for item in self.queue.queues}
        yield {
            "queue": queue,
            "providers": {provider.provider: provider.state for provider in self.providers},
            **self.model_dump(include={"rollups", "current", "previous"}),
        }


@operations.add("GET", "/api/analytics/health", scope=Scope.RUNS_READ, answers=answers(Health), problems=PROBLEMS)
async def analytics_health(call: Call, query: PeriodQuery) -> Response:
    """Queue, workers, providers and their breakers now, and errors and waiting times in a period"""
    return await answer(call, query, _build, live=True)


async def _build(asking: Asking[PeriodQuery]) -> Health:
    scope = asking.scope
    intervals = [(scope.period.start, scope.period.end), scope.period.before]
    current, previous = (
        HealthFigures(
            runs=found["runs"],
            error_rate=figures.rate(found["errors"], found["runs"]),
            attempts=figures.mean(found["attempts"], found["runs"]),
            queue_seconds=figures.durations(found, "queue", bins["queue"]),
            work_seconds=figures.durations(found, "work", bins["work"]),
        )
        for found, bins in zip(await sums(scope, _NAMES, intervals), await distributions(scope, intervals), strict=True)
    )
    providers = (await scope.session.execute(PROVIDERS)).mappings().all()
    freshness = (await scope.session.execute(FRESHNESS)).mappings().one()
    return Health(
        period=asking.asked,
        queue=await read_overview(scope.session) if scope.reader is None else None,
        providers=[Provider(**row) for row in providers],
        rollups=Freshness(**freshness),
        current=current,
        previous=previous,
    )
