"""`invariant bench flow`: runs come in at an even pace, through the api, and are claimed, told of, ended and rolled up.

Their work is a script; all else is real: HTTP, jobs, claims, nine events each, metrics, roll-ups, and a hundred
connections that listen. Exits with 1 when the queue did not stay flat, or anything was lost or doubled.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import uvloop
from rich.console import Console

from client.http import Client
from invariant import postgres, stack
from invariant.bench import load
from invariant.postgres import TEMPLATE
from invariant.quiet import quiet
from worker.core.runs import events, lifecycle
from worker.core.settings import Settings

_WORKERS = 2
_LISTENERS = 100
_CONNECTIONS = 16
_LOOK_SECONDS = 5.0
# As many runs as come in so many seconds may wait, and the queue is flat.
_FLAT_SECONDS = 3.0
_PATIENCE_SECONDS = 120.0
_SETTINGS = {"autovacuum": "on", "shared_buffers": "1GB", "max_wal_size": "8GB"}
_RULES = "- Code MUST NOT call eval().\n"
_GIT = {"kind": "git", "url": "https://github.com/encode/starlette"}

_STATE = """
    SELECT (SELECT count(*) FROM runs WHERE status = 'queued'), (SELECT count(*) FROM runs WHERE status = 'completed')
"""
_OUTCOME = """
    SELECT
        (SELECT count(*) FROM runs WHERE status <> 'completed') AS lost,
        (SELECT count(*) FROM (SELECT FROM run_events WHERE type = 'completed'
            GROUP BY run_id HAVING count(*) > 1) AS ended) AS doubled,
        (SELECT coalesce(sum(failures), 0) FROM runs) AS spent,
        (SELECT count(*) FROM runs) - (SELECT count(*) FROM analytics_run_metrics) AS unmeasured
"""


@dataclass(frozen=True)
class _Flow:
    """`waiting` every few seconds while runs came; how many seconds the last of them took to end, None when they did
    not."""

    accepted: int
    refused: int
    waiting: list[int]
    ended_after: float | None


@quiet()
def command(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    console = Console()
    rate, seconds = arguments.rate / 60, arguments.minutes * 60
    with (
        postgres.server(durable=True, connections=300, settings=_SETTINGS) as server,
        server.database(TEMPLATE) as url,
        stack.running(Settings.model_validate({"DATABASE_URL": url}), workers=0) as api,
        _workers(url),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        flow = runner.run(_flow(api, url, rate, seconds))
        with psycopg.connect(url) as connection:
            lost, doubled, spent, unmeasured = connection.execute(_OUTCOME).fetchone() or (0, 0, 0, 0)
    flat = max(flow.waiting[len(flow.waiting) // 2 :], default=0) <= _FLAT_SECONDS * rate
    ended = "not all ended" if flow.ended_after is None else f"the last ended {flow.ended_after:.1f} s after"
    console.print(
        f"{flow.accepted} runs accepted in {seconds:.0f} s, {flow.accepted / seconds * 60:.0f} a minute of "
        f"{arguments.rate:.0f}; {flow.refused} refused; {ended}"
    )
    console.print(f"waiting every {_LOOK_SECONDS:.0f} s: {' '.join(map(str, flow.waiting))}")
    console.print(f"lost {lost}, doubled {doubled}, attempts spent {spent}, without metrics {unmeasured}")
    kept_up = flow.accepted >= 0.99 * rate * seconds and flat and flow.ended_after is not None
    return int(not kept_up or bool(flow.refused or lost or doubled or spent or unmeasured))


@contextlib.contextmanager
def _workers(url: str) -> Iterator[None]:
    argv = [sys.executable, "-m", "invariant.bench.scripted", url]
    processes = [subprocess.Popen(argv) for _ in range(_WORKERS)]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


@contextlib.asynccontextmanager
async def _listeners(url: str) -> AsyncIterator[None]:
    """Connections that listen to what workers and apis listen to, and hear it."""
    async with contextlib.AsyncExitStack() as stack_:
        heard = []
        for _ in range(_LISTENERS):
            connection = await stack_.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True))
            for channel in (lifecycle.CONTROL_CHANNEL, events.CHANNEL, "procrastinate_queue_v1#verification"):
                await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
            heard.append(asyncio.create_task(_hear(connection)))
        try:
            yield
        finally:
            for task in heard:
                task.cancel()
            await asyncio.gather(*heard, return_exceptions=True)


async def _hear(connection: psycopg.AsyncConnection[Any]) -> None:
    async for _ in connection.notifies():
        pass


async def _flow(api: stack.Stack, url: str, rate: float, seconds: float) -> _Flow:
    with Client(api.url, api.token) as client:
        version = client.enqueue({"kind": "files", "files": {"a.py": "x = 1\n"}}, _RULES)["constitution_version_id"]
    body = json.dumps({"source": _GIT, "constitution_version_id": version}).encode()
    where = urlsplit(api.url)
    assert where.hostname
    assert where.port
    waiting: list[int] = []
    async with _listeners(url), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:

        async def state() -> tuple[int, int]:
            row = await (await connection.execute(_STATE)).fetchone()
            return row or (0, 0)

        async def look() -> None:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                waiting.append((await state())[0])

        looking = asyncio.create_task(look())
        refused, accepted = await load.paced(
            where.hostname, where.port, "/api/runs", body,
            token=api.token, connections=_CONNECTIONS, rate=rate, seconds=seconds,
        )  # fmt: skip
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        began = time.monotonic()
        while (await state())[1] < accepted + 1:
            if time.monotonic() - began > _PATIENCE_SECONDS:
                return _Flow(accepted, refused, waiting, None)
            await asyncio.sleep(0.2)
        return _Flow(accepted, refused, waiting, time.monotonic() - began)
