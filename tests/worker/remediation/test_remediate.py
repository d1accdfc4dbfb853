"""From a verdict to a proven patch: real database, real api, real contained processes, a provider that is a program."""

import subprocess
import uuid
from pathlib import Path
from typing import Any

from invariant.bench.provider import Request
from tests.support import provider
from tests.support.remediation import (
    FILES,
    IMPORTS,
    MENDED,
    MENDED_FILES,
    SECURITY,
    TIDY,
    UNUSED,
    applied,
    fix,
    mending,
    script,
    statuses,
)
from tests.worker.remediation.conftest import Driving
from worker.core.queue.jobs import FollowRun, Remediate
from worker.remediation import following


async def test_what_is_broken_is_mended_proven_and_nothing_else_changes(driving: Driving, tmp_path: Path) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES))
            view = await driver.go_on(remediation)
            fixes = await driver.fixes(remediation)
            assert view["status"] == "completed", (view, fixes)
            assert {one["status"] for one in fixes} == {"verified"}
            assert all("Judged again, and met" in one["outcome"] for one in fixes)
            assert applied(await driver.patch(remediation), FILES, tmp_path / "patch") == MENDED_FILES
            mailbox = (await driver.client.get(f"/api/remediations/{remediation}/mailbox")).text
    folder = tmp_path / "mailbox"
    applied("", FILES, folder)
    for command in (["add", "."], ["commit", "-qm", "as it was"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command], cwd=folder, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "am", "-q", "--keep-cr"],
        cwd=folder, check=True, input=mailbox.encode(),
    )  # fmt: skip
    assert {path: (folder / path).read_bytes().decode() for path in FILES} == MENDED_FILES


async def test_judges_are_not_told_that_anything_was_changed(driving: Driving) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES))
            await driver.go_on(remediation)
        judged = [request.text for request in given.requests if request.role not in ("remediation", "extraction")]
        assert judged
        for words in ("remediat", "patch", "fixes that were proposed", "were changed by"):
            assert not [one for one in judged if words in one.lower()], words


async def test_a_tools_fix_asks_no_model_and_needs_no_provider(driving: Driving, tmp_path: Path) -> None:
    async with driving() as driver:
        remediation = await driver.begin(await driver.run(IMPORTS, UNUSED))
        assert (await driver.go_on(remediation))["status"] == "completed"
        (one,) = await driver.fixes(remediation)
        assert (one["origin"], one["needs"], one["status"]) == ("tool", "AUTO", "verified")
        assert applied(await driver.patch(remediation), IMPORTS, tmp_path) == TIDY


async def test_what_needs_an_approval_waits_without_a_worker_and_goes_on_when_it_comes(driving: Driving) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, SECURITY))
            assert (await driver.go_on(remediation))["status"] == "awaiting_approval"
            assert await driver.owed() == []
            assert await driver.step(remediation) == "nothing to do"
            (one,) = await driver.fixes(remediation)
            assert (one["needs"], one["status"]) == ("CONFIRM", "proposed")
            assert (await driver.decide(one["id"])).status_code == 200
            assert await driver.owed() == [(Remediate.NAME, remediation)]
            assert (await driver.go_on(remediation))["status"] == "completed"
            assert await statuses(driver, remediation) == ["verified"]
            actions = [entry["action"] for entry in await driver.audit(remediation)]
            assert actions == [
                "begun", "issues", "proposed", "approved", "applied", "verifying", "verified", "completed",
            ]  # fmt: skip


async def test_a_rejected_fix_changes_nothing_and_is_not_proposed_again(driving: Driving) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, SECURITY))
            await driver.go_on(remediation)
            (one,) = await driver.fixes(remediation)
            assert (await driver.decide(one["id"], "reject")).status_code == 200
            assert (await driver.decide(one["id"], "reject")).status_code == 200
            assert (await driver.decide(one["id"])).status_code == 409
            assert (await driver.go_on(remediation))["status"] == "completed"
            assert await driver.patch(remediation) == ""
            assert await statuses(driver, remediation) == ["rejected"]


async def test_a_doubtful_fix_is_only_a_suggestion(driving: Driving) -> None:
    unsure = mending(MENDED)
    with provider.running(script(lambda request: {**unsure(request), "confidence": 0.5})) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, SECURITY))
            assert (await driver.go_on(remediation))["status"] == "completed"
            (one,) = await driver.fixes(remediation)
            assert (one["needs"], one["status"]) == ("MANUAL", "proposed")
            assert "json.loads" in (await driver.client.get(f"/api/fixes/{one['id']}/patch")).text
            assert await driver.patch(remediation) == ""
            assert (await driver.decide(one["id"])).status_code == 409


async def test_a_fix_that_judges_do_not_believe_is_taken_back_and_asked_about_with_the_reason(driving: Driving) -> None:
    asked: list[str] = []

    def fixer(request: Request) -> Any:
        asked.append(request.text)
        return mending({"    return eval(text)": "    return eval (text)"})(request)

    def honest(request: Request) -> Any:
        # The word is not found any more, and they see through it.
        found = provider.honest(request)
        lines = list(request.lines(["eval (text)"]))
        for one in found:
            if lines and "eval" in one["criterion"]:
                path, number, line = lines[0]
                place = {"path": path, "start_line": number, "end_line": number, "quote": line}
                one |= {"vote": "FAIL", "score": 2, "confidence": 0.9, "evidence": [place]}
        return found

    rules = "# Rules\n\n- Code MUST NOT call `eval(`.\n"
    with provider.running(script(fixer, provider.judging(honest))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, rules))
            view = await driver.go_on(remediation)
            assert view["status"] == "completed"
            assert [(one["status"], one["outcome"]) for one in (await driver.fixes(remediation))[1:]] == [
                ("failed", "It is what was taken back before.")
            ]
            assert await driver.patch(remediation) == ""
        assert "still broken" in asked[-1]


async def test_what_tools_still_find_is_asked_about_once_more_and_then_left(driving: Driving) -> None:
    def fixer(request: Request) -> Any:
        if "A fix that was proposed before did not do" in request.text:
            return mending({"import os": "import re", "import sys": ""})(request)
        return mending({"import os": "import os as os", "import sys": "import sys as sys"})(request)

    with provider.running(script(fixer)) as given:
        async with driving(**provider.settings(given), CVA_JUDGE_SECURITY_MODEL="alpha-1") as driver:
            remediation = await driver.begin(await driver.run(FILES, "# Rules\n\n- Code MUST NOT call `eval(`.\n"))
            await driver.go_on(remediation)
            (one,) = await driver.fixes(remediation)
            assert (one["status"], one["outcome"]) == ("failed", "The model gave no fix. It was wrong.")


async def test_a_model_that_answers_nonsense_fixes_nothing(driving: Driving) -> None:
    with provider.running(script(lambda _: fix([("app/main.py", "no such line", "x")]))) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(FILES, SECURITY))
            assert (await driver.go_on(remediation))["status"] == "completed"
            (one,) = await driver.fixes(remediation)
            assert one["status"] == "failed"
            assert "no usable answer" in one["outcome"]
        # Each model of the chain was asked, and once more with what was wrong.
        assert len([request for request in given.requests if request.role == "remediation"]) == 6


async def test_what_was_learned_is_applied_without_a_model_to_the_same_owners_code(driving: Driving) -> None:
    rules = "# Rules\n\n- Code MUST NOT call `yaml.load(`.\n"
    source = "import yaml\n\n\ndef read({0}):\n    found = yaml.load({0})\n    return found\n"
    mended = {"    found = yaml.load(handle)": "    found = yaml.safe_load(handle)"}
    with provider.running(script(mending(mended))) as given:
        async with driving(**provider.settings(given), CVA_FAIL_FAST="false") as driver:
            first = await driver.begin(await driver.run({"a.py": source.format("handle")}, rules))
            await driver.go_on(first)
            (one,) = await driver.fixes(first)
            assert (one["origin"], one["status"]) == ("model", "verified"), one
            (pattern,) = (await driver.get("/api/remediations/patterns"))["items"]
            assert (pattern["kept"], pattern["reverted"]) == (1, 0)
            asked = len([request for request in given.requests if request.role == "remediation"])
            second = await driver.begin(await driver.run({"b.py": source.format("file")}, rules))
            await driver.go_on(second)
            (two,) = await driver.fixes(second)
            assert two["origin"] == "pattern"
            assert asked == len([request for request in given.requests if request.role == "remediation"])


async def test_a_run_that_asks_for_it_is_remediated_when_it_fails(driving: Driving) -> None:
    async with driving() as driver:
        run_id = await driver.run(IMPORTS, UNUSED.replace("SHOULD", "MUST"), remediate=True)
        assert await driver.owed() == [(FollowRun.NAME, run_id)]
        assert await following.follow(uuid.UUID(run_id), driver.resources) == "begun"
        assert await following.follow(uuid.UUID(run_id), driver.resources) == "nothing to do"
        (one,) = (await driver.get(f"/api/remediations?run_id={run_id}"))["items"]
        assert (await driver.go_on(one["id"]))["status"] == "completed"


NEIGHBOURS = {"a.py": "def f(x):\n    eval(x)\n    exec(x)\n    return x\n"}
NEIGHBOURS_RULES = (
    "# Rules\n\n- For security, code MUST NOT call `eval(`.\n- For security, code MUST NOT call `exec(`.\n"
)


def one_each(request: Request) -> Any:
    """Mends what the issue is about, line by line."""
    issues = request.text.split("The code around them:")[0]
    edits = [("a.py", line, f"    print(x)  # {number}") for _, number, line in request.lines(["eval(", "exec("])
             if f"a.py:{number}-" in issues]  # fmt: skip
    return fix(edits)


async def test_rejecting_one_of_two_neighbours_leaves_the_other_to_be_decided_anew(driving: Driving) -> None:
    with provider.running(script(one_each)) as given:
        async with driving(**provider.settings(given)) as driver:
            remediation = await driver.begin(await driver.run(NEIGHBOURS, NEIGHBOURS_RULES))
            assert (await driver.go_on(remediation))["status"] == "awaiting_approval"
            fixes = [one for one in await driver.fixes(remediation) if one["status"] == "proposed"]
            for one, word in zip(fixes, ("reject", "approve"), strict=False):
                assert (await driver.decide(one["id"], word)).status_code == 200
            view = await driver.go_on(remediation)
            assert view["status"] in ("completed", "awaiting_approval"), view
            assert view["error"] is None
