"""Repositories come and go with the App's installations."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import audit
from worker.core.github.payloads import InstallationChange, InstallationRepositories, Repository
from worker.core.models import RepoBranch, RepoConnection, RepoMember
from worker.core.queue import work_items
from worker.core.queue.jobs import LookAtRepository
from worker.core.settings import Settings
from worker.core.telemetry import logs
from worker.core.vocabulary import Forge

log = logs.get(__name__)

_UNKNOWN_BRANCH = "main"


async def follow(
    session: AsyncSession, change: InstallationChange | InstallationRepositories, settings: Settings
) -> str:
    """Connect what the App was installed on, disconnect what it was taken from; returns what was done, for the log."""
    installation = change.installation.id
    name = "installation" if isinstance(change, InstallationChange) else "installation_repositories"
    by = "github" if change.sender is None else f"github:{change.sender.login}"
    line = audit.Line(by, f"github.{name}.{change.action}", f"installation:{installation}", data=_named(change))
    await audit.write(session, line)
    if isinstance(change, InstallationRepositories):
        gone = [repository.id for repository in change.repositories_removed]
        await disconnect(session, installation, gone)
        for repository in change.repositories_added:
            await connect(session, installation, repository, settings)
        return f"{len(change.repositories_added)} connected, {len(gone)} disconnected"
    if change.action == "deleted":
        return f"{await disconnect(session, installation)} disconnected"
    if change.action == "suspend":
        # It may come back; until then nothing is read or told in its name.
        return f"{await _suspend(session, installation)} suspended"
    for repository in change.repositories:
        await connect(session, installation, repository, settings)
    resumed = await _resume(session, installation)
    return f"{len(change.repositories)} connected, {resumed} looked at"


def _named(change: InstallationChange | InstallationRepositories) -> dict[str, object]:
    if isinstance(change, InstallationChange):
        return {"repositories": [repository.full_name for repository in change.repositories]}
    return {
        "added": [repository.full_name for repository in change.repositories_added],
        "removed": [repository.full_name for repository in change.repositories_removed],
    }


async def connect(session: AsyncSession, installation_id: int, repository: Repository, settings: Settings) -> uuid.UUID:
    """The repository's row; what is not known of it yet is asked afterwards."""
    known = await session.scalar(
        select(RepoConnection).where(_ITS, RepoConnection.forge_id == repository.id).with_for_update(key_share=True)
    )
    if known is None:
        await make_way(session, repository.full_name)
        known = RepoConnection(
            full_name=repository.full_name,
            clone_url=repository.clone_url or f"{settings.github_web_url}/{repository.full_name}.git",
            default_branch=repository.default_branch or _UNKNOWN_BRANCH,
            forge=Forge.GITHUB.value,
            forge_id=repository.id,
        )
        session.add(known)
    known.installation_id = installation_id
    await session.flush()
    await work_items.wake(session, LookAtRepository(str(known.id)))
    return known.id


async def make_way(session: AsyncSession, full_name: str) -> None:
    """Nobody's repository is called so any more: one that GitHub calls otherwise by now, or that the service connected
    by its URL. It keeps the name with its id behind it, until it is looked at."""
    others = select(RepoConnection).where(
        RepoConnection.created_by.is_(None), RepoConnection.full_name == full_name, RepoConnection.removed_at.is_(None)
    )
    for other in await session.scalars(others):
        other.full_name = f"{full_name}.{other.id.hex[-8:]}"
        log.warning("repository renamed", repository_id=str(other.id), was=full_name, name=other.full_name)
    await session.flush()


_ITS = (RepoConnection.forge == Forge.GITHUB.value) & RepoConnection.removed_at.is_(None)


async def disconnect(session: AsyncSession, installation_id: int, forge_ids: Sequence[int] | None = None) -> int:
    """Remove the installation's repositories, or those of them; what hangs on them lets go by and by (upkeep)."""
    those = _ITS & (RepoConnection.installation_id == installation_id)
    if forge_ids is not None:
        those &= RepoConnection.forge_id.in_(forge_ids)
    ids = list(
        await session.scalars(
            update(RepoConnection).where(those).values(removed_at=func.now()).returning(RepoConnection.id)
        )
    )
    await session.execute(delete(RepoBranch).where(RepoBranch.repo_id.in_(ids)))
    await session.execute(delete(RepoMember).where(RepoMember.repo_id.in_(ids)))
    return len(ids)


async def _suspend(session: AsyncSession, installation_id: int) -> int:
    those = _ITS & (RepoConnection.installation_id == installation_id)
    done = update(RepoConnection).where(those).values(installation_id=None).returning(RepoConnection.id)
    return len(list(await session.scalars(done)))


async def _resume(session: AsyncSession, installation_id: int) -> int:
    mine = select(RepoConnection.id).where(_ITS, RepoConnection.installation_id == installation_id)
    ids = list(await session.scalars(mine))
    for repository_id in ids:
        await work_items.wake(session, LookAtRepository(str(repository_id)))
    return len(ids)
