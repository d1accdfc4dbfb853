"""Ask GitHub what no delivery told: deliveries are sent once, and may be lost with whoever was to take them."""

import uuid
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.github.payloads import Repository
from worker.core.models import RepoBranch, RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit, pull_request_branch
from worker.core.monitoring.repository import RepositorySettings
from worker.core.queue import work_items
from worker.core.queue.jobs import ReportCheck
from worker.core.telemetry import logs
from worker.core.vocabulary import RepoRole
from worker.github import access, client, commits, connecting, members
from worker.github.access import Connected
from worker.github.client import Client, NotConfigured
from worker.github.errors import Denied, GitHubFailure, Missing, Rejected
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item, still_held

log = logs.get(__name__)


# Of the last day: what could not be told then, for want of a permission perhaps, may be told now.
_UNREPORTED = text(
    """
    SELECT id FROM monitor_jobs
    WHERE repo_id = :repo_id AND created_at > now() - interval '1 day'
        AND (check_run_id IS NULL AND (run_id IS NOT NULL OR cause = 'no_constitution')
            OR check_run_id IS NOT NULL AND told IS DISTINCT FROM 'completed' AND NOT EXISTS (
                SELECT FROM runs r WHERE r.id = run_id AND r.finished_at IS NULL))
    ORDER BY created_at, id LIMIT 200
    """
)


@dataclass(frozen=True)
class _Seen:
    """Branch names with GitHub's ETag of its last answer, commits, roles by login; None where none was asked for."""

    repository: Repository
    etags: dict[str, str | None]
    heads: list[Commit]
    roles: dict[str, RepoRole] | None


async def look(item: Item, resources: Resources) -> str:
    """Returns what came of it, for the log. Raises Later."""
    repository_id = uuid.UUID(item.subject)
    async with resources.db.transaction() as session:
        found = await access.find(session, repository_id)
        if found is None:
            return "nothing to ask"
        wishes, branches = await _wishes(session, repository_id)
    try:
        with access.patiently():
            here = access.repository(resources, found)
            seen = await _see(here, found, wishes, branches, resources)
            newest = {commit.branch: commit.sha for commit in seen.heads}
            async with resources.db.transaction() as session:
                heads = await announce.wanting(session, repository_id, seen.heads)
            prepared = await commits.prepare(heads, newest, here, wishes)
    except NotConfigured as error:
        return str(error)
    except GitHubFailure as error:
        if isinstance(error, Missing | Denied):
            # Who may see it cannot be told any more.
            async with resources.db.transaction() as session:
                await announce.locked(session, repository_id)
                await members.keep(session, repository_id, {})
        log.warning("repository not looked at", repository=found.full_name, reason=str(error))
        return str(error)
    async with resources.db.transaction() as session:
        # The repository before the item, as everybody has it who wakes an item while holding a repository.
        row = await announce.locked(session, repository_id)
        await still_held(session, item)
        if row is None:
            return "it was removed"
        await _describe(session, row, seen.repository)
        new = await commits.write(session, row, prepared)
        for branch, etag in seen.etags.items():
            its = (RepoBranch.repo_id == row.id, RepoBranch.name == branch)
            await session.execute(update(RepoBranch).where(*its).values(etag=etag, last_commit=newest[branch]))
        if seen.roles is not None or not resources.settings.github_logins:
            await members.keep(session, row.id, seen.roles or {})
        row.looked_at = func.clock_timestamp()
        for job_id in await session.scalars(_UNREPORTED, {"repo_id": row.id}):
            await work_items.wake(session, ReportCheck(str(job_id)))
    return f"{new} commits nobody told of"


@dataclass(frozen=True)
class _Branch:
    """A branch that is known here. `etag` is of the answer in which its head was `last_commit`."""

    monitored: bool
    etag: str | None
    last_commit: str | None


async def _wishes(session: AsyncSession, repository_id: uuid.UUID) -> tuple[RepositorySettings, dict[str, _Branch]]:
    row = await session.get_one(RepoConnection, repository_id)
    rows = await session.scalars(select(RepoBranch).where(RepoBranch.repo_id == repository_id))
    branches = {branch.name: _Branch(branch.monitored, branch.etag, branch.last_commit) for branch in rows}
    return RepositorySettings.model_validate(row.settings), branches


async def _see(
    here: Client,
    found: Connected,
    wishes: RepositorySettings,
    branches: dict[str, _Branch],
    resources: Resources,
) -> _Seen:
    try:
        description = Repository.model_validate((await here.get("")).data)
    except Missing:
        # It is called otherwise by now, or is not the installation's any more.
        description = await _renamed(found, resources)
        here = access.repository(
            resources,
            Connected(found.id, description.full_name, found.default_branch, found.forge_id, found.installation_id),
        )
    # Unless somebody has said before whether it is monitored.
    branches.setdefault(description.default_branch or found.default_branch, _Branch(True, None, None))
    etags, heads = {}, []
    for branch, known in branches.items():
        if not known.monitored:
            continue
        try:
            # Without its head nothing is known that GitHub could say holds still.
            etag = known.etag if known.last_commit else None
            answer = await here.get(f"branches/{quote(branch, safe='')}", etag=etag)
        except Missing:
            continue
        etags[branch] = answer.etag or etag
        sha = known.last_commit if answer.data is None else str(answer.data["commit"]["sha"])
        assert sha is not None
        heads.append(Commit(branch, sha, announce.POLL))
    if wishes.pull_requests:
        async for asked in here.pages("pulls", params={"state": "open"}):
            number = int(asked["number"])
            branch = pull_request_branch(number)
            target = asked["base"]
            heads.append(
                Commit(
                    branch,
                    asked["head"]["sha"],
                    announce.POLL,
                    base=target["sha"],
                    pull_request=number,
                    target=target["ref"],
                )
            )
    roles = None
    if resources.settings.github_logins:
        try:
            roles = dict(await members.read(here))
        except (Denied, Rejected) as error:
            log.warning("members not read", repository=found.full_name, reason=str(error))
    return _Seen(description, etags, heads, roles)


async def _renamed(found: Connected, resources: Resources) -> Repository:
    """https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation"""
    installation = client.app(resources).installation(found.installation_id)
    async for repository in installation.pages("installation/repositories", items="repositories"):
        if repository["id"] == found.forge_id:
            return Repository.model_validate(repository)
    raise Missing(f"{found.full_name} is not among the installation's repositories")


async def _describe(session: AsyncSession, row: RepoConnection, seen: Repository) -> None:
    if row.full_name != seen.full_name:
        await connecting.make_way(session, seen.full_name)
        row.full_name = seen.full_name
    row.default_branch = seen.default_branch or row.default_branch
    row.clone_url = seen.clone_url or row.clone_url
    await announce.monitor(session, row.id, row.default_branch)
    await session.flush()
