"""Live progress: 200 people watch one run, the api is restarted meanwhile, and each is told of everything once."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from invariant.bench.provider import debated_script, running
from invariant.stack import free_port
from tests.support import processes, provider
from tests.support.processes import TOKEN, environment, process
from tests.support.ui import Reader, ui
from worker.core.db.database import libpq_url

WATCHERS = 200
MIB = 1 << 20
RULES = "".join(f"- Code MUST NOT call `call_{number}(`.\n" for number in range(12))


class Api:
    """An api at one port that can be ended and started again."""

    def __init__(self, url: str, folder: Path) -> None:
        self.port = free_port()
        self._env = environment(url, HOST="127.0.0.1", PORT=str(self.port), CVA_API_TOKEN=TOKEN)
        self._folder = folder
        self._running = ExitStack()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        running = self._running.enter_context(process("api", self._env, self._folder))
        running.wait_for("Application startup complete")

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def api(url: str, tmp_path: Path) -> Iterator[Api]:
    found = Api(url, tmp_path)
    found.start()
    yield found
    found.stop()


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def watch(pages: str, run: str, cookies: dict[str, str], seen: list[tuple[str, float, str]]) -> None:
    """What a browser's EventSource does: read, and come back with the last id where the stream was cut."""
    last = "0"
    async with httpx.AsyncClient(base_url=pages, cookies=cookies, timeout=30) as client:
        while True:
            headers = {"Last-Event-ID": last}
            try:
                async with client.stream("GET", f"/runs/{run}/events", headers=headers) as answer:
                    assert answer.status_code == 200
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last = line[4:]
                        elif line.startswith("data: "):
                            told = json.loads(line[6:])
                            seen.append((last, time.time(), told["html"]))
                            if told["is_final"]:
                                return
            except httpx.HTTPError:
                await asyncio.sleep(0.2)


def events(url: str, run: str) -> list[tuple[str, float]]:
    with psycopg.connect(libpq_url(url)) as connection:
        rows = connection.execute(
            "SELECT seq, created_at FROM run_events WHERE run_id = %s ORDER BY seq", [run]
        ).fetchall()
    at: list[tuple[str, datetime]] = [(str(seq), created_at) for seq, created_at in rows]
    return [(seq, created_at.timestamp()) for seq, created_at in at]


async def test_everybody_is_told_everything_once_while_the_api_is_restarted(url: str, api: Api, tmp_path: Path) -> None:
    with (
        running(debated_script(8.0)) as models,
        processes.worker(url, tmp_path, **provider.settings(models)),
        ui(tmp_path, api.address) as (pages, ui_process),
        Reader(pages) as ada,
    ):
        ada.log_in("ada")
        headers = {"Authorization": f"Bearer {TOKEN}", "X-CVA-User": "ada"}
        body = {"source": {"kind": "files", "files": {"a.py": "x = 1\n" * 50}}, "constitution": RULES}
        async with httpx.AsyncClient(base_url=api.address, headers=headers, timeout=30) as client:
            run = (await client.post("/api/runs", json=body)).json()["id"]
        seen: list[list[tuple[str, float, str]]] = [[] for _ in range(WATCHERS)]
        watching = [asyncio.create_task(watch(pages, run, dict(ada.cookies), one)) for one in seen]
        await asyncio.sleep(1)
        before = resident(ui_process.popen.pid)
        await asyncio.to_thread(api.stop)
        await asyncio.to_thread(api.start)
        restarted = time.time()
        await asyncio.wait_for(asyncio.gather(*watching), 90)
        grown = resident(ui_process.popen.pid) - before
    happened = events(url, run)
    for one in seen:
        assert [number for number, _, _ in one] == [number for number, _ in happened]
        assert "The run is completed" in one[-1][2]
    late = [
        told - committed
        for one in seen
        for (_, told, _), (_, committed) in zip(one, happened, strict=True)
        if committed > restarted + 1
    ]
    print(f"{len(late)} deliveries, the last {max(late):.3f} s after its commit; memory {grown / MIB:.0f} MiB more")
    assert late and max(late) <= 0.5, f"{max(late):.3f} s after its commit"
    assert grown < 40 * MIB, f"{grown / MIB:.0f} MiB"


async def test_stream_that_nobody_watches_ends(url: str, api: Api, tmp_path: Path) -> None:
    """A watcher who leaves leaves nothing behind: the api's stream is closed."""
    with ui(tmp_path, api.address) as (pages, _), Reader(pages) as ada:
        ada.log_in("ada")
        headers = {"Authorization": f"Bearer {TOKEN}", "X-CVA-User": "ada"}
        body = {"source": {"kind": "files", "files": {"a.py": "x = 1\n"}}, "constitution": RULES}
        async with httpx.AsyncClient(base_url=api.address, headers=headers, timeout=30) as client:
            run = (await client.post("/api/runs", json=body)).json()["id"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch(pages, run, dict(ada.cookies), []), 2)

        def streams() -> int:
            with psycopg.connect(libpq_url(url)) as connection:
                row = connection.execute("SELECT count(*) FROM open_streams WHERE until > now()").fetchone()
            assert row is not None
            return int(row[0])

        await asyncio.to_thread(processes.eventually, lambda: streams() == 0 or None, 40)
