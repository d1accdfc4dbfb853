"""Take the snapshot that a run's source names, in a folder that is removed when the work is done."""

import asyncio
import io
import json
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from worker.core.settings import Settings
from worker.core.untrusted import archives, source, urls
from worker.sources import checkout, git, local
from worker.sources.errors import SourceNotFound, SourceUnsafe
from worker.sources.snapshot import Snapshot, SnapshotLimits, check_limits, scan

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What to take. `content` holds the bytes of the upload `upload_id`, `content_format` their kind (zip, tar.gz,
    files)."""

    source: object
    base: str | None = None
    content: bytes | None = None
    content_format: str | None = None
    upload_id: uuid.UUID | None = None


def limits_of(settings: Settings) -> SnapshotLimits:
    return SnapshotLimits(settings.max_snapshot_files, settings.max_snapshot_bytes, settings.max_file_bytes)


@asynccontextmanager
async def snapshot(request: Request, *, settings: Settings, run_id: uuid.UUID, attempt: int) -> AsyncIterator[Snapshot]:
    """The snapshot, for as long as the block lasts.

    Raises SourceError; whatever happens, nothing is left in the work folder.
    """
    limits = limits_of(settings)
    work = settings.snapshots_dir / f"{run_id}-{attempt}-{uuid.uuid4().hex[:8]}"
    root = work / "snapshot"
    try:
        # A cancellation waits for the thread: it would make the folder after the folder was removed.
        await _in_thread(root.mkdir, parents=True, mode=0o700)
        making = asyncio.ensure_future(_take(request, work, root, settings=settings, limits=limits))
        try:
            found = await asyncio.shield(making)
        except asyncio.CancelledError:
            # A thread that still writes would bring the folder back that is removed below.
            limits.stopped.set()
            making.cancel()
            await asyncio.wait({making})
            raise
        yield found
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _in_thread(work: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """Like asyncio.to_thread, but a cancellation waits for the thread, which limits.stopped brings to its end."""
    thread = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **more))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait({thread})
        raise


async def _take(request: Request, work: Path, root: Path, *, settings: Settings, limits: SnapshotLimits) -> Snapshot:
    try:
        # What was accepted may have been accepted under other settings.
        source.check(request.source, settings)
    except urls.SourceRejected as error:
        raise SourceUnsafe(str(error)) from None
    match request.source:
        case source.GitSource(url=url, ref=ref):
            return await _take_git(request, url, ref, work=work, root=root, settings=settings, limits=limits)
        case source.PathSource(path=path):
            notes = await _in_thread(local.copy, Path(path), root, limits)
            copied = await _in_thread(scan, root, limits, notes=notes)
            files = {file.path: root / file.path for file in copied.files}
            folder = await asyncio.to_thread(Path(path).expanduser)
            revision = await checkout.revision(folder, files, work / "git")
            return copied if revision is None else replace(copied, commit=revision.commit, branch=revision.branch)
        case _:
            if request.content is None:
                raise SourceNotFound("The upload was removed before the run took it up; upload it again.")
            await _in_thread(_write_content, request, root, limits)
            return await _in_thread(scan, root, limits)


async def _take_git(
    request: Request, url: str, ref: str | None, *, work: Path, root: Path, settings: Settings, limits: SnapshotLimits
) -> Snapshot:
    repository = git.Repository(
        work / "git",
        url,
        seconds=settings.git_seconds,
        public_only=settings.deployed,
        max_bytes=4 * settings.max_snapshot_bytes,
    )
    commit = await repository.fetch(ref)
    notes = await repository.write_tree(commit, root, limits)
    changed = await repository.changed_since(request.base, commit) if request.base else None
    branch = ref if ref and not commit.startswith(ref) else None
    return await _in_thread(scan, root, limits, commit=commit, branch=branch, changed=changed, notes=notes)


def _write_content(request: Request, root: Path, limits: SnapshotLimits) -> None:
    assert request.content is not None
    if request.content_format != "files":
        try:
            allowed = archives.ArchiveLimits(limits.files, limits.total)
            archives.unpack(io.BytesIO(request.content), root, allowed, each=lambda: check_limits(0, 0, limits))
        except archives.ArchiveRejected as error:
            raise SourceUnsafe(str(error)) from None
        return
    files: dict[str, str] = json.loads(request.content)
    total = 0
    for number, (name, content) in enumerate(files.items(), start=1):
        data = content.encode("utf-8", errors="surrogatepass")
        total += len(data)
        check_limits(number, total, limits)
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def sweep(settings: Settings) -> int:
    """Remove work folders that a killed worker left behind; returns how many. Blocking."""
    removed = 0
    oldest = time.time() - 3 * settings.run_deadline_seconds
    if not settings.snapshots_dir.is_dir():
        return 0
    for folder in settings.snapshots_dir.iterdir():
        try:
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        except FileNotFoundError:
            continue
    return removed
