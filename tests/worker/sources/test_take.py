"""Snapshots of every kind of source."""

import asyncio
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.app import isolation, settings
from tests.support.git import commit, git, repository
from tests.worker.core.untrusted.test_archives import make_tar, make_zip
from worker.core.untrusted import source
from worker.sources import take
from worker.sources.errors import SourceError, SourceNotFound, SourceTooLarge, SourceUnsafe

FILES = {"a.py": "x = 1\n", "pkg/b.py": "y = 2\n", "README.md": "# grüße\n"}


async def taken(request: take.Request, tmp_path: Path, **given: Any) -> dict[str, str]:
    """Path → text of the snapshot; the work folder must be empty afterwards."""
    work = tmp_path / "work"
    found = settings(CVA_WORK_DIR=str(work), **given)
    async with take.snapshot(request, settings=found, run_id=uuid.uuid4(), attempt=1, isolation=isolation()) as got:
        snapshot = got.snapshot
        files = {file.path: (snapshot.root / file.path).read_text() for file in snapshot.files}
        files["#commit"] = snapshot.commit or ""
        files["#notes"] = "; ".join(snapshot.notes)
        files["#changed"] = ",".join(sorted(snapshot.changed or ()))
        files["#digest"] = snapshot.digest
    assert list(work.iterdir()) == []
    return files


def own(files: dict[str, str]) -> dict[str, str]:
    return {path: content for path, content in files.items() if not path.startswith("#")}


def git_source(url: Path | str, ref: str | None = None) -> source.GitSource:
    return source.GitSource(kind="git", url=str(url), ref=ref)


async def test_all_kinds_give_the_same_snapshot(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    repository(folder, FILES)
    raw = {name: content.encode() for name, content in FILES.items()}
    requests = [
        take.Request(git_source(folder)),
        take.Request(git_source(f"file://{folder}")),
        take.Request(source.PathSource(kind="path", path=str(folder))),
        take.Request(None, content=make_zip(raw), content_format="zip"),
        take.Request(None, content=make_tar(raw), content_format="tar.gz"),
        take.Request(None, content=json.dumps(FILES).encode(), content_format="files"),
    ]
    found = [await taken(request, tmp_path) for request in requests]
    assert [own(files) for files in found] == [FILES] * len(requests)
    assert len({files["#digest"] for files in found}) == 1


async def test_git_takes_branches_tags_and_commits_that_are_no_tip(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    first = repository(folder, {"a.py": "1\n"})
    git(folder, "tag", "v1")
    git(folder, "branch", "side")
    second = commit(folder, {"a.py": "2\n"})
    for ref, expected in ((None, second), ("main", second), ("side", first), ("v1", first), (first, first)):
        files = await taken(take.Request(git_source(folder, ref)), tmp_path)
        assert files["#commit"] == expected
        assert files["a.py"] == ("1\n" if expected == first else "2\n")


async def test_diff_knows_what_changed(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    first = repository(folder, {"a.py": "1\n", "b.py": "1\n", "c.py": "1\n"})
    git(folder, "branch", "base")
    commit(folder, {"b.py": "2\n", "new/d.py": "1\n"})
    files = await taken(take.Request(git_source(folder), base="base"), tmp_path)
    assert files["#changed"] == "b.py,new/d.py"
    with pytest.raises(SourceNotFound):
        await taken(take.Request(git_source(folder), base="nowhere"), tmp_path)
    assert first


async def test_nothing_in_a_repository_takes_effect(tmp_path: Path) -> None:
    """Attributes, filters, export rules, hooks, links and submodules."""
    folder = tmp_path / "repo"
    marker = tmp_path / "executed"
    repository(
        folder,
        {
            ".gitattributes": "*.py filter=evil export-ignore\n*.txt export-subst ident text eol=crlf\n",
            "hidden.py": "x = 1\n",
            "a.txt": "$Id$ $Format:%H$\n",
        },
    )
    git(folder, "config", "filter.evil.smudge", f"touch {marker}")
    for hook in ("post-checkout", "pre-receive", "post-merge"):
        path = folder / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {marker}\n")
        path.chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    git(folder, "add", "link")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(folder, "commit", "--quiet", "--message", "links")
    files = await taken(take.Request(git_source(folder)), tmp_path)
    assert set(own(files)) == {".gitattributes", "hidden.py", "a.txt"}
    assert files["a.txt"] == "$Id$ $Format:%H$\n"
    assert "1 symbolic link" in files["#notes"]
    assert "1 submodule" in files["#notes"]
    assert not marker.exists()


@pytest.mark.parametrize("ref", ["nowhere", "0" * 40])
async def test_a_ref_that_is_not_there(ref: str, tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    repository(folder, FILES)
    with pytest.raises(SourceNotFound):
        await taken(take.Request(git_source(folder, ref)), tmp_path)


async def test_what_is_not_there(tmp_path: Path) -> None:
    for missing in (git_source(tmp_path / "none"), source.PathSource(kind="path", path=str(tmp_path / "none")), None):
        with pytest.raises(SourceNotFound):
            await taken(take.Request(missing), tmp_path)


async def test_limits_hold_for_every_kind(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    many = {f"f{number}.txt": "x" * 100 for number in range(30)}
    repository(folder, many)
    raw = {name: content.encode() for name, content in many.items()}
    requests = [
        take.Request(git_source(folder)),
        take.Request(source.PathSource(kind="path", path=str(folder))),
        take.Request(None, content=make_zip(raw), content_format="zip"),
        take.Request(None, content=json.dumps(many).encode(), content_format="files"),
    ]
    for request in requests:
        for limit in ({"CVA_MAX_SNAPSHOT_FILES": 10}, {"CVA_MAX_SNAPSHOT_BYTES": 1024}):
            with pytest.raises(SourceError) as refused:
                await taken(request, tmp_path, **limit)
            assert isinstance(refused.value, SourceTooLarge | SourceUnsafe)


async def test_a_local_folder_leaves_out_what_nobody_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for name in ("a.py", ".venv/lib/x.py", "node_modules/x/y.js", "__pycache__/a.pyc", ".env", ".git/config"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (folder / "etc").symlink_to("/etc")
    files = await taken(take.Request(source.PathSource(kind="path", path=str(folder))), tmp_path)
    assert set(own(files)) == {"a.py"}
    for told in (".venv", "node_modules", "1 symbolic link", ".env"):
        assert told in files["#notes"]


async def test_a_hostile_tree_writes_nothing_outside(tmp_path: Path) -> None:
    """A tree object with a `..` entry, as only a hand-made repository has it."""
    folder = tmp_path / "repo"
    repository(folder, {"a.py": "x\n"})
    blob = git(folder, "hash-object", "-w", "a.py")
    import subprocess

    tree = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        cwd=folder,
        input=b"100644 ..\0" + bytes.fromhex(blob),
        capture_output=True,
        check=True,
    ).stdout.decode().strip()  # fmt: skip
    made = git(folder, "commit-tree", tree, "-m", "evil")
    git(folder, "update-ref", "refs/heads/main", made)
    with pytest.raises(SourceError):
        await taken(take.Request(git_source(folder)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"repo", "work"}


def test_sweep_removes_only_what_is_old(tmp_path: Path) -> None:
    found = settings(CVA_WORK_DIR=str(tmp_path), CVA_RUN_DEADLINE_SECONDS=10)
    old, young = tmp_path / "old", tmp_path / "young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (1, 1))
    assert take.sweep(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["young"]


async def test_a_cancelled_snapshot_leaves_nothing_behind(tmp_path: Path) -> None:
    content = make_zip({f"f{number}.txt": b"x" for number in range(8000)})
    work = tmp_path / "work"
    found = settings(CVA_WORK_DIR=str(work))

    async def make() -> None:
        request = take.Request(None, content=content, content_format="zip")
        async with take.snapshot(request, settings=found, run_id=uuid.uuid4(), attempt=1, isolation=isolation()):
            raise AssertionError("it was too fast to be cancelled")

    making = asyncio.create_task(make())
    async with asyncio.timeout(20):
        while not any(work.glob("*/snapshot/f1*")):
            await asyncio.sleep(0.001)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    "stored",
    [
        {"kind": "path", "path": "/etc"},
        {"kind": "git", "url": "file:///srv/repository"},
        {"kind": "git", "url": "http://github.com/a/b"},
        {"kind": "git", "url": "https://elsewhere.example/a/b"},
        {"kind": "git", "url": "https://127.0.0.1/a/b"},
    ],
)
async def test_what_was_stored_in_development_is_not_taken_in_production(
    stored: dict[str, Any], tmp_path: Path
) -> None:
    request = take.Request(source.fetched(str(stored["kind"]), stored))
    with pytest.raises(SourceUnsafe):
        await taken(request, tmp_path, CVA_PRODUCTION="true", DATABASE_URL="postgresql://x/y")
