"""Prometheus metrics. Labels are bounded: routes by their template, never a path that was asked for."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import text

from worker.core.db.database import Database
from worker.core.vocabulary import RunStatus

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

_FIGURES = text(
    """
    SELECT status, count(*) AS runs, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest
    FROM runs WHERE status IN ('queued', 'running') GROUP BY status
    """
)


class Metrics:
    """One registry per api process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "invariant_http_requests_total", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "invariant_http_request_seconds",
            "Time to the first byte of the answer",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.runs = Gauge("invariant_runs", "Unfinished runs", ["status"], registry=self.registry)
        self.oldest = Gauge(
            "invariant_oldest_run_seconds", "Age of the oldest unfinished run", ["status"], registry=self.registry
        )
        self.streams = Gauge("invariant_live_streams", "Open event streams", registry=self.registry)
        self.accepted = Counter("invariant_runs_accepted_total", "Runs accepted", registry=self.registry)

    async def render(self, db: Database, streams: int) -> tuple[bytes, str]:
        """The exposition text and its media type; the queue's figures are read from the database."""
        async with db.transaction() as session:
            rows = {row.status: row for row in (await session.execute(_FIGURES)).all()}
        for status in (RunStatus.QUEUED.value, RunStatus.RUNNING.value):
            row = rows.get(status)
            self.runs.labels(status).set(row.runs if row else 0)
            self.oldest.labels(status).set(row.oldest if row else 0)
        self.streams.set(streams)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
