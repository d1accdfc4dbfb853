"""Reports that are broken off, refused, put off or late: one check for each run, whose conclusion is the run's."""

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from tests.support import git
from tests.support.github.driver import Driver
from tests.support.github.server import Fault, GitHub, Repo
from tests.worker.github.conftest import CLEAN, Shop
from worker.core.queue.jobs import ReportCheck
from worker.verification.attempt import verify_run

_MANY = 130


@pytest.fixture
def busy(hub: GitHub, tmp_path: Path) -> Shop:
    """A repository with more places than go into two requests."""
    shop = Shop.__new__(Shop)
    shop.hub, shop.folder = hub, tmp_path / "busy"
    body = "".join(f"def f{number}(text):\n    return eval(text)\n" for number in range(_MANY))
    shop.first = git.repository(shop.folder, {**CLEAN, "app.py": body})
    shop.repo = hub.add(Repo(7, "acme/shop", 42, git=shop.folder / ".git"))
    shop.noted(shop.first)
    return shop


async def _verified(drive: Driver, shop: Shop) -> str:
    """The commit's row, whose run has ended and of which nobody has been told."""
    shop.hub.requests.clear()
    await drive.deliver("installation", shop.installed())
    items = None
    while items != []:
        items = [item for item in await drive.items() if item[0] != ReportCheck.NAME]
        for kind, subject in items:
            await drive.perform(kind, subject)
    (run,) = await drive.rows("SELECT id FROM runs")
    await verify_run(run.id, drive.resources)
    (job,) = await drive.rows("SELECT id FROM monitor_jobs")
    return str(job.id)


async def _end(drive: Driver) -> None:
    for _ in range(10):
        await drive.hurry()
        await drive.work()


def _told(shop: Shop) -> tuple[str, int, int]:
    """The one check's conclusion, how many places it has, and how many different ones."""
    (check,) = shop.repo.checks.values()
    places = [(place["path"], place["start_line"], place["title"]) for place in shop.repo.annotations[check["id"]]]
    return check["conclusion"], len(places), len(set(places))


async def test_annotations_go_in_batches(drive: Driver, busy: Shop) -> None:
    await _verified(drive, busy)
    await drive.work()
    conclusion, places, different = _told(busy)
    assert conclusion == "failure" and places == different > 2 * 50
    assert drive.github.undocumented == []


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("at", range(7))
async def test_a_report_that_is_broken_off_at_any_step_is_told_once(
    drive: Driver, busy: Shop, at: int, done: bool
) -> None:
    """Each request in turn is the last of its process: nothing is known of its answer, whether it was done or not."""
    job = await _verified(drive, busy)
    busy.hub.faults = deque([*[Fault(-1)] * at, Fault(502, after=done)])
    await drive.perform(ReportCheck.NAME, job)
    assert not busy.hub.faults, "there are fewer requests than that"
    await _end(drive)
    conclusion, places, different = _told(busy)
    assert conclusion == "failure" and places == different > 2 * 50


_LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (Fault(502), (20, 100)),
        (Fault(0), (20, 100)),
        (Fault(403, {"retry-after": "120"}, {"message": "You have exceeded a secondary rate limit."}), (100, 140)),
        (Fault(429, {"retry-after": "90"}), (75, 105)),
        (Fault(403, _LIMITED, {"message": "API rate limit exceeded"}), (86400, 10**10)),
        (Fault(429), (50, 70)),
    ],
    ids=["502", "no answer", "secondary limit", "429", "primary limit", "429 without a word"],
)
async def test_who_may_not_be_asked_now_is_asked_later(
    drive: Driver, shop: Shop, fault: Fault, waits: tuple[int, int]
) -> None:
    job = await _verified(drive, shop)
    shop.hub.faults = deque([fault])
    await drive.perform(ReportCheck.NAME, job)
    (item,) = await drive.rows(
        "SELECT status, failures, extract(epoch FROM not_before - clock_timestamp()) AS seconds FROM work_items"
        " WHERE kind = 'github.report_check'"
    )
    assert (item.status, item.failures) == ("queued", 0)
    assert waits[0] <= item.seconds <= waits[1], item.seconds
    await _end(drive)
    assert _told(shop)[0] == "success"


@pytest.mark.parametrize("status", [403, 404, 409, 410, 422, 451])
async def test_what_is_refused_ends_with_a_reason_and_keeps_nothing(drive: Driver, shop: Shop, status: int) -> None:
    job = await _verified(drive, shop)
    shop.hub.faults = deque([Fault(status)])
    await drive.perform(ReportCheck.NAME, job)
    (item,) = await drive.rows("SELECT status FROM work_items WHERE kind = 'github.report_check'")
    assert item.status == "done"


async def test_a_token_that_was_taken_back_is_made_anew(drive: Driver, shop: Shop) -> None:
    job = await _verified(drive, shop)
    shop.hub.tokens.clear()
    await drive.perform(ReportCheck.NAME, job)
    await drive.work()
    assert _told(shop)[0] == "success"


async def test_github_away_for_an_hour_loses_nothing(drive: Driver, shop: Shop) -> None:
    await drive.deliver("installation", shop.installed())
    await drive.work()
    shop.hub.away = True
    commits: list[str] = [shop.first]
    for number in range(5):
        commits.append(shop.commit({"app.py": f"X = {number}\n"}))
        answer = await drive.deliver("push", shop.push(commits[-1], commits[-2]))
        assert answer.status_code == 202
        # Twelve minutes each, of which the work knows nothing but that it is due.
        for _ in range(12):
            await drive.hurry()
            await drive.work()
    shop.hub.away = False
    await _end(drive)
    by_sha = {check["head_sha"]: check["conclusion"] for check in shop.repo.checks.values()}
    assert by_sha[commits[-1]] == "success"
    rows = await drive.rows("SELECT commit_sha, status FROM monitor_jobs")
    assert {row.commit_sha for row in rows} == set(commits)
    waiting: list[Any] = await drive.rows("SELECT * FROM webhook_deliveries WHERE processed_at IS NULL")
    assert waiting == []
