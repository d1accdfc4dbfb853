"""`invariant bench scale`: a hundred workers, a thousand tenants, a million runs that wait.

    claims       as 20 processes of 10 claimers, each of which claims a run and ends it; with a limit per repository too
    newcomer     how long the run of somebody who comes into that crowd waits
    statements   what processes ask periodically and what endpoints ask, at so many runs that wait and have ended

On a Postgres of its own on this machine. Exits with 1 when a figure is not what was wanted.
"""

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from invariant import postgres, stack
from invariant.bench import claimer, crowded
from invariant.postgres import TEMPLATE
from invariant.quiet import quiet
from invariant.waiting import until
from worker import isolated, reaper, upkeep
from worker.core.db.database import Database
from worker.core.settings import Settings
from worker.runtime.dispatch import READ_ORDER, WAITING_CAP
from worker.runtime.resources import Resources
from worker.verification import history

_PROCESSES, _CLAIMERS = 20, 10
_REPO_LIMIT = 2
_SETTINGS = {
    "autovacuum": "on",
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "24GB",
    "checkpoint_timeout": "1h",
}
_TIMES = 20
_WANTED_MS = 50.0
_CLAIMS_WANTED = 500.0
_CLAIM_WANTED_SECONDS = 1.0
# A thousand tenants have a turn each in two seconds.
_NEWCOMER_WANTED_SECONDS = 5.0


@dataclass(frozen=True)
class Figure:
    name: str
    measured: str
    wanted: str
    good: bool


@quiet()
def command(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 when a figure is not what was wanted."""
    console = Console(width=140)
    began = time.monotonic()
    figures: list[Figure] = []
    with (
        postgres.server(durable=True, connections=600, settings=_SETTINGS) as server,
        server.database(TEMPLATE) as url,
    ):
        crowded.fill(url, queued=arguments.queued, finished=arguments.finished)
        console.print(f"[dim]{arguments.queued:,} runs wait, {arguments.finished:,} have ended: written[/dim]")
        figures += asyncio.run(_periodic(url))
        figures += _endpoints(url)
        for name, limit in (("", 0), (f", at most {_REPO_LIMIT} of a repository", _REPO_LIMIT)):
            figures += _claims(url, name, limit, arguments.seconds)
    table = Table(title=f"{arguments.queued:,} runs wait, {arguments.finished:,} have ended")
    for column in ("figure", "measured", "wanted"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        table.add_row(figure.name, figure.measured, figure.wanted if figure.good else f"[red]{figure.wanted}[/red]")
    console.print(table)
    console.print(f"{time.monotonic() - began:.0f} s in all")
    return int(not all(figure.good for figure in figures))


def _timed(name: str, milliseconds: list[float]) -> Figure:
    p95 = statistics.quantiles(milliseconds, n=20, method="inclusive")[18]
    measured = f"p50 {statistics.median(milliseconds):.1f} ms, p95 {p95:.1f} ms"
    return Figure(name, measured, f"p95 <= {_WANTED_MS:.0f} ms", p95 <= _WANTED_MS)


async def _periodic(url: str) -> list[Figure]:
    """What every worker asks now and then, and what each run asks once."""
    db = Database(url, application="invariant-bench", pool_size=2)
    resources = Resources(Settings.model_validate({"DATABASE_URL": url}), db, "bench", isolation=isolated.isolation())

    async def of_a_run() -> None:
        async with db.transaction() as session:
            run = await crowded.newest_finished(session)
            await history.load(session, run, "none has this constitution")

    async def order() -> None:
        async with db.single_statement() as connection:
            await connection.execute(READ_ORDER, {"repo_limit": 0, "counted": WAITING_CAP})

    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "order of tenants": order,
        "reaper": partial(reaper.reap_once, resources),
        "history of a run": of_a_run,
        **{
            f"{kind}: {name}": partial(chore.do, resources)
            for kind, chores in upkeep.CHORES.items()
            for name, chore in chores.items()
        },
    }
    figures = []
    for name, ask in asked.items():
        await ask()
        figures.append(_timed(name, [await _milliseconds(ask) for _ in range(_TIMES)]))
    await db.dispose()
    resources.isolation.close()
    return figures


async def _milliseconds(ask: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1000


def _endpoints(url: str) -> list[Figure]:
    """Whole requests, one at a time, of the service and of a user with some runs and repositories."""
    figures = []
    settings = Settings.model_validate({"DATABASE_URL": url})
    with stack.running(settings, workers=0) as api, httpx.Client(base_url=api.url, timeout=120) as client:
        paths = crowded.paths(url)
        for who, user in (("service", {}), ("user", {"X-CVA-User": crowded.USER})):
            headers = {"Authorization": f"Bearer {api.token}", **user}
            for path in paths:
                times = [_request(client, path, headers) for _ in range(_TIMES + 1)][1:]
                figures.append(_timed(f"GET {path} ({who})", times))
    return figures


def _request(client: httpx.Client, path: str, headers: Mapping[str, str]) -> float:
    # As slowly as a user may ask for long (CVA_USER_REQUESTS_PER_MINUTE): who asks faster is paced, and waits for that.
    time.sleep(0.06)
    began = time.perf_counter()
    answer = client.get(path, headers=headers)
    # What is an administrator's, or not there, is found out by asking, too.
    if answer.status_code not in (200, 403, 404):
        raise RuntimeError(f"{path} was answered with {answer.status_code}")
    return (time.perf_counter() - began) * 1000


def _claims(url: str, name: str, repo_limit: int, seconds: float) -> list[Figure]:
    with _claimers(url, repo_limit, seconds) as processes:
        waits = _newcomers(url, seconds)
        answers = [json.loads(process.communicate()[0]) for process in processes]
    if any(process.returncode for process in processes) or any(answer["nothing"] for answer in answers):
        raise RuntimeError("a claimer failed, or found nothing to claim among all that waits")
    times = sorted(second for answer in answers for second in answer["seconds"])
    rate, p99 = len(times) / seconds, times[int(len(times) * 0.99)]
    figures = [
        Figure(f"claims a second{name}", f"{rate:.0f}", f">= {_CLAIMS_WANTED:.0f}", rate >= _CLAIMS_WANTED),
        Figure(f"a claim{name}, p99", f"{p99:.2f} s", f"<= {_CLAIM_WANTED_SECONDS:g} s", p99 <= _CLAIM_WANTED_SECONDS),
        Figure(
            f"a newcomer's run begins after{name}, p50",
            f"{statistics.median(waits):.2f} s",
            f"<= {_NEWCOMER_WANTED_SECONDS:g} s",
            statistics.median(waits) <= _NEWCOMER_WANTED_SECONDS,
        ),
    ]
    if repo_limit:
        # Nothing was asked of it; it is there to be compared.
        figures = [Figure(figure.name, figure.measured, "", True) for figure in figures]
    return figures


@contextmanager
def _claimers(url: str, repo_limit: int, seconds: float) -> Iterator[list[subprocess.Popen[str]]]:
    argv = [sys.executable, "-m", "invariant.bench.claimer", url, str(_CLAIMERS), str(seconds), str(repo_limit)]
    processes = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(_PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _newcomers(url: str, seconds: float) -> list[float]:
    """How long the runs of tenants that were not there before waited, one after the other."""
    waits: list[float] = []
    # As long as the claimers count nothing: what is measured begins with them.
    time.sleep(claimer.WARM_SECONDS)
    deadline = time.monotonic() + seconds
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            run_id = uuid.uuid4()
            connection.execute(crowded.NEWCOMER, {"id": run_id, "tenant": f"newcomer-{run_id}"})
            begun = partial(lambda run: connection.execute(crowded.WAITED, {"id": run}).fetchone(), run_id)
            try:
                waits.append(until(begun, deadline + 1 - time.monotonic())[0])
            except TimeoutError:
                # One that is not served while it is waited for counts as well.
                waits.append(math.inf)
    return waits
