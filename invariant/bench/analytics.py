"""`invariant bench analytics`: the analytics at ten million runs, beside the same figures from the runs themselves.

    endpoints   the time each takes in the database, 95th percentile, over 30 and 365 days, beside plain SQL
    rollup      a roll-up of 1,000 new runs, beside the same in a database of ten thousand runs
    finishing   the metrics' part of the transaction that records a verdict

On a Postgres of its own on this machine. Of every answer the main figures are compared with what the runs say.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from invariant import postgres, stack
from invariant.bench import finishing, history
from invariant.bench.baselines import BASELINES, Baseline
from invariant.bench.history import Size
from invariant.postgres import TEMPLATE
from invariant.quiet import quiet
from worker.analytics import rollup, sweep
from worker.core.db.database import Database
from worker.core.settings import Settings

_REQUESTS = 25
_DAYS = (30, 365)
_NEW_RUNS = 1000
_TICKS = 5
_SMALL = 10_000
# What a database of this size would be given, and a log that is not written for a history that is made up.
_SETTINGS = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "24GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_BUCKETS = (
    "analytics_hourly_buckets",
    "analytics_daily_rollups",
    "analytics_weekly_rollups",
    "analytics_rule_performance",
)


@dataclass(frozen=True)
class Endpoint:
    """Milliseconds: of the database, and of the whole request over HTTP."""

    database: list[float]
    request: list[float]
    answer: Any


@quiet()
def command(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 when a figure is not what was wanted, or an answer not what the runs say."""
    console = Console(width=140)
    size = Size(arguments.runs, arguments.repos, arguments.days)
    began = time.monotonic()
    with postgres.server(settings=_SETTINGS) as server, server.database(TEMPLATE) as url:
        _fill(url, size, console)
        good = _endpoints(url, size, console)
        with server.database(TEMPLATE) as small:
            _fill(small, Size(_SMALL, size.repos, size.days), console)
            good = _rollups(url, small, console) and good
            good = _finishing(small, console) and good
    console.print(f"{time.monotonic() - began:.0f} s in all")
    return int(not good)


@contextmanager
def _told(console: Console, what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    console.print(f"[dim]{what}: {time.monotonic() - began:.0f} s[/dim]")


def _fill(url: str, size: Size, console: Console) -> None:
    with _told(console, f"{size.runs:,} runs of {size.repos} repositories in {size.days} days written by COPY"):
        history.load(url, size)
    with _told(console, "rolled up"):
        asyncio.run(_roll_up_all(url))
        with psycopg.connect(url, autocommit=True) as connection:
            for table in _BUCKETS:
                connection.execute(f"VACUUM (ANALYZE) {table}")


async def _roll_up_all(url: str) -> None:
    db = Database(url, application="invariant-bench", pool_size=4)
    # The metrics were written with the runs; only the buckets are computed.
    await sweep.sweep(db, since=datetime.now(UTC), at_once=2)
    await db.dispose()


def _endpoints(url: str, size: Size, console: Console) -> bool:
    table = Table(title=f"{size.runs:,} runs, {size.repos} repositories, {size.days} days")
    for column in ("endpoint", "days", "database p50", "p95", "request p95", "from the runs", "times", "the same"):
        table.add_column(column, justify="left" if column == "endpoint" else "right")
    good = True
    settings = Settings.model_validate({"DATABASE_URL": url})
    with (
        stack.running(settings, workers=0) as api,
        httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {api.token}"}, timeout=60) as client,
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection,
    ):
        for days in _DAYS:
            for baseline in BASELINES:
                row, is_good = _compared(client, connection, baseline, days)
                table.add_row(*row)
                good = good and is_good
        busiest = size.names()[0]
        for more in ({"tz": "America/New_York"}, {"repo": busiest}, {"repo": busiest, "tz": "America/New_York"}):
            for baseline in BASELINES:
                found = _asked(client, baseline.endpoint, {**_range(365, whole_days=False), **more})
                p95 = _p95(found.database)
                good = good and p95 <= 50
                name = f"{baseline.endpoint}, to this hour, {', '.join(more.values())}"
                table.add_row(name, "365", _ms(statistics.median(found.database)), _ms(p95), _ms(_p95(found.request)))
    console.print(table)
    return good


def _range(days: int, *, whole_days: bool = True) -> dict[str, str]:
    """The last so many days, up to midnight or up to the present hour."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if whole_days:
        end = end.replace(hour=0)
    return {"start": (end - timedelta(days=days)).isoformat(), "end": end.isoformat()}


def _compared(
    client: httpx.Client, connection: psycopg.Connection[Any], baseline: Baseline, days: int
) -> tuple[list[str], bool]:
    asked = _range(days)
    found = _asked(client, baseline.endpoint, asked)
    values: dict[str, Any] = {name: datetime.fromisoformat(value) for name, value in asked.items()}
    values["before"] = values["start"] - timedelta(days=days)
    seconds, first = 0.0, None
    for statement in baseline.statements:
        began = time.perf_counter()
        rows = connection.execute(statement, values).fetchall()
        seconds += time.perf_counter() - began
        first = rows if first is None else first
    same = baseline.agrees(first or [], found.answer)
    p50, p95 = statistics.median(found.database), _p95(found.database)
    times = seconds * 1000 / p50
    told = "yes" if same else "NO"
    row = [baseline.endpoint, str(days), _ms(p50), _ms(p95), _ms(_p95(found.request)), _ms(seconds * 1000)]
    return [*row, f"{times:.0f}", told], same and p95 <= 50 and times >= 100


def _asked(client: httpx.Client, endpoint: str, asked: dict[str, str]) -> Endpoint:
    database, request, answer = [], [], None
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        response = client.get(f"/api/analytics/{endpoint}", params=asked)
        request.append((time.perf_counter() - began) * 1000)
        response.raise_for_status()
        database.append(float(response.headers["Server-Timing"].partition("dur=")[2]))
        answer = response.json()
    return Endpoint(database, request, answer)


def _rollups(url: str, small: str, console: Console) -> bool:
    """In turns, so that both see the same machine."""
    took: dict[str, list[float]] = {url: [], small: []}
    for _ in range(_TICKS):
        for database, seconds in took.items():
            history.add(database, _NEW_RUNS)
            seconds.append(asyncio.run(_roll_up(database)))
    large_ms, small_ms = (statistics.median(seconds) * 1000 for seconds in took.values())
    ratio = large_ms / small_ms
    _table(console, f"a roll-up of {_NEW_RUNS:,} new runs", _ms(large_ms), _ms(small_ms), ratio=ratio, wanted=1.5)
    return ratio <= 1.5


async def _roll_up(url: str) -> float:
    db = Database(url, application="invariant-bench", pool_size=2)
    async with db.transaction() as session:
        await rollup.roll_up(session)
        await session.rollback()
    began = time.perf_counter()
    done = await rollup.catch_up(db)
    seconds = time.perf_counter() - began
    if done.marks < _NEW_RUNS:
        raise RuntimeError(f"only {done.marks} marks were there")
    await db.dispose()
    return seconds


def _finishing(url: str, console: Console) -> bool:
    whole, part = finishing.measure(url)
    ratio = part / whole
    _table(
        console,
        "metrics and mark within the transaction that records a verdict",
        _ms(part * 1000),
        _ms(whole * 1000),
        ratio=ratio,
        wanted=0.1,
    )
    return ratio <= 0.1


def _table(console: Console, title: str, measured: str, beside: str, *, ratio: float, wanted: float) -> None:
    table = Table(title=title)
    for column in ("measured", "beside", "ratio", "at most"):
        table.add_column(column, justify="right")
    table.add_row(measured, beside, f"{ratio:.3f}", f"{wanted:g}")
    console.print(table)


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:,.1f} ms"


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
