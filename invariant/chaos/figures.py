"""What is no rate: how fast a cancellation arrives, what a flood costs others, and what tidying costs claims."""

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import psycopg

from invariant import postgres
from invariant.bench.provider import Provider
from invariant.chaos import rig as rigs
from invariant.chaos.rig import Rig
from invariant.waiting import until
from worker import isolated, upkeep
from worker.core.db.database import Database
from worker.core.queue import app as queue
from worker.core.settings import Settings
from worker.runtime.connector import connector
from worker.runtime.resources import Resources


@dataclass(frozen=True)
class Figure:
    """`value` must not be above `wanted`."""

    name: str
    told: str
    value: float
    wanted: float


Measure = Callable[[float], list[Figure]]
"""Gets by how much it is shortened (1: not at all)."""


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


# One statement for the runs of a tenant: each with a constitution of its own, so that no answer is shared.
_RUNS = """
    WITH texts AS (
        SELECT gen_random_uuid() AS id, gen_random_uuid() AS version,
            '- Notes MUST be free of `' || %(tenant)s || '_' || n || '_' || %(mark)s || '`.' AS content
        FROM generate_series(1, %(number)s) AS n
    ), versions AS (
        INSERT INTO constitution_versions (id, content, sha256)
        SELECT version, content, encode(sha256(content::bytea), 'hex') FROM texts RETURNING id
    ), upload AS (
        INSERT INTO uploads (id, format, size, sha256, content)
        VALUES (gen_random_uuid(), 'files', 2, 'x', convert_to('{"notes.txt": "Nothing."}', 'UTF8')) RETURNING id
    ), runs_made AS (
        INSERT INTO runs (id, source_kind, source, upload_id, constitution_version_id, created_by, priority)
        SELECT texts.id, 'files', '{"kind": "files"}', upload.id, texts.version, %(tenant)s, 10
        FROM texts JOIN versions ON versions.id = texts.version, upload RETURNING id
    )
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
    SELECT 'verification', 'verification.verify_run', 10, jsonb_build_object('run_id', id) FROM runs_made
"""


def _enqueue(rig: Rig, tenant: str, number: int, mark: str) -> None:
    with psycopg.connect(rig.product.url, autocommit=True) as connection:
        connection.execute(_RUNS, {"tenant": tenant, "number": number, "mark": mark})


_SLOW = {"CVA_WORKER_CONCURRENCY": "16", "CVA_LLM_CONCURRENCY": "1000"}


def cancellations(scale: float) -> list[Figure]:
    """From the request until the provider sees its call closed."""
    number = max(10, round(32 * scale))
    found = []
    with rigs.idle(_SLOW, call_seconds=120) as rig:
        for how, wanted in (("with NOTIFY", 2.0), ("without", 6.0)):
            seen = len(rig.judges.requests)
            _enqueue(rig, how, number, how)
            until(partial(_asked, rig, seen + number), 60, lambda: "the judges were not asked")
            ids = [str(row[0]) for row in rig.product.query("SELECT id FROM runs WHERE status = 'running'")]
            began = time.monotonic()
            for run_id in ids:
                if how == "without":
                    rig.product.query(
                        "UPDATE runs SET cancel_requested_at = now() WHERE id = %s RETURNING id", (run_id,)
                    )
                else:
                    rig.product.client.cancel(run_id)
            times = _closed(rig.judges, seen, number, began)
            p95 = _percentile(times, 95)
            found.append(
                Figure(f"cancel of {number} running runs, {how}: calls closed, p95", f"{p95:.2f} s", p95, wanted)
            )
    return found


def _asked(rig: Rig, number: int) -> bool:
    return len(rig.judges.requests) >= number


def _closed(judges: Provider, seen: int, number: int, began: float) -> list[float]:
    """Seconds from `began` until each of the calls was closed by its caller."""
    times: dict[int, float] = {}

    def all_closed() -> bool:
        for request in judges.requests[seen : seen + number]:
            if request.cancelled:
                times.setdefault(request.number, time.monotonic() - began)
        return len(times) == number

    until(all_closed, 60, lambda: f"{number - len(times)} calls were not closed", every=0.01)
    return list(times.values())


# How long each run of tenant B waited, None while it waits.
_WAITS = """
    SELECT extract(epoch FROM r.started_at - r.created_at)::float8
    FROM runs r JOIN constitution_versions v ON v.id = r.constitution_version_id
    WHERE r.created_by = 'b' AND v.content LIKE %s
"""


def flood(scale: float) -> list[Figure]:
    """Tenant B's waits, alone and while tenant A has thousands of runs waiting."""
    many, few = max(300, round(5000 * scale)), 40
    with rigs.idle({}, call_seconds=0.25) as rig:

        def waits(mark: str) -> float:
            _enqueue(rig, "b", few, mark)

            def waited() -> list[float] | None:
                found = [row[0] for row in rig.product.query(_WAITS, (f"%\\_{mark}`%",))]
                return None if None in found else found

            return _percentile(until(waited, 120, lambda: "tenant B's runs did not all begin"), 95)

        waits("warm")
        alone = waits("alone")
        _enqueue(rig, "a", many, "flood")
        started = "SELECT count(*) >= 40 FROM runs WHERE created_by = 'a' AND started_at IS NOT NULL"
        until(lambda: rig.product.query(started) == [(True,)], 60, lambda: "tenant A's runs did not begin")
        beside = waits("beside")
        left = rig.product.query("SELECT count(*) FROM runs WHERE created_by = 'a' AND status = 'queued'")[0][0]
    told = f"{beside:.2f} s beside {left} waiting, {alone:.2f} s alone: {beside / alone:.2f}"
    return [Figure(f"flood of {many}: another tenant's wait, p95, over its wait alone", told, beside / alone, 2.0)]


_CLAIMS = 1500
_FINISHED = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    SELECT 'old', 'old', 'succeeded' FROM generate_series(1, %s)
"""
_OLD_EVENTS = """
    INSERT INTO procrastinate_events (job_id, type, at)
    SELECT id, 'succeeded', now() - interval '30 days' FROM procrastinate_jobs WHERE queue_name = 'old'
"""
_WAITING = """
    INSERT INTO procrastinate_jobs (queue_name, task_name) SELECT 'claims', 'none' FROM generate_series(1, %s)
"""


def tidying(scale: float) -> list[Figure]:
    """The time that claiming a job takes, in turns without and with finished jobs being pruned."""
    number = max(20_000, round(500_000 * scale))
    with postgres.server(durable=True) as server, server.database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_FINISHED, (number,))
            connection.execute(_OLD_EVENTS)
            connection.execute(_WAITING, (_CLAIMS * 12,))
            connection.execute("VACUUM ANALYZE")
        quiet, busy, gone = asyncio.run(_claims(url))
    ratio = _percentile(busy, 99) / _percentile(quiet, 99)
    told = (
        f"{_percentile(busy, 99) * 1000:.2f} ms while {gone} of {number} went, "
        f"{_percentile(quiet, 99) * 1000:.2f} ms without: {ratio:.2f}"
    )
    return [Figure("pruning finished jobs: p99 of a claim over p99 without", told, ratio, 1.10)]


async def _claims(url: str) -> tuple[list[float], list[float], int]:
    db = Database(url, application="invariant-chaos")
    found = Resources(Settings(), db, "chaos", isolation=isolated.isolation())
    app = queue.app.with_connector(connector(db, application="invariant-chaos", pool_size=2))
    times: tuple[list[float], list[float]] = ([], [])
    async with app.open_async():
        worker = await app.job_manager.register_worker()

        async def claim_all(into: list[float]) -> None:
            for _ in range(_CLAIMS):
                began = time.perf_counter()
                assert await app.job_manager.fetch_job(queues=["claims"], worker_id=worker)
                into.append(time.perf_counter() - began)

        before = await _finished(db)
        for _ in range(5):
            await claim_all(times[0])
            tidying = asyncio.create_task(upkeep.tidy("jobs", found))
            await claim_all(times[1])
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
        gone = before - await _finished(db)
    await db.dispose()
    return times[0], times[1], gone


async def _finished(db: Database) -> int:
    async with db.single_statement() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'old'")
        return int(found.scalar_one())


FIGURES: Mapping[str, Measure] = {"cancel": cancellations, "flood": flood, "pruning": tidying}
