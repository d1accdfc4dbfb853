"""Ask GitHub what no delivery told: deliveries are sent once, and may be lost with whoever was to take them."""

import uuid
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.github.payloads import Repository
from worker.core.models import MonitorJob, RepoBranch, RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit, pull_request_branch
from worker.core.monitoring.repository import RepositorySettings
from worker.core.telemetry import logs
from worker.core.vocabulary import RepoRole
from worker.github import access, client, commits, connecting, members
from worker.github.access import Connected
from worker.github.client import Client, NotConfigured
from worker.github.errors import Denied, GitHubFailure, Missing
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item, still_held

log = logs.get(__name__)

_EVENT = "poll"


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
        here = access.repository(resources, found)
        seen = await _see(here, found, wishes, branches, resources)
        newest = {commit.branch: commit.sha for commit in seen.heads}
        async with resources.db.transaction() as session:
            known = await _known(session, repository_id, seen.heads)
        prepared = await commits.prepare([c for c in seen.heads if c not in known], newest, here, wishes)
    except NotConfigured as error:
        return str(error)
    except GitHubFailure as error:
        later = access.later(error)
        if later is not None:
            raise later from error
        log.warning("repository not looked at", repository=found.full_name, reason=str(error))
        return str(error)
    async with resources.db.transaction() as session:
        await still_held(session, item)
        row = await announce.locked(session, repository_id)
        if row is None:
            return "it was removed"
        await _describe(session, row, seen.repository)
        new = await commits.write(session, row, prepared)
        for branch, etag in seen.etags.items():
            its = (RepoBranch.repo_id == row.id, RepoBranch.name == branch)
            await session.execute(update(RepoBranch).where(*its).values(etag=etag))
        if seen.roles is not None:
            await members.keep(session, row.id, seen.roles)
        row.looked_at = func.clock_timestamp()
    return f"{new} commits nobody told of"


async def _wishes(session: AsyncSession, repository_id: uuid.UUID) -> tuple[RepositorySettings, dict[str, str | None]]:
    row = await session.get_one(RepoConnection, repository_id)
    query = select(RepoBranch.name, RepoBranch.etag).where(
        RepoBranch.repo_id == repository_id, RepoBranch.monitored.is_(True)
    )
    branches: dict[str, str | None] = {row.name: row.etag for row in await session.execute(query)}
    return RepositorySettings.model_validate(row.settings), branches


async def _known(session: AsyncSession, repository_id: uuid.UUID, heads: list[Commit]) -> list[Commit]:
    query = select(MonitorJob.branch, MonitorJob.commit_sha).where(
        MonitorJob.repo_id == repository_id, MonitorJob.commit_sha.in_([head.sha for head in heads])
    )
    pairs = {(branch, sha) for branch, sha in await session.execute(query)}
    return [head for head in heads if (head.branch, head.sha) in pairs]


async def _see(
    here: Client,
    found: Connected,
    wishes: RepositorySettings,
    branches: dict[str, str | None],
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
    branches.setdefault(description.default_branch or found.default_branch, None)
    etags, heads = {}, []
    for branch, etag in branches.items():
        try:
            answer = await here.get(f"branches/{quote(branch, safe='')}", etag=etag)
        except Missing:
            continue
        etags[branch] = answer.etag or etag
        if answer.data is not None:
            heads.append(Commit(branch, answer.data["commit"]["sha"], _EVENT))
    if wishes.pull_requests:
        async for asked in here.pages("pulls", params={"state": "open"}):
            number = int(asked["number"])
            branch = pull_request_branch(number)
            base = asked["base"]["sha"]
            heads.append(Commit(branch, asked["head"]["sha"], _EVENT, base=base, pull_request=number))
    roles = None
    if resources.settings.github_logins:
        try:
            roles = dict(await members.read(here))
        except Denied as error:
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
