"""The ends of remediations: taken back, stopped, failed, given up, left by everybody."""

import contextlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support import app, provider
from tests.support.remediation import (
    FILES,
    IMPORTS,
    MENDED,
    MENDED_FILES,
    SECURITY,
    UNUSED,
    applied,
    mending,
    script,
    statuses,
)
from tests.worker.remediation.conftest import Driving
from worker.core.queue.jobs import FollowRun, Remediate
from worker.remediation import chores, following, remediate
from worker.remediation.work import Copy
from worker.runtime.work_items import GaveUp


async def test_kept_fixes_are_taken_back_one_by_one_and_whole(driving: Driving, tmp_path: Path) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES))
            await driver.go_on(remediation)
            fixes = [one for one in await driver.fixes(remediation) if one["status"] == "verified"]
            assert len(fixes) == 2
            patches = {f["id"]: (await driver.client.get(f"/api/fixes/{f['id']}/patch")).text for f in fixes}
            (one,) = [f for f in fixes if "os.remove" in patches[f["id"]]]
            path = f"/api/remediations/{remediation}/rollback"
            answered = await driver.client.post(path, json={"fixes": [one["id"]], "reason": "not that"})
            assert answered.status_code == 202
            assert (await driver.client.get(f"/api/remediations/{remediation}/patch")).status_code == 409
            assert (await driver.go_on(remediation))["status"] == "completed"
            left = applied(await driver.patch(remediation), FILES, tmp_path / "left")
            assert left == {**MENDED_FILES, "app/shell.py": FILES["app/shell.py"]}
            assert (await driver.client.post(path, json={"fixes": [one["id"]], "reason": "x"})).status_code == 409
            assert (await driver.client.post(path, json={"reason": "all"})).json()["status"] == "rolled_back"
            assert applied(await driver.patch(remediation), FILES, tmp_path / "whole") == FILES


async def test_one_that_is_stopped_keeps_what_was_proven(driving: Driving) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, SECURITY))
            await driver.go_on(remediation)
            answered = await driver.client.post(f"/api/remediations/{remediation}/stop", json={"reason": "enough"})
            assert answered.status_code == 202
            view = await driver.go_on(remediation)
            assert (view["status"], view["error"]["message"]) == ("stopped", "It was stopped. By service.")
            assert await driver.patch(remediation) == ""
            (one,) = await driver.fixes(remediation)
            assert (await driver.decide(one["id"])).status_code == 409


async def test_a_source_that_gives_other_files_now_is_not_touched(driving: Driving, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.py").write_text("import os\n")
    async with driving() as driver:
        body = {"source": {"kind": "path", "path": str(folder)}, "constitution": UNUSED}
        run_id = (await driver.client.post("/api/runs", json=body)).json()["id"]
        await app.work(driver.url, run_id)
        remediation = await driver.begin(run_id)
        (folder / "a.py").write_text("import sys\n")
        view = await driver.go_on(remediation)
        assert (view["status"], view["error"]["code"]) == ("failed", "source_changed")
        assert (folder / "a.py").read_text() == "import sys\n"


async def test_what_is_taken_back_while_the_result_is_put_together_stays_taken_back(
    driving: Driving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES))
            await driver.go_on(remediation)
            first, second = await driver.fixes(remediation)
            path = f"/api/remediations/{remediation}/rollback"
            assert (await driver.client.post(path, json={"fixes": [first["id"]], "reason": "1"})).status_code == 202
            together = Copy.at

            async def slow(self: Copy, fixes: Any) -> Any:
                found = await together(self, fixes)
                monkeypatch.setattr(Copy, "at", together)
                answered = await driver.client.post(path, json={"fixes": [second["id"]], "reason": "2"})
                assert answered.status_code == 202
                return found

            monkeypatch.setattr(Copy, "at", slow)
            view = await driver.go_on(remediation)
            await driver.step(remediation)
            assert view["status"] == "rolled_back"
            assert await statuses(driver, remediation) == ["reverted", "reverted"]
            assert await driver.patch(remediation) == ""


async def test_a_judge_that_is_away_says_nothing_of_the_fixes(driving: Driving) -> None:
    async with driving(CVA_REMEDIATION_LOCKOUT="1") as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))
        await driver.step(remediation)
        view = await driver.view(remediation)
        assert (await driver.client.delete(f"/api/runs/{view['verification_run_id']}")).status_code == 200
        assert await driver.owed() == [(FollowRun.NAME, view["verification_run_id"])]
        await following.follow(uuid.UUID(view["verification_run_id"]), driver.resources)
        await driver.step(remediation)
        view = await driver.go_on(remediation)
        assert (view["status"], view["error"]["code"]) == ("failed", "not_judged")
        assert await driver.patch(remediation) == ""
        # It counts as nobody's mistake.
        again = await driver.begin(view["run_id"])
        assert (await driver.go_on(again))["status"] == "completed"


async def test_one_that_fails_each_time_ends_with_what_was_proven_and_nothing_of_ours_is_told(
    driving: Driving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("INSERT INTO secrets")

    async with driving() as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))
        monkeypatch.setattr(remediate, "_decide", broken)
        for _ in range(9):
            async with driver.resources.db.transaction() as session:
                await session.execute(text("UPDATE work_items SET not_before = NULL WHERE status = 'queued'"))
            with contextlib.suppress(GaveUp):
                await driver.step(remediation)
        monkeypatch.undo()
        view = await driver.go_on(remediation)
        assert (view["status"], view["error"]["code"]) == ("failed", "attempts_exhausted")
        assert "INSERT" not in view["error"]["message"]
        assert await driver.patch(remediation) == ""


async def test_a_remediation_that_nobody_works_on_any_more_is_found(driving: Driving) -> None:
    async with driving() as driver:
        run_id = await driver.run(IMPORTS, UNUSED)
        lost = await driver.begin(run_id)
        async with driver.resources.db.transaction() as session:
            await session.execute(text("DELETE FROM work_items WHERE subject = :id"), {"id": lost})
        await chores.resume(driver.resources)
        assert (await driver.go_on(lost))["status"] == "completed"
        spent = await driver.begin(run_id)
        async with driver.resources.db.transaction() as session:
            await session.execute(
                text("UPDATE work_items SET status = 'failed', finished_at = now() WHERE subject = :id"), {"id": spent}
            )
        await chores.resume(driver.resources)
        assert (await driver.go_on(spent))["status"] == "failed"
        await chores.resume(driver.resources)
        assert [one for one in await driver.owed() if one[0] == Remediate.NAME] == []
