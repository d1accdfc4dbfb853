"""What runs of the same commit share, and what each of them has for itself."""

import asyncio
import time
import uuid
from pathlib import Path

import pytest

from tests.support.app import isolation, settings
from tests.support.git import git, repository
from worker.core.settings import Settings
from worker.core.untrusted import source
from worker.sources import shared, take
from worker.sources.errors import SourceNotFound
from worker.sources.shared import Snapshots, identity
from worker.sources.take import Request

FULL = "a" * 40


class Runs:
    """Runs that use snapshots of one process, each until it is told to leave."""

    def __init__(self, tmp_path: Path) -> None:
        self.work = tmp_path / "work"
        self.settings: Settings = settings(CVA_WORK_DIR=str(self.work))
        self.snapshots = Snapshots()
        self.roots: list[Path] = []

    def start(self, request: Request) -> tuple["asyncio.Task[None]", asyncio.Event, asyncio.Event]:
        """(the run, set when it has its snapshot, to be set for it to leave)."""
        has, leave = asyncio.Event(), asyncio.Event()

        async def use() -> None:
            about = {"settings": self.settings, "run_id": uuid.uuid4(), "attempt": 1, "isolation": isolation()}
            async with self.snapshots.use(request, **about) as taken:
                snapshot = taken.snapshot
                self.roots.append(snapshot.root)
                assert (snapshot.root / "a.py").read_text() == "x = 1\n"
                has.set()
                await leave.wait()
                assert (snapshot.root / "a.py").read_text() == "x = 1\n"

        return asyncio.create_task(use()), has, leave

    def folders(self) -> int:
        return len(list(self.work.iterdir()))


def commit_of(folder: Path) -> Request:
    repository(folder, {"a.py": "x = 1\n"})
    return Request(source.GitSource(kind="git", url=str(folder), ref=git(folder, "rev-parse", "HEAD").strip()))


async def test_a_commit_is_taken_once_and_stays_until_its_last_user_leaves(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    request = commit_of(tmp_path / "repo")
    started = [runs.start(request) for _ in range(3)]
    for _, has, _ in started:
        await has.wait()
    assert len(set(runs.roots)) == 1
    for task, _, leave in started:
        assert runs.folders() == 1
        leave.set()
        await task
    assert runs.folders() == 0
    # Whoever comes afterwards has one of his own.
    task, has, leave = runs.start(request)
    await has.wait()
    leave.set()
    await task
    assert len(set(runs.roots)) == 2


async def test_the_cancellation_of_one_ends_nothing_for_the_others(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    request = commit_of(tmp_path / "repo")
    first, _, _ = runs.start(request)
    second, has, leave = runs.start(request)
    # Both wait for the snapshot, which the first one began.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    async with asyncio.timeout(20):
        await has.wait()
    leave.set()
    await second
    assert runs.folders() == 0


async def test_all_cancelled_before_it_is_there_leave_nothing_behind(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    request = commit_of(tmp_path / "repo")
    tasks = [runs.start(request)[0] for _ in range(2)]
    async with asyncio.timeout(20):
        while not (runs.work.is_dir() and runs.folders()):
            await asyncio.sleep(0.001)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert runs.folders() == 0


async def test_a_failure_is_everybodys_and_not_kept(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    folder = tmp_path / "repo"
    request = commit_of(folder)
    folder.rename(tmp_path / "away")
    found = await asyncio.gather(*(runs.start(request)[0] for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [SourceNotFound] * 3
    (tmp_path / "away").rename(folder)
    task, has, leave = runs.start(request)
    async with asyncio.timeout(20):
        await has.wait()
    leave.set()
    await task


async def test_one_that_is_old_is_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that age is swept away as left behind."""
    runs = Runs(tmp_path)
    request = commit_of(tmp_path / "repo")
    first, has, leave = runs.start(request)
    await has.wait()
    now = time.monotonic()
    monkeypatch.setattr(shared.time, "monotonic", lambda: now + runs.settings.run_deadline_seconds + 1)
    second, has_too, leave_too = runs.start(request)
    await has_too.wait()
    monkeypatch.undo()
    assert len(set(runs.roots)) == runs.folders() == 2
    leave.set()
    await first
    leave_too.set()
    await second
    assert runs.folders() == 0


def test_only_what_cannot_change_is_shared() -> None:
    upload = uuid.uuid4()
    url = "https://github.com/a/b"

    def of_git(ref: str | None, base: str | None = None) -> take.Request:
        return Request(source.GitSource(kind="git", url=url, ref=ref), base)

    moving = [of_git(None), of_git("main"), of_git("a" * 39), of_git(FULL, "main")]
    moving += [Request(source.PathSource(kind="path", path="/tmp")), Request(None, content=b"", content_format="zip")]
    assert [identity(request) for request in moving] == [None] * len(moving)
    fixed = [
        of_git(FULL),
        of_git("b" * 40),
        of_git(FULL, FULL),
        Request(None, None, b"", "zip", upload),
        Request(None, FULL, b"", "zip", upload),
        Request(None, None, b"", "zip", uuid.uuid4()),
    ]
    assert len({identity(request) for request in fixed}) == len(fixed)
    assert None not in {identity(request) for request in fixed}
    assert identity(of_git(FULL)) == identity(of_git(FULL))
