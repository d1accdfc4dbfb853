"""What a remediation has kept becomes a branch and one pull request: made again, it is the same one."""

from collections import deque
from typing import Any

import pytest

from tests.support import git
from tests.support.github.driver import Driver
from tests.support.github.server import Fault
from tests.worker.github.conftest import Shop
from worker.core.queue.jobs import OpenPullRequest

_RULES = "# Rules\n\n- Findings of `ruff:F401` are not accepted.\n"
_BAD = "import os\nimport sys\n\n\ndef run() -> str:\n    return sys.version\n"
_GOOD = _BAD.replace("import os\n", "", 1)


@pytest.fixture
async def mended(drive: Driver, shop: Shop) -> str:
    """A remediation that kept a tool's fix, of the commit `bad` on main; what it keeps is not told yet."""
    await drive.deliver("installation", shop.installed())
    await drive.work()
    bad = shop.commit({"app.py": _BAD, ".tribunal/constitution.md": _RULES})
    await drive.deliver("push", shop.push(bad, shop.first))
    await drive.work()
    run = (await drive.api.get("/api/runs")).json()["items"][0]
    answer = await drive.api.post("/api/remediations", json={"run_id": run["id"]})
    assert answer.status_code == 202, answer.text
    while True:
        items = [item for item in await drive.items() if item[0] != OpenPullRequest.NAME]
        runs = await drive.rows("SELECT id FROM runs WHERE status = 'queued'")
        if not items and not runs:
            break
        for kind, subject in items:
            await drive.perform(kind, subject)
        for row in runs:
            await drive.verify(row.id)
    found: str = answer.json()["id"]
    status = (await drive.api.get(f"/api/remediations/{found}")).json()
    assert (status["status"], status["fixes"]) == ("completed", {"verified": 1}), status
    return found


async def test_what_is_kept_becomes_one_pull_request(drive: Driver, shop: Shop, mended: str) -> None:
    await drive.work()
    (pull,) = shop.repo.pulls
    assert (pull["head"]["ref"], pull["base"]["ref"], pull["state"]) == ("invariant/main", "main", "open")
    assert git.git(shop.folder, "show", "invariant/main:app.py") + "\n" == _GOOD
    assert git.git(shop.folder, "diff", "--name-only", "main", "invariant/main") == "app.py"
    assert (
        git.git(shop.folder, "log", "--format=%an %P", "-1", "invariant/main") == f"Invariant {shop.repo.heads['main']}"
    )
    assert "Invariant-Fix:" in git.git(shop.folder, "log", "--format=%B", "-1", "invariant/main")
    # main is where it was.
    assert git.git(shop.folder, "rev-parse", "main") == shop.repo.heads["main"]
    (row,) = await drive.rows("SELECT branch, pull_request_url FROM remediation_runs")
    assert (row.branch, row.pull_request_url) == ("invariant/main", pull["html_url"])
    assert drive.github.undocumented == []


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("at", range(8))
async def test_broken_off_anywhere_it_is_one_pull_request(
    drive: Driver, shop: Shop, mended: str, at: int, done: bool
) -> None:
    shop.hub.faults = deque([*[Fault(-1)] * at, Fault(502, after=done)])
    await drive.perform(OpenPullRequest.NAME, mended)
    reached = not shop.hub.faults
    shop.hub.faults.clear()
    for _ in range(3):
        await drive.hurry()
        await drive.work()
    (pull,) = shop.repo.pulls
    assert pull["state"] == "open" and reached
    commits = git.git(shop.folder, "rev-list", "main..invariant/main").split()
    assert len(commits) == 1


async def test_a_rollback_closes_it_and_the_kill_switch_opens_none(drive: Driver, shop: Shop, mended: str) -> None:
    switch: dict[str, Any] = {"engaged": True, "reason": "because"}
    await drive.api.put("/api/remediations/kill-switch", json=switch)
    await drive.work()
    assert shop.repo.pulls == []
    await drive.api.put("/api/remediations/kill-switch", json={**switch, "engaged": False})
    await drive.rows(
        "UPDATE work_items SET status = 'queued', finished_at = NULL WHERE kind = 'github.open_pull_request' RETURNING 1"
    )
    await drive.work()
    (pull,) = shop.repo.pulls
    answer = await drive.api.post(f"/api/remediations/{mended}/rollback", json={"reason": "no"})
    assert answer.status_code == 202, answer.text
    await drive.work()
    assert pull["state"] == "closed"
