"""Prometheus metrics. Labels are bounded: routes by their template, never a path that was asked for."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import text

from worker.core.db.database import Database
from worker.core.vocabulary import RunStatus

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

_UNFINISHED = [status.value for status in RunStatus if not status.is_final]
_COUNTED = 100_000
_FIGURES = text(
    """
    SELECT s.status,
        -- In an order that an index has: they are little among all runs there ever were.
        (SELECT count(*) FROM (
            SELECT FROM runs r WHERE r.status = s.status ORDER BY created_at, id LIMIT :counted) AS counted) AS runs,
        coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM runs r WHERE r.status = s.status)), 0)::float8
            AS oldest
    FROM unnest(CAST(:statuses AS text[])) AS s (status)
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
        self.runs = Gauge(
            "invariant_runs", f"Unfinished runs, counted up to {_COUNTED:,}", ["status"], registry=self.registry
        )
        self.oldest = Gauge(
            "invariant_oldest_run_seconds", "Age of the oldest unfinished run", ["status"], registry=self.registry
        )
        self.streams = Gauge("invariant_live_streams", "Open event streams", registry=self.registry)
        self.accepted = Counter("invariant_runs_accepted_total", "Runs accepted", registry=self.registry)

    async def render(self, db: Database, streams: int) -> tuple[bytes, str]:
        """The exposition text and its media type; the queue's figures are read from the database."""
        async with db.transaction() as session:
            rows = (await session.execute(_FIGURES, {"statuses": _UNFINISHED, "counted": _COUNTED})).all()
        for row in rows:
            self.runs.labels(row.status).set(row.runs)
            self.oldest.labels(row.status).set(row.oldest)
        self.streams.set(streams)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
