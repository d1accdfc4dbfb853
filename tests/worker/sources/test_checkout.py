"""When a folder is a commit; and that looking runs nothing of what it holds."""

import asyncio
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.app import isolation, settings
from tests.support.git import git, repository
from worker.core.untrusted import source
from worker.sources import take
from worker.sources.checkout import Revision, revision
from worker.sources.folder import select
from worker.sources.snapshot import Snapshot

FILES = {"app/main.py": "x = 1\n", "README.md": "# grüße\n", ".gitignore": "*.log\n"}


async def of(folder: Path, tmp_path: Path) -> Revision | None:
    files = {path.relative_to(folder).as_posix(): path for path in select(folder).files}
    return await revision(folder, files, tmp_path / f"git-{uuid.uuid4().hex}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    repository(tmp_path / "repo", FILES)
    return tmp_path / "repo"


async def test_a_clean_work_tree_is_its_head(folder: Path, tmp_path: Path) -> None:
    head = git(folder, "rev-parse", "HEAD")
    assert await of(folder, tmp_path) == Revision(head, "main")
    git(folder, "checkout", "--quiet", "-b", "feature/one")
    git(folder, "pack-refs", "--all")
    git(folder, "gc", "--quiet")
    assert await of(folder, tmp_path) == Revision(head, "feature/one")
    git(folder, "checkout", "--quiet", "--detach")
    assert await of(folder, tmp_path) == Revision(head, None)


async def test_a_linked_work_tree_is_its_own_head(folder: Path, tmp_path: Path) -> None:
    git(folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    found = await of(tmp_path / "side", tmp_path)
    assert found == Revision(git(folder, "rev-parse", "HEAD"), "side")


async def test_links_count_and_submodules_that_are_empty_do_no_harm(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to("./app/../README.md")
    git(folder, "add", "link")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(folder, "commit", "--quiet", "--message", "link")
    (folder / "module").mkdir()
    assert await of(folder, tmp_path) == Revision(git(folder, "rev-parse", "HEAD"), "main")
    (folder / "link").unlink()
    (folder / "link").symlink_to("elsewhere")
    assert await of(folder, tmp_path) is None


async def test_objects_named_by_sha256(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet", "--object-format=sha256")
    head = repository(folder, FILES)
    assert len(head) == 64
    assert await of(folder, tmp_path) == Revision(head, "main")


def _changed(folder: Path) -> None:
    (folder / "README.md").write_text("# other\n")


def _changed_unseen(folder: Path) -> None:
    """Of the same size and time, and marked as never changing."""
    git(folder, "update-index", "--assume-unchanged", "app/main.py")
    was = (folder / "app/main.py").stat()
    (folder / "app/main.py").write_text("x = 2\n")
    os.utime(folder / "app/main.py", ns=(was.st_atime_ns, was.st_mtime_ns))


def _untracked(folder: Path) -> None:
    (folder / "new.py").write_text("x = 1\n")


def _ignored_but_taken(folder: Path) -> None:
    (folder / "run.log").write_text("x\n")


def _removed(folder: Path) -> None:
    (folder / "README.md").unlink()


def _staged(folder: Path) -> None:
    (folder / "README.md").write_text("# other\n")
    git(folder, "add", "README.md")
    (folder / "README.md").write_text(FILES["README.md"])


def _untracked_by_the_index(folder: Path) -> None:
    git(folder, "rm", "--quiet", "--cached", "README.md")


def _tracked_but_left_out(folder: Path) -> None:
    (folder / ".env").write_text("A=1\n")
    git(folder, "add", "--force", ".env")
    git(folder, "commit", "--quiet", "--message", "env")


def _other_line_ends(folder: Path) -> None:
    (folder / ".gitattributes").write_text("*.md text eol=crlf\n")
    git(folder, "add", ".gitattributes")
    git(folder, "commit", "--quiet", "--message", "attributes")
    (folder / "README.md").unlink()
    git(folder, "checkout", "--quiet", "README.md")
    assert git(folder, "status", "--porcelain") == ""


def _merging(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "-b", "one")
    repository(folder, {"README.md": "# one\n"})
    git(folder, "checkout", "--quiet", "-b", "two", "HEAD~1")
    repository(folder, {"README.md": "# two\n"})
    subprocess.run(["git", "merge", "--quiet", "one"], cwd=folder, capture_output=True, check=False)


@pytest.mark.parametrize(
    "change",
    [
        _changed, _changed_unseen, _untracked, _ignored_but_taken, _removed, _staged, _untracked_by_the_index,
        _tracked_but_left_out, _other_line_ends, _merging,
    ],
)  # fmt: skip
async def test_what_differs_from_head_is_no_commit(change: object, folder: Path, tmp_path: Path) -> None:
    assert callable(change)
    change(folder)
    assert await of(folder, tmp_path) is None


async def test_what_is_generated_and_left_out_does_not_matter(folder: Path, tmp_path: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("x")
    (folder / ".env").write_text("A=1\n")
    assert await of(folder, tmp_path) is not None


async def test_a_folder_below_the_top_is_no_commit(folder: Path, tmp_path: Path) -> None:
    assert await of(folder / "app", tmp_path) is None


def _no_repository(folder: Path) -> None:
    (folder / ".git").rename(folder.parent / "away")


def _empty_repository(folder: Path) -> None:
    _no_repository(folder)
    git(folder, "init", "--quiet")


def _pipe_for_head(folder: Path) -> None:
    (folder / ".git/HEAD").unlink()
    os.mkfifo(folder / ".git/HEAD")


def _pipe_for_git(folder: Path) -> None:
    _no_repository(folder)
    os.mkfifo(folder / ".git")


def _branch_that_leads_out(folder: Path) -> None:
    (folder / ".git/HEAD").write_text("ref: refs/heads/../../../../head\n")
    (folder.parent / "head").write_text(git(folder.parent / "repo", "rev-parse", "main") + "\n")


def _objects_gone(folder: Path) -> None:
    (folder / ".git/objects").rename(folder.parent / "objects")


def _index_broken(folder: Path) -> None:
    (folder / ".git/index").write_bytes(b"DIRC nonsense")


@pytest.mark.parametrize(
    "break_",
    [
        _no_repository, _empty_repository, _pipe_for_head, _pipe_for_git, _branch_that_leads_out, _objects_gone,
        _index_broken,
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_no_commit_and_no_error(break_: object, folder: Path, tmp_path: Path) -> None:
    assert callable(break_)
    break_(folder)
    async with asyncio.timeout(5):
        assert await of(folder, tmp_path) is None


async def test_nothing_of_the_folder_is_run(folder: Path, tmp_path: Path) -> None:
    """Filters, monitors, hooks, pagers, aliases, diff programs, and a missing object that would be fetched."""
    marker = tmp_path / "executed"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(0o755)
    (folder / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(folder, "add", ".gitattributes")
    git(folder, "commit", "--quiet", "--message", "attributes")
    head = git(folder, "rev-parse", "HEAD")
    for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction"):
        (folder / ".git/hooks" / hook).write_text(program.read_text())
        (folder / ".git/hooks" / hook).chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.gitProxy", "filter.evil.clean", "filter.evil.smudge",
        "filter.evil.process", "diff.evil.textconv", "diff.evil.command", "diff.external", "credential.helper",
        "uploadpack.packObjectsHook",
    ):  # fmt: skip
        git(folder, "config", key, str(program))
    git(folder, "config", "alias.ls-tree", f"!{program}")
    git(folder, "config", "core.untrackedCache", "true")
    # Changed in time alone: whoever asks whether it has changed runs the filter.
    os.utime(folder / "README.md", (1, 1))
    assert await of(folder, tmp_path) == Revision(head, "main")
    assert not marker.exists()
    subprocess.run(["git", "status"], cwd=folder, capture_output=True, check=False)
    assert marker.exists(), "the trap is none"
    marker.unlink()

    program.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    git(folder, "config", "core.repositoryFormatVersion", "1")
    git(folder, "config", "extensions.partialClone", "evil")
    git(folder, "config", "remote.evil.url", f"ext::{program}")
    git(folder, "config", "remote.evil.promisor", "true")
    git(folder, "config", "protocol.ext.allow", "always")
    tree = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "rev-parse", "HEAD^{tree}"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    (folder / ".git/objects" / tree[:2] / tree[2:]).unlink()
    marker.unlink(missing_ok=True)
    assert await of(folder, tmp_path) is None
    assert not marker.exists()
    subprocess.run(["git", "ls-tree", "-r", "HEAD"], cwd=folder, capture_output=True, check=False, timeout=30)
    assert marker.exists(), "the trap is none"


async def snapshot(folder: Path, tmp_path: Path) -> Snapshot:
    work = tmp_path / "work"
    request = take.Request(source.PathSource(kind="path", path=str(folder)))
    found = settings(CVA_WORK_DIR=str(work))
    async with take.snapshot(request, settings=found, run_id=uuid.uuid4(), attempt=1, isolation=isolation()) as taken:
        pass
    assert list(work.iterdir()) == []
    return taken.snapshot


async def test_the_snapshot_of_a_clean_folder_has_its_commit(folder: Path, tmp_path: Path) -> None:
    clean = await snapshot(folder, tmp_path)
    assert (clean.commit, clean.branch) == (git(folder, "rev-parse", "HEAD"), "main")
    _changed(folder)
    dirty = await snapshot(folder, tmp_path)
    assert (dirty.commit, dirty.branch) == (None, None)


async def test_the_pointer_of_a_linked_work_tree_is_no_file_of_the_project(folder: Path, tmp_path: Path) -> None:
    git(folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    taken = await snapshot(tmp_path / "side", tmp_path)
    assert {file.path for file in taken.files} == set(FILES)
    assert taken.commit is not None
