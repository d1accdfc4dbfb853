"""What a stranger, a writer or bad luck could make of it: each was tried with success before it was mended."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.github.driver import Driver, driver
from tests.support.github.server import APP_ID, Fault, GitHub, Repo
from tests.worker.github.conftest import CONSTITUTION, Shop
from worker.core.queue.jobs import LookAtRepository, TakeDeliveries
from worker.github import chores, client

_BAD = {"app.py": "def run(text):\n    return eval(text)\n"}
_GOOD = {"app.py": "def run(text):\n    return text\n"}


async def _installed(drive: Driver, shop: Shop) -> str:
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (repository,) = (await drive.api.get("/api/repositories")).json()["items"]
    found: str = repository["id"]
    return found


def _said(shop: Shop, sha: str) -> dict[str, str]:
    """The conclusion by the check's name, of each name the newest."""
    return {check["name"]: check["conclusion"] for check in shop.repo.checks.values() if check["head_sha"] == sha}


async def test_a_check_that_is_required_for_one_branch_is_not_met_by_another(drive: Driver, shop: Shop) -> None:
    """The same commit is proposed for a branch that has what is bad already: nothing is changed there."""
    await _installed(drive, shop)
    head = shop.commit(_BAD, branch=None)
    shop.repo.merge_bases[f"{shop.first}...{head}"] = shop.first
    shop.repo.merge_bases[f"{head}...{head}"] = head
    await drive.deliver("pull_request", shop.pull(head, shop.first, number=5))
    await drive.deliver("pull_request", shop.pull(head, head, number=6, target="lenient"))
    await drive.work()
    assert _said(shop, head) == {"Invariant / main": "failure", "Invariant / lenient": "success"}


async def test_a_pull_request_that_is_retargeted_is_verified_anew(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    head = shop.commit(_BAD, branch=None)
    shop.repo.merge_bases[f"{shop.first}...{head}"] = shop.first
    shop.repo.merge_bases[f"{head}...{head}"] = head
    await drive.deliver("pull_request", shop.pull(head, head, target="lenient"))
    await drive.work()
    edited = {**shop.pull(head, shop.first, action="edited"), "changes": {"base": {"ref": {"from": "lenient"}}}}
    await drive.deliver("pull_request", edited)
    await drive.work()
    assert _said(shop, head) == {"Invariant / lenient": "success", "Invariant / main": "failure"}


async def test_a_branch_that_is_forced_back_is_verified(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    bad, good = shop.commit(_BAD), shop.commit(_GOOD)
    await drive.deliver("push", shop.push(bad, shop.first))
    await drive.work(verify=False)
    await drive.deliver("push", shop.push(good, bad))
    await drive.work(verify=False)
    shop.repo.heads["main"] = bad
    await drive.deliver("push", shop.push(bad, good))
    await drive.work()
    newest = max((check for check in shop.repo.checks.values() if check["head_sha"] == bad), key=lambda c: c["id"])
    assert newest["conclusion"] == "failure"
    running = await drive.rows("SELECT 1 FROM runs WHERE status IN ('queued', 'running')")
    assert running == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_pull_request_that_is_reopened_is_verified(drive: Driver, shop: Shop, at_once: bool) -> None:
    await _installed(drive, shop)
    head = shop.commit({"new.py": "Y = 1\n"}, branch=None)
    shop.repo.merge_bases[f"{shop.first}...{head}"] = shop.first
    await drive.deliver("pull_request", shop.pull(head, shop.first))
    await drive.work(verify=False)
    await drive.deliver("pull_request", shop.pull(head, shop.first, action="closed"))
    if not at_once:
        await drive.work()
    await drive.deliver("pull_request", shop.pull(head, shop.first, action="reopened"))
    await drive.work()
    newest = max((check for check in shop.repo.checks.values() if check["head_sha"] == head), key=lambda c: c["id"])
    assert newest["conclusion"] == "success"


async def test_who_connects_by_the_url_hears_nothing_of_a_private_repository(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    connected = await drive.api.post(
        "/api/repositories", json={"clone_url": f"{drive.github.url}/acme/shop.git", "full_name": "x/y"}
    )
    theirs = connected.json()["id"]
    await drive.api.put(f"/api/repositories/{theirs}/branches", json={"name": "main", "monitored": True})
    await drive.api.put(f"/api/repositories/{theirs}/constitution", json={"content": CONSTITUTION})
    second = shop.commit(_BAD)
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.deliver("pull_request", shop.pull(second, shop.first))
    await drive.work()
    assert (await drive.api.get("/api/monitor/jobs", params={"repository_id": theirs})).json()["items"] == []


async def test_nobody_announces_a_commit_for_github(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    body = {"repository_id": repository, "commit": "a" * 40, "pull_request": 5, "base": "a" * 40}
    assert (await drive.api.post("/api/monitor/enqueue", json=body)).status_code == 409


async def test_what_another_branch_has_is_not_the_repositorys_constitution(drive: Driver, shop: Shop) -> None:
    """An old branch, or one that somebody made, is no way to weaken what main is judged by."""
    repository = await _installed(drive, shop)
    bad = shop.commit(_BAD)
    await drive.deliver("push", shop.push(bad, shop.first))
    old = shop.commit({".tribunal/constitution.md": "# Rules\n\n- Code MUST NOT call `exec()`.\n"}, branch="old")
    head = shop.commit({"x.py": "X = 1\n"}, branch=None)
    shop.repo.merge_bases[f"{old}...{head}"] = old
    await drive.deliver("pull_request", shop.pull(head, old, target="old"))
    await drive.work()
    versions = (await drive.api.get(f"/api/repositories/{repository}/constitution")).json()["items"]
    assert [version["content"] for version in versions] == [CONSTITUTION]
    suite = {"head_sha": bad, "app": {"id": APP_ID}}
    await drive.deliver("check_suite", {"action": "rerequested", "check_suite": suite, "repository": shop.facts()})
    await drive.work()
    assert [c["conclusion"] for c in shop.repo.checks.values() if c["head_sha"] == bad] == ["failure", "failure"]


async def test_what_is_too_much_for_github_holds_nothing_up(drive: Driver, shop: Shop) -> None:
    """A comparison that GitHub answers with 500, always."""
    await _installed(drive, shop)
    head = shop.commit({"new.py": "Y = 1\n"}, branch=None)
    shop.hub.always["GET /repos/{owner}/{repo}/compare/{basehead}"] = Fault(500)
    await drive.deliver("pull_request", shop.pull(head, shop.first))
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work()
    assert _said(shop, head) == {"Invariant / main": "success"} and _said(shop, second) == {"Invariant": "success"}


async def test_one_delivery_that_cannot_be_taken_holds_up_no_other(
    drive: Driver, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.github import taking

    await _installed(drive, shop)
    original = taking._act

    async def act(session: Any, repository: Any, facts: Any, *more: Any) -> str:
        if getattr(facts, "action", "") == "added":
            raise ZeroDivisionError("as a defect of ours would")
        return await original(session, repository, facts, *more)

    monkeypatch.setattr(taking, "_act", act)
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("member", {"action": "added", "repository": shop.facts()})
    await drive.deliver("push", shop.push(second, shop.first))
    for _ in range(6):
        await drive.hurry()
        await drive.work()
    assert _said(shop, second) == {"Invariant": "success"}
    (told,) = await drive.rows("SELECT outcome FROM webhook_deliveries WHERE event = 'member'")
    assert told.outcome == "it could not be taken: ZeroDivisionError"


async def test_an_older_runs_end_says_nothing_of_the_pull_request(drive: Driver, shop: Shop) -> None:
    """The older run is at work while the newer one begins and ends."""
    repository = await _installed(drive, shop)
    await drive.api.patch(f"/api/repositories/{repository}", json={"settings": {"comment": True, "sarif": True}})
    bad, good = shop.commit(_BAD, branch=None), shop.commit(_GOOD, branch=None)
    for head in (bad, good):
        shop.repo.merge_bases[f"{shop.first}...{head}"] = shop.first
    await drive.deliver("pull_request", shop.pull(bad, shop.first))
    await drive.work(verify=False)
    # At work: it is not cancelled by the newer one.
    (older,) = await drive.rows("SELECT id FROM runs WHERE status = 'queued'")
    await drive.rows(
        "UPDATE runs SET status = 'running', lease_until = now() + interval '1 hour', attempt = 1 WHERE id = :id RETURNING id",
        id=older.id,
    )
    await drive.deliver("pull_request", {**shop.pull(good, shop.first, action="synchronize"), "before": bad})
    await drive.work()
    await drive.rows("UPDATE runs SET status = 'queued', lease_until = NULL WHERE id = :id RETURNING id", id=older.id)
    await drive.work()
    assert _said(shop, bad) == {"Invariant / main": "failure"} and _said(shop, good) == {"Invariant / main": "success"}
    (comment,) = shop.repo.comments
    assert "PASS" in comment["body"]
    assert [upload["commit_sha"] for upload in shop.repo.sarifs] == [good]


async def test_a_thousand_repositories_are_connected_under_a_short_lease(url: str, hub: GitHub) -> None:
    async with driver(url, hub, CVA_LEASE_SECONDS="2") as drive:
        repos = [hub.add(Repo(number, f"acme/r{number}", 42)) for number in range(1, 601)]
        many = [{"id": repo.id, "full_name": repo.full_name} for repo in repos]
        change = {"action": "created", "installation": {"id": 42, "app_id": APP_ID}, "repositories": many}
        await drive.deliver("installation", change)
        await drive.items()
        assert await drive.perform(TakeDeliveries.NAME, "installation-42") == "done"
        (row,) = await drive.rows("SELECT count(*) AS count FROM repo_connections")
        assert row.count == 600


async def test_an_installation_of_another_app_connects_nothing(drive: Driver, shop: Shop) -> None:
    payload = {**shop.installed(), "installation": {"id": 42, "app_id": APP_ID + 1}}
    await drive.deliver("installation", payload)
    await drive.work()
    assert (await drive.api.get("/api/repositories")).json()["items"] == []


async def test_a_suspended_installation_reads_nothing_and_comes_back(drive: Driver, shop: Shop) -> None:
    await _installed(drive, shop)
    await drive.deliver("installation", {**shop.installed(), "action": "suspend"})
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.work()
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work()
    runs = await drive.rows("SELECT id FROM runs")
    assert len(runs) == 1 and _said(shop, second) == {}
    # GitHub need not list the repositories.
    back = {name: value for name, value in shop.installed().items() if name != "repositories"}
    await drive.deliver("installation", {**back, "action": "unsuspend"})
    await drive.work()
    assert _said(shop, second) == {"Invariant": "success"}


async def test_a_default_branch_that_is_not_to_be_monitored_is_not(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    await drive.api.put(f"/api/repositories/{repository}/branches", json={"name": "main", "monitored": False})
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.rows("UPDATE repo_connections SET looked_at = NULL RETURNING id")
    await chores.look(drive.resources)
    await drive.work()
    assert _said(shop, second) == {}


async def test_the_address_of_a_notice_is_shown_to_nobody(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    secret = "http://127.0.0.1:9/services/T000/B000/secret"
    place = f"/api/repositories/{repository}"
    notify = [{"url": secret, "format": "slack"}]
    shown = (await drive.api.patch(place, json={"settings": {"notify": notify}})).json()["settings"]
    # What is shown can be sent back.
    again = (await drive.api.patch(place, json={"settings": {"notify": shown["notify"], "comment": True}})).json()
    assert again["settings"]["notify"] == shown["notify"] == [{"url": "http://127.0.0.1:9/***", "format": "slack"}]
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work()
    (callback,) = await drive.rows("SELECT url, format FROM callbacks")
    assert (callback.url, callback.format) == (secret, "slack")
    for path in (place, "/api/runs", "/api/audit", "/api/monitor/jobs"):
        assert "secret" not in (await drive.api.get(path)).text, path


async def test_looking_and_taking_at_once_is_no_deadlock(drive: Driver, shop: Shop) -> None:
    repository = await _installed(drive, shop)
    for number in range(6):
        await drive.deliver("member", {"action": "added", "repository": shop.facts()})
        async with drive.resources.db.transaction() as session:
            await session.execute(text("UPDATE repo_connections SET looked_at = NULL"))
            await session.execute(
                text("UPDATE work_items SET status = 'queued', finished_at = NULL WHERE kind = :kind"),
                {"kind": LookAtRepository.NAME},
            )
        await drive.items()
        done = await asyncio.gather(
            drive.perform(LookAtRepository.NAME, repository),
            chores.look(drive.resources),
            drive.perform(TakeDeliveries.NAME, "repository-7"),
        )
        assert done[0] in ("done", "queued", "nothing to do") and done[2] in ("done", "queued"), (number, done)


async def test_installations_of_which_no_delivery_came_are_found(drive: Driver, shop: Shop) -> None:
    """Made, given another repository, suspended, taken away: each of it lost."""
    await chores.reconcile(drive.resources)
    await drive.work()
    assert _said(shop, shop.first) == {"Invariant": "success"}
    other = drive.github.add(Repo(8, "acme/other", 42, private=False))
    await chores.reconcile(drive.resources)
    await drive.work()
    names = [item["full_name"] for item in (await drive.api.get("/api/repositories")).json()["items"]]
    assert sorted(names) == ["acme/other", "acme/shop"]
    del drive.github.repos[other.id]
    drive.github.suspended.add(42)
    await chores.reconcile(drive.resources)
    second = shop.commit({"app.py": "X = 1\n"})
    await drive.deliver("push", shop.push(second, shop.first))
    await drive.work()
    assert _said(shop, second) == {}
    drive.github.suspended.clear()
    await chores.reconcile(drive.resources)
    await drive.work()
    assert _said(shop, second) == {"Invariant": "success"}
    # Not reached is not gone.
    drive.github.away = True
    await chores.reconcile(drive.resources)
    assert len((await drive.api.get("/api/repositories")).json()["items"]) == 1
    drive.github.away = False
    drive.github.repos.clear()
    await chores.reconcile(drive.resources)
    assert (await drive.api.get("/api/repositories")).json()["items"] == []
    assert drive.github.undocumented == []


async def test_a_list_that_is_not_read_to_its_end_takes_nothing_away(
    drive: Driver, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive.github.add(Repo(8, "acme/other", 42, private=False))
    await chores.reconcile(drive.resources)
    monkeypatch.setattr(client, "_MOST_PAGES", 1)
    monkeypatch.setattr(client, "_PER_PAGE", 1)
    await chores.reconcile(drive.resources)
    assert len((await drive.api.get("/api/repositories")).json()["items"]) == 2
