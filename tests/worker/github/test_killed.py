"""Real processes: a worker is killed in the middle of a request to GitHub, and another one goes on."""

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.github.server import GitHub, signed
from tests.support.processes import eventually
from tests.worker.github.conftest import Shop

# By GitHub's name for the request, and which of them ends the worker: while it connects, clones, and reports.
_STEPS = (
    ("POST /app/installations/{installation_id}/access_tokens", 1),
    ("GET /installation/repositories", 1),
    ("git", 1),
    ("POST /repos/{owner}/{repo}/check-runs", 1),
    ("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", 1),
    ("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", 2),
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("request_", "number"), _STEPS, ids=[f"{name.split('/')[-1]} {n}" for name, n in _STEPS])
def test_a_worker_that_is_killed_at_a_request_leaves_one_check(
    url: str, hub: GitHub, shop: Shop, tmp_path: Path, request_: str, number: int
) -> None:
    settings = {
        **hub.settings,
        "CVA_LEASE_SECONDS": "3",
        "CVA_REAP_SECONDS": "0.5",
        "CVA_WORK_DIR": str(tmp_path / "w"),
    }
    killed = threading.Event()
    pids: list[int] = []
    count = 0

    def kill(name: str) -> None:
        nonlocal count
        if name == request_ and not killed.is_set():
            count += 1
            if count == number:
                killed.set()
                os.kill(pids[0], signal.SIGKILL)

    hub.on_request = kill
    with processes.api(url, tmp_path, **settings) as (client, _), contextlib.ExitStack() as workers:
        first = workers.enter_context(processes.worker(url, tmp_path, "first", **settings))
        pids.append(first.popen.pid)
        answer = client.post("/api/webhooks/github", **signed("installation", shop.installed()))
        assert answer.status_code == 202
        eventually(lambda: killed.is_set() or None, 60, lambda: first.log[-3000:])
        second = workers.enter_context(processes.worker(url, tmp_path, "second", **settings))

        def done() -> dict[str, object] | None:
            ended = [check for check in shop.repo.checks.values() if check["status"] == "completed"]
            return ended[0] if ended else None

        check = eventually(done, 90, lambda: f"{shop.repo.checks}\n{second.log[-3000:]}")
    assert len(shop.repo.checks) == 1 and check["conclusion"] == "success" and check["head_sha"] == shop.first
    assert hub.undocumented == []
