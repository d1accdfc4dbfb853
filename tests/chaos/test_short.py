"""The short form of chaos: real processes, real signals, a real Postgres that goes away."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from invariant import postgres
from invariant.stack import free_port
from tests.support import processes
from tests.support.processes import Process, eventually

FAST = {"CVA_LEASE_SECONDS": "3", "CVA_REAP_SECONDS": "0.5", "CVA_DRAIN_SECONDS": "1"}


@pytest.fixture
def slow_body() -> dict[str, Any]:
    """Enough code to keep the analyzers busy for a few seconds."""
    lines = "".join(f"def f{n}(a, b=[]):\n    return eval(a) + {n}\n\n\n" for n in range(500))
    files = {f"m{n}.py": lines for n in range(8)}
    return {"source": {"kind": "files", "files": files}, "constitution": "- Code MUST NOT call eval()\n"}


def status(client: httpx.Client, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/runs/{run_id}").json()
    return found


def until_running(client: httpx.Client, run_id: str, step: str = "analysis") -> None:
    eventually(lambda: status(client, run_id)["step"] == step, 30, lambda: status(client, run_id))


def until_done(client: httpx.Client, run_id: str, seconds: float = 60) -> dict[str, Any]:
    eventually(lambda: status(client, run_id)["finished_at"], seconds, lambda: status(client, run_id))
    return status(client, run_id)


def recorded_once(url: str, run_id: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM analytics_run_metrics WHERE run_id = %(id)s),"
            " (SELECT count(*) FROM artifacts WHERE run_id = %(id)s),"
            " (SELECT count(*) FROM run_events WHERE run_id = %(id)s AND type = 'completed')",
            {"id": run_id},
        ).fetchone()
    return row == (1, 4, 1)


def test_a_run_survives_the_death_of_its_worker(url: str, tmp_path: Path, slow_body: dict[str, Any]) -> None:
    with processes.api(url, tmp_path) as (client, _):
        with processes.worker(url, tmp_path, **FAST) as first:
            run_id = client.post("/api/runs", json=slow_body).json()["id"]
            until_running(client, run_id)
            first.kill()
        with processes.worker(url, tmp_path, **FAST):
            run = until_done(client, run_id)
    assert (run["status"], run["attempt"]) == ("completed", 2)
    assert recorded_once(url, run_id)


def test_a_drain_hands_the_run_back_without_spending_an_attempt(
    url: str, tmp_path: Path, slow_body: dict[str, Any]
) -> None:
    with processes.api(url, tmp_path) as (client, _):
        with processes.worker(url, tmp_path, **{**FAST, "CVA_DRAIN_SECONDS": "0"}) as first:
            run_id = client.post("/api/runs", json=slow_body).json()["id"]
            until_running(client, run_id)
            began = time.monotonic()
            assert first.terminate() == 0
            assert time.monotonic() - began < 10
            assert status(client, run_id)["status"] == "queued"
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT failures FROM runs").fetchone() == (0,)
        with processes.worker(url, tmp_path, **FAST):
            assert until_done(client, run_id)["status"] == "completed"
    assert recorded_once(url, run_id)


def test_work_that_ends_within_the_drain_ends(url: str, tmp_path: Path, slow_body: dict[str, Any]) -> None:
    with processes.api(url, tmp_path) as (client, _):
        with processes.worker(url, tmp_path, **{**FAST, "CVA_DRAIN_SECONDS": "60"}) as first:
            run_id = client.post("/api/runs", json=slow_body).json()["id"]
            until_running(client, run_id)
            assert first.terminate(70) == 0
        run = status(client, run_id)
        assert (run["status"], run["attempt"]) == ("completed", 1)


def test_cancel_reaches_the_worker_and_ends_the_tools(url: str, tmp_path: Path, slow_body: dict[str, Any]) -> None:
    with processes.api(url, tmp_path) as (client, _), processes.worker(url, tmp_path):
        run_id = client.post("/api/runs", json=slow_body).json()["id"]
        until_running(client, run_id)
        began = time.monotonic()
        assert client.delete(f"/api/runs/{run_id}").status_code == 202
        assert until_done(client, run_id, 10)["status"] == "cancelled"
        # By notification, well before the next poll.
        assert time.monotonic() - began < 4


def test_all_backends_terminated_again_and_again(url: str, tmp_path: Path, request_body: dict[str, Any]) -> None:
    with processes.api(url, tmp_path) as (client, _), processes.worker(url, tmp_path, **FAST) as worker:
        run_ids = [client.post("/api/runs", json=request_body).json()["id"] for _ in range(20)]
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(5):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                # How often the fault strikes; what it is waited for stands below.
                time.sleep(0.5)
        runs = _recovered(client, run_ids)
        assert {run["status"] for run in runs} == {"completed"}
        assert all(recorded_once(url, run_id) for run_id in run_ids)
        assert worker.popen.poll() is None


def _recovered(client: httpx.Client, run_ids: list[str]) -> list[dict[str, Any]]:
    def all_done() -> bool:
        answers = [client.get(f"/api/runs/{run_id}") for run_id in run_ids]
        return all(answer.status_code == 200 and answer.json()["finished_at"] for answer in answers)

    eventually(all_done, 90, lambda: [client.get(f"/api/runs/{run_id}").json() for run_id in run_ids])
    return [status(client, run_id) for run_id in run_ids]


def test_postgres_goes_away_and_comes_back(tmp_path: Path, request_body: dict[str, Any]) -> None:
    port = str(free_port())
    with (
        postgres.server(durable=True) as own,
        own.database() as url,
        processes.api(url, tmp_path) as (client, api),
        processes.worker(url, tmp_path, **FAST, CVA_WORKER_PORT=port) as worker,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as probe,
    ):
        eventually(lambda: probe.get("/ready").status_code == 200, 20, lambda: worker.log)
        run_ids = [client.post("/api/runs", json=request_body).json()["id"] for _ in range(6)]
        own.stop("immediate")
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        refused = client.post("/api/runs", json=request_body)
        assert refused.status_code == 503
        eventually(lambda: probe.get("/ready").status_code == 503, 30, lambda: worker.log)
        assert probe.get("/ready").json()["reason"]
        assert probe.get("/health").status_code == 200
        own.start()
        eventually(lambda: probe.get("/ready").status_code == 200, 30, lambda: worker.log)
        assert "invariant_worker_ready 1.0" in probe.get("/metrics").text
        eventually(lambda: client.get("/ready").status_code == 200, 20)
        run_ids.append(client.post("/api/runs", json=request_body).json()["id"])
        assert {run["status"] for run in _recovered(client, run_ids)} == {"completed"}
        _alive(api)
        _alive(worker)


def _alive(process: Process) -> None:
    assert process.popen.poll() is None


def test_the_companion_worker_is_kept_alive(url: str, tmp_path: Path, request_body: dict[str, Any]) -> None:
    """CVA_MONITOR_WORKER: one service, with a worker beside the api that is restarted when it dies."""
    with processes.api(url, tmp_path, CVA_MONITOR_WORKER="true", **FAST) as (client, api):
        first = int(api.wait_for(r'"pid": (\d+)')[1])
        run_id = client.post("/api/runs", json=request_body).json()["id"]
        assert until_done(client, run_id)["status"] == "completed"
        os.kill(first, signal.SIGKILL)
        api.wait_for("worker process ended")
        run_id = client.post("/api/runs", json=request_body).json()["id"]
        assert until_done(client, run_id)["status"] == "completed"
        api.terminate()
        eventually(lambda: "worker stopped" in api.log, 20, lambda: api.log)


def test_the_chaos_command_measures_and_judges(tmp_path: Path) -> None:
    """One figure of it, short; the whole of it takes a quarter of an hour."""
    argv = [sys.executable, "-m", "invariant", "chaos", "--short", "--scenario"]
    done = subprocess.run([*argv, "cancel"], capture_output=True, text=True, timeout=120, check=False)
    # What it measured is the machine's; that it judges by it is ours.
    rows = re.findall(r"calls closed, p95\s*│ ([\d.]+) s\s*│ ([\d.]+)\s*│", done.stdout)
    assert len(rows) == 2, done.stdout + done.stderr
    assert done.returncode == int(any(float(measured) > float(most) for measured, most in rows))
    unknown = subprocess.run([*argv, "weather"], capture_output=True, text=True, timeout=60, check=False)
    assert unknown.returncode == 2
    assert "network half-open" in unknown.stdout
