"""Take the snapshot that a run's source names, in a contained process and a folder of its own, which are gone when the
work is done."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from worker.core.settings import Settings
from worker.core.untrusted import source
from worker.isolation import programs
from worker.isolation.contained import Contained, Isolation
from worker.isolation.room import Bounds, Room
from worker.runtime import process
from worker.runtime.resources import Tokens
from worker.sources import checkout, make
from worker.sources.make import CREDENTIAL, Request
from worker.sources.removal import remove
from worker.sources.snapshot import Snapshot

__all__ = ["Request", "Taken", "snapshot", "sweep"]


_GIT_CALLS = 4
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_NAMES = 53


@dataclass(frozen=True)
class Taken:
    """A snapshot, and the process that holds its files: nobody else reads them."""

    snapshot: Snapshot
    process: Contained
    of: Hashable | None = None
    """Names what was taken where that cannot change; the snapshot's digest is only what the process says."""


@asynccontextmanager
async def snapshot(
    request: Request,
    *,
    settings: Settings,
    run_id: uuid.UUID,
    attempt: int,
    isolation: Isolation,
    tokens: Tokens | None = None,
) -> AsyncIterator[Taken]:
    """The snapshot, for as long as the block lasts.

    Raises SourceError, ContainmentFailed; whatever happens, nothing is left in the work folder.
    """
    work = settings.snapshots_dir / f"{run_id}-{attempt}-{uuid.uuid4().hex[:8]}"
    try:
        await asyncio.to_thread(_prepare, work)
        if request.private is not None and tokens is not None:
            token = await tokens(request.private.installation_id, request.private.repository_id)
            await asyncio.to_thread(_entrust, work / CREDENTIAL, token, settings.github_web_url)
        bare = settings.contained()
        seconds = settings.contained_seconds + (_GIT_CALLS * settings.git_seconds if _ports(request) else 0)
        room = await asyncio.to_thread(_room, request, work, settings)
        async with isolation.open(room, seconds=settings.contained_seconds) as contained:
            made = await contained.call(make.make, request, work, bare, seconds=seconds)
            yield Taken(made, contained)
    finally:
        await asyncio.shield(asyncio.to_thread(remove, work))


def _prepare(work: Path) -> None:
    """The folder, below one whose names nobody else can list."""
    work.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        work.parent.chmod(0o711)
    work.mkdir(mode=0o700)


def _entrust(file: Path, token: str, web: str) -> None:
    """For git, and for its own host alone."""
    scheme, _, host = web.partition("://")
    file.touch(mode=0o600)
    file.write_text(f"{scheme}://x-access-token:{quote(token, safe='')}@{host.partition('/')[0]}\n")


def _ports(request: Request) -> tuple[int, ...]:
    """The TCP ports that taking the source needs; none where no network is needed."""
    if not isinstance(request.source, source.GitSource):
        return ()
    try:
        parts = urlsplit(request.source.url)
        port = parts.port
    except ValueError:
        return ()
    port = port or _PORTS.get(parts.scheme) or (22 if "@" in request.source.url else None)
    return () if port is None else (port, _NAMES)


def _room(request: Request, work: Path, settings: Settings) -> Room:
    largest = settings.max_snapshot_bytes
    # git's objects, the files themselves, and what analyzers write.
    bounds = Bounds(memory=settings.contained_memory_bytes, file=4 * largest, folder=6 * largest)
    own = () if settings.deployed else tuple(_local(request))
    path = process.bare_environment(work)["PATH"]
    tools = programs.needed_by(["git", *(analyzer.command[0] for analyzer in settings.analyzers)], path)
    return Room(work, (*own, *tools), _ports(request), own_user=not own, bounds=bounds)


def _local(request: Request) -> list[Path]:
    """In development: the developer's own folders that the source is read from."""
    match request.source:
        case source.PathSource(path=path):
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                folder = Path(path).expanduser().absolute()
                return [folder, *checkout.folders(folder)]
        case source.GitSource(url=url):
            parts = urlsplit(url)
            if parts.scheme == "file" or (not parts.scheme and "@" not in url):
                folder = Path(parts.path).absolute()
                return [folder, folder.with_name(f"{folder.name}.git")]
            if parts.scheme in ("ssh", "") or "@" in url:
                return [Path.home() / ".ssh"]
    return []


def sweep(settings: Settings) -> int:
    """Remove work folders that a killed worker left behind; returns how many. Blocking."""
    removed = 0
    oldest = time.time() - 3 * settings.run_deadline_seconds
    if not settings.snapshots_dir.is_dir():
        return 0
    for folder in settings.snapshots_dir.iterdir():
        try:
            if folder.stat().st_mtime < oldest:
                removed += remove(folder)
        except FileNotFoundError:
            continue
    return removed
