"""The analytics keep themselves up to date: as a worker does it, and as an operator does it by hand."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from tests.support import processes
from tests.support.app import resources
from tests.support.past import Past
from tests.support.processes import eventually
from worker.analytics import chores
from worker.runtime.periodic import do_forever, do_one
from worker.runtime.work_items import NOTHING


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 24, 3, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 24, 4, 0, 1, tzinfo=UTC), 24),
        (datetime(2026, 11, 24, 23, 0, tzinfo=UTC), 5),
    ],
)
def test_the_sweep_comes_once_a_night(now: datetime, hours: int) -> None:
    for _ in range(50):
        seconds = chores.until_night(now)
        assert (
            timedelta()
            <= timedelta(seconds=seconds) - timedelta(hours=hours) + timedelta(seconds=1)
            < timedelta(minutes=11)
        )
        again = now + timedelta(seconds=seconds)
        assert chores.until_night(again) > 12 * 3600


async def test_a_worker_does_both_and_a_sweep_does_not_hold_up_the_roll_up(url: str) -> None:
    Past(url, random.Random(1)).happens(datetime.now(UTC))
    async with resources(url, CVA_ROLLUP_SECONDS=0.05) as found:
        kinds = chores.chores(found.settings)
        assert set(kinds) == {"rollup", "sweep"}
        tasks = [asyncio.create_task(do_forever(kind, own, found, look=0.02)) for kind, own in kinds.items()]
        async with asyncio.timeout(30):
            while True:
                async with found.db.transaction() as session:
                    done = {row.kind: row.attempt for row in await session.execute(text("SELECT * FROM work_items"))}
                    swept = await session.scalar(text("SELECT swept_at IS NOT NULL FROM analytics_state"))
                    marks = await session.scalar(text("SELECT count(*) FROM analytics_dirty_marks"))
                if done.get("rollup", 0) >= 3 and swept and not marks:
                    break
                assert not any(task.done() for task in tasks)
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert done["sweep"] == 1
        found.controls.drain()
        assert await do_one("rollup", kinds["rollup"], found) == NOTHING


def has_ended(client: Any, run_id: str) -> bool:
    return client.get(f"/api/runs/{run_id}").json()["finished_at"] is not None


def figures(client: Any) -> tuple[int, int]:
    found = client.get("/api/analytics/summary").json()["current"]
    return found["runs"], found["criteria"]["failed"]


def test_a_run_is_in_the_figures_whatever_dies(url: str, tmp_path: Path, request_body: dict[str, Any]) -> None:
    """Real processes: workers that are killed as they come, one that stays, and runs that end meanwhile."""
    fast = {"CVA_ROLLUP_SECONDS": "0.2", "CVA_LEASE_SECONDS": "3", "CVA_REAP_SECONDS": "0.5"}
    with processes.api(url, tmp_path) as (client, _):
        run_ids: list[str] = []
        for _ in range(3):
            with processes.worker(url, tmp_path, **fast) as worker:
                run_ids += [client.post("/api/runs", json=request_body).json()["id"] for _ in range(2)]
                first = run_ids[0]
                eventually(partial(has_ended, client, first))
                os.kill(worker.popen.pid, signal.SIGKILL)
                worker.popen.wait()
        with processes.worker(url, tmp_path, **fast):
            eventually(lambda: figures(client) == (6, 12), 60, lambda: figures(client))
            before = client.get("/api/analytics/summary")
            with psycopg.connect(url) as connection:
                connection.execute("DELETE FROM runs WHERE id = %s", [run_ids[0]])
            eventually(lambda: figures(client) == (5, 10), 30, lambda: figures(client))
            assert client.get("/api/analytics/summary").headers["etag"] != before.headers["etag"]
            rules = client.get("/api/analytics/rules").json()["items"]
            assert {item["statement"] for item in rules if item["kind"] == "criterion"} == {
                "Code MUST NOT call `eval()`.",
                "Python code SHOULD have no unused imports.",
                "The service MUST answer within a second.",
            }
            assert {item["rule"] for item in rules if item["kind"] == "static"} >= {"bandit:B307", "ruff:F401"}


def rollups(url: str, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invariant", "rollups", what],
        env=processes.environment(url),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_by_hand(url: str, tmp_path: Path) -> None:
    past = Past(url, random.Random(2))
    for days in (0.1, 3, 12):
        past.happens(datetime.now(UTC) - timedelta(days=days))
    rebuilt = rollups(url, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.startswith("3 runs measured, 3 weeks computed")
    assert rollups(url, "verify").returncode == 0
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE analytics_daily_rollups SET passed = passed + 1")
    found = rollups(url, "verify")
    assert found.returncode == 1
    assert not found.stdout.endswith(" 0 rows were otherwise\n")
    assert rollups(url, "verify").returncode == 0
    unreachable = rollups("postgresql://postgres@/none?host=/nowhere", "verify")
    assert unreachable.returncode == 3
    assert "Traceback" not in unreachable.stderr
