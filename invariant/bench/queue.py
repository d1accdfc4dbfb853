"""`invariant bench queue`: what the product adds to Postgres and procrastinate, side by side in one run.

    accept    runs accepted per second over HTTP, beside the same row and job written by a bare loop
    start     from commit to the start of work, on an idle system
    drain     empty jobs per second through claim and finish, beside a bare procrastinate worker

Nothing is asserted; ratios travel between machines, absolute figures do not.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg_pool
import uvloop
from rich.console import Console
from rich.table import Table

from invariant import stack
from invariant.bench import drain, load
from invariant.bench.database import settings_on, temporary
from worker.core import settings
from worker.core.db.database import connect_args, libpq_url
from worker.core.ids import new_id
from worker.core.queue import app as queue
from worker.core.settings import Settings

_CONNECTIONS = 16
_POOL = 10
_STARTS = 200
_DRAINED = 3000
_ROUNDS = 3
_SOURCE = {"kind": "files", "files": {"a.py": "x = 1\n"}}
_RULES = "- Code MUST NOT call eval().\n"


def command(arguments: argparse.Namespace) -> int:
    """Measure and print one table."""
    config = settings.load()
    console = Console()
    with temporary(config) as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        own = settings_on(config, url)
        accepted = _accept(runner, own, url, seconds=arguments.seconds)
        started = _start(runner, own, url)
        drained = _drain(runner, url)
    table = Table(title="queue")
    for column in ("figure", "product", "bare", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, pairs in (("runs accepted per second, HTTP", accepted), ("empty jobs drained per second", drained)):
        ours, bare = statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        table.add_row(name, f"{ours:.0f}", f"{bare:.0f}", f"{ratio:.2f}")
    table.add_row("commit to start of work, p50", f"{_percentile(started, 50):.1f} ms", "", "")
    table.add_row("commit to start of work, p99", f"{_percentile(started, 99):.1f} ms", "", "")
    console.print(table)
    return 0


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _accept(runner: asyncio.Runner, config: Settings, url: str, *, seconds: float) -> list[tuple[float, float]]:
    """(over HTTP, bare) per second, in turns. No worker runs: accepting alone is measured."""
    pairs = []
    with stack.running(config, workers=0) as api:
        version = _constitution(api)
        body = json.dumps({"source": _GIT, "constitution_version_id": version}).encode()
        where = urlsplit(api.url)
        assert where.hostname and where.port
        for number in range(_ROUNDS + 1):
            tally = runner.run(
                load.post(
                    where.hostname, where.port, "/api/runs", body,
                    token=api.token, connections=_CONNECTIONS, seconds=seconds / 2,
                )
            )  # fmt: skip
            if tally[0]:
                raise RuntimeError(f"{tally[0]} requests were not answered with 202")
            bare = runner.run(_bare_transactions(url, version, seconds / 2))
            if number:
                pairs.append((tally[1] / (seconds / 2), bare))
    return pairs


_GIT = {"kind": "git", "url": "https://github.com/encode/starlette"}


def _constitution(api: stack.Stack) -> str:
    from client.http import Client

    with Client(api.url, api.token) as client:
        found: str = client.enqueue(_SOURCE, _RULES)["constitution_version_id"]
    return found


_ROW = """
    INSERT INTO runs (id, source_kind, source, repo_full_name, constitution_version_id)
    VALUES (%s, 'git', %s, 'encode/starlette', %s)
"""


async def _bare_transactions(url: str, version: str, seconds: float) -> float:
    """Row and job in one transaction per second, by psycopg and procrastinate alone, with as many connections."""
    source = json.dumps(_GIT)
    deadline = time.perf_counter() + seconds
    count = 0

    async def loop(pool: psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[Any]]) -> None:
        nonlocal count
        while time.perf_counter() < deadline:
            run_id = new_id()
            async with pool.connection() as connection:
                await connection.execute(_ROW, (run_id, source, version))
                job = queue.app.configure_task(
                    "bench.none", queue="bench-none", connection=connection, allow_unknown=True
                )
                await job.defer_async(run_id=str(run_id))
            count += 1

    async with psycopg_pool.AsyncConnectionPool(
        libpq_url(url), min_size=_POOL, max_size=_POOL, kwargs=connect_args("invariant-bench"), open=False
    ) as pool:
        await asyncio.gather(*(loop(pool) for _ in range(_CONNECTIONS)))
    return count / seconds


def _start(runner: asyncio.Runner, config: Settings, url: str) -> list[float]:
    """Milliseconds from the commit of a run to the start of work on it, one at a time on an idle system."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, procrastinate_events, runs CASCADE")
        version = connection.execute("SELECT id FROM constitution_versions").fetchone()
    assert version is not None
    with stack.running(config, workers=1):
        return runner.run(_starts(url, str(version[0])))


async def _starts(url: str, version: str) -> list[float]:
    found: list[float] = []
    async with await psycopg.AsyncConnection.connect(libpq_url(url)) as connection:
        for _ in range(_STARTS):
            run_id = new_id()
            # A folder that is not there ends the run at its first step: the start is what is measured.
            source = json.dumps({"kind": "path", "path": "/nonexistent"})
            await connection.execute(
                "INSERT INTO runs (id, source_kind, source, constitution_version_id) VALUES (%s, 'path', %s, %s)",
                (run_id, source, version),
            )
            job = queue.app.configure_task(
                "verification.verify_run", queue="verification", connection=connection, allow_unknown=True
            )
            await job.defer_async(run_id=str(run_id))
            await connection.commit()
            committed = time.time()
            started = await _started_at(connection, run_id)
            found.append((started - committed) * 1000)
            await asyncio.sleep(0.02)
    return found


async def _started_at(connection: psycopg.AsyncConnection[Any], run_id: uuid.UUID) -> float:
    """When work began, by the clock of this machine, which the database shares."""
    while True:
        cursor = await connection.execute(
            "SELECT extract(epoch FROM started_at)::float8 FROM runs WHERE id = %s AND finished_at IS NOT NULL",
            (run_id,),
        )
        row = await cursor.fetchone()
        await connection.commit()
        if row is not None:
            return float(row[0])
        await asyncio.sleep(0.005)


def _drain(runner: asyncio.Runner, url: str) -> list[tuple[float, float]]:
    """(through claim and finish, bare) jobs per second, in turns."""
    pairs = []
    for _ in range(_ROUNDS):
        rates = []
        for task in (drain.HELD, drain.BARE):
            runner.run(_fill(url, task))
            argv = [sys.executable, "-m", "invariant.bench.drain", url, str(_DRAINED)]
            rates.append(float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout))
        pairs.append((rates[0], rates[1]))
    return pairs


async def _fill(url: str, task: str) -> None:
    async with await psycopg.AsyncConnection.connect(libpq_url(url)) as connection:
        await connection.execute("TRUNCATE procrastinate_jobs, procrastinate_events, runs CASCADE")
        ids = [new_id() for _ in range(_DRAINED)]
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO runs (id, source_kind, source) VALUES (%s, 'files', '{}')", [(run_id,) for run_id in ids]
            )
            await cursor.executemany(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES (%s, %s, %s)",
                [(drain.QUEUE, task, json.dumps({"run_id": str(run_id)})) for run_id in ids],
            )
        await connection.commit()
        await connection.execute("ANALYZE runs, procrastinate_jobs")
