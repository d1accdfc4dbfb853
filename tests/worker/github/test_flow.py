"""From an installation to a check, against a GitHub that answers as published."""

import base64
import gzip
import json
import random
from typing import Any

import pytest

from tests.support.github.driver import Driver, driver
from tests.support.github.server import APP_ID, GitHub, Repo
from tests.worker.github.conftest import Shop
from worker.github import chores


async def test_an_installation_connects_verifies_and_reports(drive: Driver, shop: Shop) -> None:
    assert (await drive.deliver("installation", shop.installed())).status_code == 202
    await drive.work()
    (repository,) = (await drive.api.get("/api/repositories")).json()["items"]
    assert (repository["full_name"], repository["forge"], repository["default_branch"]) == (
        "acme/shop",
        "github",
        "main",
    )
    (check,) = shop.repo.checks.values()
    assert (check["head_sha"], check["status"], check["conclusion"]) == (shop.first, "completed", "success"), check
    assert [action["identifier"] for action in check["actions"]] == ["run_again"]
    assert drive.github.undocumented == []


async def test_a_push_gets_a_check_with_its_places(drive: Driver, shop: Shop) -> None:
    await drive.deliver("installation", shop.installed())
    await drive.work()
    second = shop.commit({"app.py": "def run(text):\n    return eval(text)\n"})
    answer = await drive.deliver("push", shop.push(second, shop.first))
    assert answer.json()["taken"], answer.text
    await drive.work()
    check = next(check for check in shop.repo.checks.values() if check["head_sha"] == second)
    assert check["conclusion"] == "failure" and check["output"]["title"].startswith("FAIL: ")
    place = shop.repo.annotations[check["id"]][0]
    assert (place["path"], place["start_line"], place["annotation_level"]) == ("app.py", 2, "failure")
    assert [action["identifier"] for action in check["actions"]] == ["run_again", "fix"]
    assert drive.github.undocumented == []


async def _installed(drive: Driver, shop: Shop, **settings: object) -> str:
    """The repository's id, once its first commit is verified."""
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (repository,) = (await drive.api.get("/api/repositories")).json()["items"]
    found: str = repository["id"]
    if settings:
        answer = await drive.api.patch(f"/api/repositories/{found}", json={"settings": settings})
        assert answer.status_code == 200, answer.text
    return found


def _checks(shop: Shop, sha: str) -> list[dict[str, Any]]:
    return [check for check in shop.repo.checks.values() if check["head_sha"] == sha]


async def test_a_pull_request_is_compared_with_its_merge_base_and_judged_by_its_constitution(
    drive: Driver, shop: Shop
) -> None:
    await _installed(drive, shop, comment=True, sarif=True)
    # It changes the rules, and breaks them: what it is merged into has them still.
    head = shop.commit(
        {"new.py": "def f(x):\n    return eval(x)\n", ".tribunal/constitution.md": "# Rules\n\n- Be kind.\n"},
        branch=None,
    )
    shop.repo.merge_bases[f"{'b' * 40}...{head}"] = shop.first
    await drive.deliver("pull_request", shop.pull(head, "b" * 40))
    await drive.work()
    (job,) = (await drive.api.get("/api/monitor/jobs", params={"branch": "pull/5"})).json()["items"]
    assert (job["pull_request"], job["base"], job["commit"]) == (5, shop.first, head)
    run = (await drive.api.get(f"/api/runs/{job['run_id']}")).json()
    assert (run["mode"], run["base"], run["verdict"]) == ("diff", shop.first, "FAIL"), run
    (check,) = _checks(shop, head)
    assert check["conclusion"] == "failure"
    (comment,) = shop.repo.comments
    assert comment["issue"] == 5 and "FAIL" in comment["body"]
    (upload,) = shop.repo.sarifs
    assert upload["ref"] == "refs/pull/5/head"
    sarif = json.loads(gzip.decompress(base64.b64decode(upload["sarif"])))
    assert sarif["version"] == "2.1.0" and sarif["runs"][0]["results"]

    # Pushed to once more: the comment is the same one.
    mended = shop.commit({"new.py": "def f(x):\n    return x\n"}, branch=None)
    shop.repo.merge_bases[f"{'b' * 40}...{mended}"] = shop.first
    await drive.deliver("pull_request", shop.pull(mended, "b" * 40, action="synchronize"))
    await drive.work()
    (comment,) = shop.repo.comments
    assert "PASS" in comment["body"] and _checks(shop, mended)[0]["conclusion"] == "success"
    assert drive.github.undocumented == []


async def test_the_newest_commit_wins_in_whatever_order_they_are_told(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    a, b, c, d = (shop.commit({"app.py": f"X = {number}\n"}) for number in range(4))
    # The second before the first, of one batch; then one that came after all of them although it is older.
    for after, before in ((b, a), (a, shop.first), (d, c)):
        await drive.deliver("push", shop.push(after, before))
    await drive.work(verify=False)
    await drive.deliver("push", shop.push(c, b))
    await drive.work()
    rows = await drive.rows("SELECT commit_sha, status, reason, run_id FROM monitor_jobs")
    by_sha = {row.commit_sha: row for row in rows}
    assert by_sha[d].status == "enqueued"
    assert {sha: by_sha[sha].run_id for sha in (a, b, c)} == {a: None, b: None, c: None}
    assert by_sha[c].reason == f"superseded by {d}"
    # Nobody was told of those that were never to be verified.
    assert [len(_checks(shop, sha)) for sha in (a, b, c, d)] == [0, 0, 0, 1]


async def test_a_newer_commit_cancels_an_older_one_that_waits(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work(verify=False)
    third = shop.commit({"app.py": "X = 2\n"})
    await drive.deliver("push", shop.push(third, second))
    await drive.work()
    # Not «skipped», with which a required check would be met.
    assert _checks(shop, second)[0]["conclusion"] == "cancelled", _checks(shop, second)
    assert _checks(shop, third)[0]["conclusion"] == "success"


async def test_a_closed_pull_request_is_verified_no_more(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    head = shop.commit({"new.py": "Y = 1\n"}, branch=None)
    await drive.deliver("pull_request", shop.pull(head, shop.first))
    await drive.work(verify=False)
    await drive.deliver("pull_request", shop.pull(head, shop.first, action="closed"))
    await drive.work()
    (run,) = await drive.rows("SELECT status FROM runs WHERE branch = 'pull/5'")
    assert run.status == "cancelled" and _checks(shop, head)[0]["conclusion"] == "cancelled"


@pytest.mark.parametrize("event", ["check_run", "check_suite"])
async def test_run_again_makes_a_new_check_and_another_apps_button_none(drive: Driver, shop: Shop, event: str) -> None:
    await _installed(drive, shop)
    kind = {"id": 1, "head_sha": shop.first, "external_id": "", "app": {"id": APP_ID}}
    payload = {"action": "rerequested", event: kind, "repository": shop.facts(), "sender": {"login": "bob"}}
    await drive.deliver(event, payload)
    await drive.deliver(event, {**payload, event: {**kind, "app": {"id": APP_ID + 1}}})
    await drive.work()
    assert [check["conclusion"] for check in _checks(shop, shop.first)] == ["success", "success"]
    assert len({check["external_id"] for check in _checks(shop, shop.first)}) == 2
    lines = (await drive.api.get("/api/audit", params={"operation": f"github.{event}.rerequested"})).json()["items"]
    assert [(line["actor"], line["data"]["outcome"]) for line in lines] == [("github:bob", "1 runs begun")]


async def test_the_button_fix_begins_a_remediation(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    bad = shop.commit({"app.py": "def run(text):\n    return eval(text)\n"})
    await drive.deliver("push", shop.push(bad, shop.first))
    await drive.work()
    pressed = {
        "action": "requested_action",
        "check_run": {"head_sha": bad, "app": {"id": APP_ID}},
        "requested_action": {"identifier": "fix"},
        "repository": shop.facts(),
        "sender": {"login": "bob"},
    }
    await drive.deliver("check_run", pressed)
    await drive.work()
    (remediation,) = (await drive.api.get("/api/remediations")).json()["items"]
    (line,) = (await drive.api.get("/api/audit", params={"operation": "github.check_run.requested_action"})).json()[
        "items"
    ]
    assert (line["actor"], line["data"]["button"], remediation["status"]) == ("github:bob", "fix", "completed")


async def test_a_repository_without_a_constitution_says_so(drive: Driver, shop: Shop) -> None:
    shop.repo.files.clear()
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (check,) = shop.repo.checks.values()
    assert check["conclusion"] == "neutral" and "no constitution" in check["output"]["title"]
    assert await drive.rows("SELECT id FROM runs") == []


async def test_a_run_that_could_not_be_done_is_neutral(drive: Driver, shop: Shop) -> None:
    shop.repo.git = None
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (check,) = shop.repo.checks.values()
    assert (check["conclusion"], check["output"]["title"][:6]) == ("neutral", "ERROR:")


async def test_installations_come_and_go(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    gone = {**shop.installed(), "action": "suspend"}
    await drive.deliver("installation", gone)
    await drive.work()
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work()
    assert _checks(shop, second) == []
    await drive.deliver("installation", {**shop.installed(), "action": "unsuspend"})
    await drive.work()
    assert (await drive.api.get(f"/api/repositories/{repository}")).status_code == 200
    await drive.deliver("installation", {**shop.installed(), "action": "deleted", "repositories": []})
    await drive.work()
    assert (await drive.api.get(f"/api/repositories/{repository}")).status_code == 404


async def test_a_repository_that_was_renamed_is_found(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    shop.repo.full_name = "acme/store"
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.rows("UPDATE repo_connections SET looked_at = NULL RETURNING id")
    await chores.look(drive.resources)
    await drive.work()
    assert (await drive.api.get(f"/api/repositories/{repository}")).json()["full_name"] == "acme/store"
    assert _checks(shop, second)[0]["conclusion"] == "success"
    # A new one takes the old name.
    other = drive.github.add(Repo(8, "acme/shop", 42, private=False))
    added = {
        "action": "added",
        "installation": {"id": 42},
        "repositories_removed": [],
        "repositories_added": [{"id": other.id, "full_name": other.full_name}],
    }
    await drive.deliver("installation_repositories", added)
    await drive.work()
    names = [item["full_name"] for item in (await drive.api.get("/api/repositories")).json()["items"]]
    assert sorted(names) == ["acme/shop", "acme/store"]


async def test_members_follow_github_where_users_are_called_so(url: str, hub: GitHub, shop: Shop) -> None:
    async with driver(url, hub, CVA_GITHUB_LOGINS="true", CVA_API_TOKEN="t" * 32) as drive:
        drive.api.headers["Authorization"] = f"Bearer {'t' * 32}"
        shop.repo.collaborators = {
            "alice": {"admin": True, "push": True, "pull": True},
            "bob": {"push": True, "pull": True},
            "carol": {"pull": True},
        }
        await _installed(drive, shop)

        async def role(user: str) -> int:
            answer = await drive.api.get("/api/repositories", headers={"X-CVA-User": user})
            return len(answer.json()["items"])

        assert [await role(user) for user in ("alice", "bob", "carol", "dave")] == [1, 1, 1, 0]
        del shop.repo.collaborators["carol"]
        member = {"action": "removed", "member": {"login": "carol"}, "repository": shop.facts()}
        await drive.deliver("member", member)
        await drive.work()
        assert [await role(user) for user in ("alice", "carol")] == [1, 0]
        assert hub.undocumented == []


async def test_what_was_never_sent_is_found_by_asking(drive: Driver, shop: Shop) -> None:
    """One delivery in ten is lost, whichever: pushes, pull requests and a branch's last commit among them."""
    await _installed(drive, shop)
    chance = random.Random(10)
    before, lost, heads = shop.first, 0, []
    for number in range(20):
        sha = shop.commit({"app.py": f"X = {number}\n"})
        if number == 19 or chance.random() < 0.1:
            lost += 1
        else:
            await drive.deliver("push", shop.push(sha, before))
        before = sha
    for number in range(1, 6):
        head = shop.commit({f"new{number}.py": "Y = 1\n"}, branch=None)
        shop.repo.merge_bases[f"{shop.first}...{head}"] = shop.first
        shop.repo.pulls.append({"number": number, "head": {"sha": head}, "base": {"sha": shop.first, "ref": "main"}})
        heads.append(head)
        if number > 1:
            await drive.deliver("pull_request", shop.pull(head, shop.first, number=number))
    await drive.work()
    assert lost >= 2 and _checks(shop, before) == [] == _checks(shop, heads[0])
    await drive.rows("UPDATE repo_connections SET looked_at = now() - interval '301 seconds' RETURNING id")
    await chores.look(drive.resources)
    await drive.work()
    for sha in (before, *heads):
        assert [check["conclusion"] for check in _checks(shop, sha)] == ["success"], sha
    # Asked once more, nothing is new, and GitHub says so in a word.
    shop.hub.requests.clear()
    await drive.rows("UPDATE repo_connections SET looked_at = NULL RETURNING id")
    await chores.look(drive.resources)
    await drive.work()
    assert {name for name in shop.hub.requests if name.startswith("POST")} == set()
    assert drive.github.undocumented == []
