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
from worker.github import client
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item, still_held

log = logs.get(__name__)

_UNKNOWN_BRANCH = "main"
_PIECE = 100
_ITS = (RepoConnection.forge == Forge.GITHUB.value) & RepoConnection.removed_at.is_(None)
_OF_INSTALLATION = select(RepoConnection.forge_id, RepoConnection.suspended_at).where(_ITS)


async def follow(item: Item, change: InstallationChange | InstallationRepositories, resources: Resources) -> str:
    """Connect what the App was installed on, disconnect what it was taken from; returns what was done, for the log.

    An installation may have thousands: they are written in pieces, each of which can be written again.
    """
    settings, installation = resources.settings, change.installation
    if installation.app_id is not None and installation.app_id != settings.github_app_id:
        return "it is another App's"
    if isinstance(change, InstallationRepositories):
        coming, going = change.repositories_added, [repository.id for repository in change.repositories_removed]
    else:
        coming, going = (() if change.action in ("deleted", "suspend") else change.repositories), []
    for start in range(0, len(coming), _PIECE):
        async with resources.db.transaction() as session:
            for repository in coming[start : start + _PIECE]:
                await connect(session, installation.id, repository, settings)
            await still_held(session, item)
    async with resources.db.transaction() as session:
        done = await _rest(session, change, going)
        await still_held(session, item)
        name = "installation" if isinstance(change, InstallationChange) else "installation_repositories"
        by = "github" if change.sender is None else f"github:{change.sender.login}"
        line = audit.Line(by, f"github.{name}.{change.action}", f"installation:{installation.id}", data=_named(change))
        await audit.write(session, line)
    return f"{len(coming)} connected, {done}"


async def _rest(
    session: AsyncSession, change: InstallationChange | InstallationRepositories, going: Sequence[int]
) -> str:
    installation = change.installation.id
    if isinstance(change, InstallationRepositories):
        return f"{await disconnect(session, installation, going)} disconnected"
    if change.action == "deleted":
        return f"{await disconnect(session, installation)} disconnected"
    if change.action == "suspend":
        return f"{await _suspend(session, installation)} suspended"
    return f"{await _resume(session, installation)} looked at"


async def reconcile(resources: Resources) -> str:
    """Bring the connected repositories to what the App is installed on: deliveries of that may be lost as any other.

    Returns what was done, for the log. Raises GitHubFailure; what was not listed in full is not taken away.
    """
    app = client.app(resources)
    there: dict[int, bool] = {}
    connected = gone = 0
    async for installation in app.itself().pages("app/installations"):
        there[int(installation["id"])] = installation.get("suspended_at") is not None
    for number, suspended in there.items():
        if suspended:
            async with resources.db.transaction() as session:
                await _suspend(session, number)
            continue
        pages = app.installation(number).pages("installation/repositories", items="repositories")
        repositories = [Repository.model_validate(repository) async for repository in pages]
        async with resources.db.transaction() as session:
            rows = (await session.execute(_OF_INSTALLATION.where(RepoConnection.installation_id == number))).all()
            lost = {row.forge_id for row in rows} - {repository.id for repository in repositories}
            gone += await disconnect(session, number, sorted(lost)) if lost else 0
        served = {row.forge_id for row in rows if row.suspended_at is None}
        new = [repository for repository in repositories if repository.id not in served]
        for start in range(0, len(new), _PIECE):
            async with resources.db.transaction() as session:
                for repository in new[start : start + _PIECE]:
                    await connect(session, number, repository, resources.settings)
        connected += len(new)
    async with resources.db.transaction() as session:
        for known in await session.scalars(select(RepoConnection.installation_id).where(_ITS).distinct()):
            if known is not None and known not in there:
                gone += await disconnect(session, known)
    return f"{connected} connected, {gone} disconnected"


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
    known.installation_id, known.suspended_at = installation_id, None
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
    done = update(RepoConnection).where(those).values(suspended_at=func.now()).returning(RepoConnection.id)
    return len(list(await session.scalars(done)))


async def _resume(session: AsyncSession, installation_id: int) -> int:
    those = _ITS & (RepoConnection.installation_id == installation_id)
    done = update(RepoConnection).where(those).values(suspended_at=None).returning(RepoConnection.id)
    ids = list(await session.scalars(done))
    for repository_id in ids:
        await work_items.wake(session, LookAtRepository(str(repository_id)))
    return len(ids)
