"""The product behind the real PgBouncer, in transaction mode. CVA_TEST_POOLER=1 runs every test of processes so."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from invariant import pooler
from invariant.postgres import Server
from tests.support import processes
from tests.support.processes import eventually

pytestmark = pytest.mark.skipif(
    not pooler.is_installed(), reason="needs the real PgBouncer, which no package index has: apt install pgbouncer"
)

CONNECTIONS = 3


def test_runs_go_through_a_pooler_with_few_connections_and_live_events(
    server: Server, url: str, tmp_path: Path, request_body: dict[str, Any]
) -> None:
    with pooler.running(server.folder, connections=CONNECTIONS) as pooled:
        behind = {"DATABASE_URL": pooled.url(url), "CVA_DATABASE_DIRECT_URL": url}
        with (
            processes.api(url, tmp_path, **behind) as (client, _),
            processes.worker(url, tmp_path, **behind) as first,
            processes.worker(url, tmp_path, "second", **behind) as second,
        ):
            ids = [client.post("/api/runs", json=request_body).json()["id"] for _ in range(12)]
            with client.stream("GET", f"/api/runs/{ids[-1]}/events") as stream:
                events = re.findall(r"^event: (\w+)", "\n".join(stream.iter_lines()), re.MULTILINE)
            assert events[0] == "queued"
            assert events[-1] == "completed"
            for run_id in ids:
                eventually(lambda run_id=run_id: client.get(f"/api/runs/{run_id}").json()["finished_at"], 60)
            assert {client.get(f"/api/runs/{run_id}").json()["status"] for run_id in ids} == {"completed"}
            with psycopg.connect(url) as connection:
                direct = connection.execute(
                    "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND application_name IN ('invariant-api-events', 'invariant-worker-wakes') GROUP BY 1 ORDER BY 1"
                ).fetchall()
            # Of each process the one on which it listens, past the pooler.
            assert direct == [("invariant-api-events", 1), ("invariant-worker-wakes", 2)]
            for worker in (first, second):
                assert "the pooler sets no limits" not in worker.log
                assert '"level": "error"' not in worker.log


def test_a_pooler_that_sets_no_limits_is_told_of(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooler, "LIMITS", {"timezone": "UTC"})
    with pooler.running(server.folder) as pooled:
        behind = {"DATABASE_URL": pooled.url(url), "CVA_DATABASE_DIRECT_URL": url}
        with processes.worker(url, tmp_path, **behind) as worker:
            worker.wait_for("the pooler sets no limits")
