"""Make a snapshot: what the contained process does with the bytes of a repository, an upload or a folder."""

import io
import json
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from worker.core.settings import Settings
from worker.core.untrusted import archives, source, urls
from worker.isolation import layers
from worker.sources import checkout, git, local
from worker.sources.errors import SourceNotFound, SourceUnsafe
from worker.sources.snapshot import Snapshot, SnapshotLimits, check_limits, scan
from worker.sources.tree import Tree

CREDENTIAL = "credential"
"""The file in the work folder that git alone reads, as git-credential-store(1) has it: its token never is in a process
of ours here, and gone before anything of the repository is looked at."""


@dataclass(frozen=True)
class Private:
    """Whose the right is to read a repository of GitHub's: an installation of the App. No token is in it."""

    installation_id: int
    repository_id: int


@dataclass(frozen=True)
class Request:
    """What to take. `content` holds the bytes of the upload `upload_id`, `content_format` their kind (zip, tar.gz,
    files). `patch` is applied to what the source names, before anybody looks at it. `private` is not everybody's to
    read."""

    source: object
    base: str | None = None
    content: bytes | None = None
    content_format: str | None = None
    upload_id: uuid.UUID | None = None
    patch: str | None = None
    private: Private | None = None


def limits_of(settings: Settings) -> SnapshotLimits:
    return SnapshotLimits(settings.max_snapshot_files, settings.max_snapshot_bytes, settings.max_file_bytes)


async def make(request: Request, work: Path, settings: Settings) -> Snapshot:
    """The snapshot, in `work`/snapshot; from then on this process changes nothing but its scratch folder.

    Raises SourceError. Blocking, as the process that does it does nothing else.
    """
    snapshot = await made(request, work, settings)
    if request.patch:
        snapshot = await _patched(snapshot, request.patch, work, limits_of(settings))
    snapshot.scratch.mkdir(mode=0o700)
    layers.keep_as_it_is(snapshot.scratch)
    return snapshot


async def _patched(snapshot: Snapshot, patch: str, work: Path, limits: SnapshotLimits) -> Snapshot:
    tree = Tree(snapshot.root, work / "patched")
    await tree.begin()
    await tree.apply(patch)
    changed = {change.path for change in await tree.changed()}
    count = f"{len(changed)} file" if len(changed) == 1 else f"{len(changed)} files"
    return scan(
        snapshot.root,
        limits,
        commit=snapshot.commit,
        branch=snapshot.branch,
        # Who looks at what changed alone looks at what the patch changes too.
        changed=None if snapshot.changed is None else snapshot.changed | changed,
        notes=(*snapshot.notes, f"Fixes that were proposed are applied: {count} differ from the source."),
    )


async def made(request: Request, work: Path, settings: Settings) -> Snapshot:
    """The snapshot, in `work`/snapshot. The network is given up once what is needed of it is there."""
    root = work / "snapshot"
    root.mkdir(mode=0o700)
    limits = limits_of(settings)
    try:
        # What was accepted may have been accepted under other settings.
        source.check(request.source, settings)
    except urls.SourceRejected as error:
        raise SourceUnsafe(str(error)) from None
    match request.source:
        case source.GitSource(url=url, ref=ref):
            return await _of_git(request, url, ref, work=work, root=root, settings=settings, limits=limits)
        case source.PathSource(path=path):
            notes = local.copy(local.folder(path), root, limits)
            copied = scan(root, limits, notes=notes)
            files = {file.path: root / file.path for file in copied.files}
            revision = await checkout.revision(local.folder(path), files, work / "git")
            return copied if revision is None else replace(copied, commit=revision.commit, branch=revision.branch)
        case _:
            if request.content is None:
                raise SourceNotFound("The upload was removed before the run took it up; upload it again.")
            _write_content(request, root, limits)
            return scan(root, limits)


async def _of_git(
    request: Request, url: str, ref: str | None, *, work: Path, root: Path, settings: Settings, limits: SnapshotLimits
) -> Snapshot:
    repository = git.Repository(
        work / "git",
        url,
        seconds=settings.git_seconds,
        public_only=settings.deployed,
        max_bytes=4 * settings.max_snapshot_bytes,
        credential=None if request.private is None else work / CREDENTIAL,
    )
    try:
        commit = await repository.fetch(ref)
        if request.base:
            await repository.fetch_base(request.base)
    finally:
        (work / CREDENTIAL).unlink(missing_ok=True)
    layers.give_up_network()
    notes = await repository.write_tree(commit, root, limits)
    changed = await repository.changed_since_base(commit) if request.base else None
    branch = ref if ref and not commit.startswith(ref) else None
    return scan(root, limits, commit=commit, branch=branch, changed=changed, notes=notes)


def _write_content(request: Request, root: Path, limits: SnapshotLimits) -> None:
    assert request.content is not None
    if request.content_format != "files":
        try:
            archives.unpack(io.BytesIO(request.content), root, archives.ArchiveLimits(limits.files, limits.total))
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
