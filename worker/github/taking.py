"""Take what GitHub told, in the order in which it came: of one repository, or of one installation.

What is asked of GitHub is asked before anything is written; then all that follows from the deliveries is written in one
transaction, in which they are marked as taken. So they may be taken up as often as need be.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import audit
from worker.core.github import payloads
from worker.core.github.payloads import (
    CheckRun,
    CheckSuite,
    Facts,
    InstallationChange,
    InstallationRepositories,
    Member,
    MergeGroup,
    PullRequest,
    Push,
)
from worker.core.models import MonitorJob, RepoBranch, RepoConnection, WebhookDelivery
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit, pull_request_branch
from worker.core.monitoring.repository import RepositorySettings
from worker.core.queue import work_items as queue
from worker.core.queue.jobs import LookAtRepository
from worker.core.remediation import switch
from worker.core.remediation.begin import begin
from worker.core.telemetry import logs
from worker.core.vocabulary import Forge, Verdict
from worker.github import access, commits, connecting
from worker.github.checks import RequestedAction
from worker.github.client import Client, NotConfigured
from worker.github.commits import Prepared
from worker.github.errors import GitHubFailure
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item, still_held

log = logs.get(__name__)

_BATCH = 500
_QUIET_SECONDS = 0.3
_PATIENCE_SECONDS = 3.0
_TAKEN = text(
    """
    UPDATE webhook_deliveries d SET processed_at = clock_timestamp(), outcome = taken.outcome
    FROM unnest(CAST(:ids AS text[]), CAST(:outcomes AS text[])) AS taken (id, outcome)
    WHERE d.delivery_id = taken.id
    """
)
_NOBODY = "no connected repository is monitored for this"
_FIXABLE = (Verdict.FAIL.value, Verdict.VETO.value)


@dataclass(frozen=True)
class Delivery:
    id: str
    event: str
    facts: Facts


async def take(item: Item, resources: Resources) -> int:
    """All that is there; returns how many deliveries were taken. Raises Later."""
    taken = 0
    while True:
        deliveries = await _settled(item.subject, resources)
        if not deliveries:
            return taken
        try:
            await _follow(item, deliveries, resources)
        except GitHubFailure as error:
            later = access.later(error)
            if later is None:
                raise
            raise later from error
        taken += len(deliveries)


async def _settled(subject: str, resources: Resources) -> list[Delivery]:
    """What waits, once nothing more has come for a moment: of a branch that is pushed to again and again only the last
    commit is to be verified."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    known = -1
    while True:
        async with resources.db.transaction() as session:
            deliveries = await _waiting(session, subject)
        if len(deliveries) in (0, known, _BATCH) or time.monotonic() > deadline:
            return deliveries
        known = len(deliveries)
        await asyncio.sleep(_QUIET_SECONDS)


async def _waiting(session: AsyncSession, subject: str) -> list[Delivery]:
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.subject == subject, WebhookDelivery.processed_at.is_(None))
        .order_by(WebhookDelivery.received_at, WebhookDelivery.delivery_id)
        .limit(_BATCH)
    )
    return [
        Delivery(row.delivery_id, row.event, payloads.parsed(row.event, row.facts))
        for row in await session.scalars(query)
    ]


async def _follow(item: Item, deliveries: Sequence[Delivery], resources: Resources) -> None:
    outcomes = {delivery.id: _NOBODY for delivery in deliveries}
    async with resources.db.transaction() as session:
        rows = await _repositories(session, deliveries, resources)
        monitored = {row.id: await _monitored(session, row) for row in rows}
    prepared: dict[object, list[Prepared]] = {}
    for row in rows:
        announced = _announced(deliveries, row, monitored[row.id])
        client = _client(row, resources)
        wishes = RepositorySettings.model_validate(row.settings)
        prepared[row.id] = await commits.prepare(announced, newest(announced), client, wishes)
    async with resources.db.transaction() as session:
        await still_held(session, item)
        for row in rows:
            repository = await announce.locked(session, row.id)
            if repository is None:
                continue
            new = await commits.write(session, repository, prepared[row.id])
            log.info("commits announced", repository=repository.full_name, count=len(prepared[row.id]), new=new)
            for delivery in deliveries:
                outcomes[delivery.id] = await _act(session, repository, delivery.facts, resources)
        for delivery in deliveries:
            if isinstance(delivery.facts, InstallationChange | InstallationRepositories):
                outcomes[delivery.id] = await connecting.follow(session, delivery.facts, resources.settings)
        await session.execute(_TAKEN, {"ids": list(outcomes), "outcomes": list(outcomes.values())})


async def _repositories(
    session: AsyncSession, deliveries: Sequence[Delivery], resources: Resources
) -> Sequence[RepoConnection]:
    """The connected repositories that the deliveries speak of: the one that the App's installation connected, and those
    that users connected by its URL."""
    spoken = {d.facts.repository.id: d.facts.repository for d in deliveries if hasattr(d.facts, "repository")}
    if not spoken:
        return ()
    web = resources.settings.github_web_url.lower()
    urls = [
        f"{web}/{repository.full_name.lower()}{end}"
        for repository in spoken.values()
        for end in ("", ".git", "/", ".git/")
    ]
    installed = (RepoConnection.forge == Forge.GITHUB.value) & RepoConnection.forge_id.in_(list(spoken))
    by_url = (RepoConnection.forge == Forge.GIT.value) & func.lower(RepoConnection.clone_url).in_(urls)
    query = select(RepoConnection).where(RepoConnection.removed_at.is_(None), or_(installed, by_url))
    return (await session.scalars(query.order_by(RepoConnection.id))).all()


async def _monitored(session: AsyncSession, row: RepoConnection) -> frozenset[str]:
    query = select(RepoBranch.name).where(RepoBranch.repo_id == row.id, RepoBranch.monitored.is_(True))
    return frozenset(await session.scalars(query))


def _client(row: RepoConnection, resources: Resources) -> Client | None:
    connected = access.connected(row)
    if connected is None:
        return None
    try:
        return access.repository(resources, connected)
    except NotConfigured:
        return None


def _announced(deliveries: Sequence[Delivery], row: RepoConnection, monitored: frozenset[str]) -> list[Commit]:
    found = (
        commit_of(delivery.event, delivery.facts, RepositorySettings.model_validate(row.settings), monitored)
        for delivery in deliveries
    )
    return [commit for commit in found if commit is not None]


def commit_of(event: str, facts: Facts, wishes: RepositorySettings, monitored: frozenset[str]) -> Commit | None:
    """The commit that a delivery announces to a repository with such wishes; None where it announces none."""
    match facts:
        case Push(branch=str(branch), after=after, before=before) if branch in monitored:
            return Commit(branch, after, event, before=before)
        case PullRequest(action=action, pull_request=asked) if wishes.pull_requests and action != "closed":
            branch = pull_request_branch(asked.number)
            return Commit(
                branch, asked.head.sha, event, before=facts.before, base=asked.base.sha, pull_request=asked.number
            )
        case MergeGroup(action="checks_requested", merge_group=group) if wishes.pull_requests:
            return Commit(facts.branch, group.head_sha, event, base=group.base_sha)
        case _:
            return None


def newest(commits: Sequence[Commit]) -> Mapping[str, str]:
    """By branch, the commit that it is at after all of them: the one from which none went on, and of several the last.

    Deliveries may overtake each other; each push says what was there before.
    """
    found: dict[str, str] = {}
    for branch in {commit.branch for commit in commits}:
        mine = [commit for commit in commits if commit.branch == branch]
        left = {commit.before for commit in mine}
        ends = [commit.sha for commit in mine if commit.sha not in left]
        found[branch] = ends[-1] if ends else mine[-1].sha
    return found


async def _act(session: AsyncSession, repository: RepoConnection, facts: Facts, resources: Resources) -> str:
    """Whatever else follows; returns what came of the delivery."""
    if repository.forge != Forge.GITHUB and isinstance(facts, CheckRun | CheckSuite | Member):
        # Whoever connected it by its URL asked for none of that.
        return _NOBODY
    if isinstance(facts, CheckRun | CheckSuite) and _app_of(facts) != resources.settings.github_app_id:
        return "it is another App's"
    match facts:
        case PullRequest(action="closed", pull_request=asked):
            branch = pull_request_branch(asked.number)
            return f"{await announce.withdraw(session, repository, branch, reason='it was closed')} runs cancelled"
        case MergeGroup(action="destroyed"):
            return f"{await announce.withdraw(session, repository, facts.branch, reason='no group any more')} cancelled"
        case CheckRun(action="rerequested", check_run=asked):
            return await _again(session, repository, asked.head_sha, facts)
        case CheckSuite(check_suite=suite):
            return await _again(session, repository, suite.head_sha, facts)
        case CheckRun(check_run=asked, requested_action=action) if action is not None:
            if action.identifier == RequestedAction.RUN_AGAIN:
                return await _again(session, repository, asked.head_sha, facts)
            if action.identifier == RequestedAction.FIX:
                return await _fix(session, repository, facts, resources)
            return "no button of ours"
        case Member():
            await queue.wake(session, LookAtRepository(str(repository.id)))
            return "members are read anew"
        case _:
            return "taken"


def _app_of(facts: CheckRun | CheckSuite) -> int | None:
    app = facts.check_run.app if isinstance(facts, CheckRun) else facts.check_suite.app
    return None if app is None else app.id


async def _jobs(session: AsyncSession, repository: RepoConnection, sha: str) -> list[MonitorJob]:
    query = select(MonitorJob).where(MonitorJob.repo_id == repository.id, MonitorJob.commit_sha == sha)
    return list(await session.scalars(query.order_by(MonitorJob.created_at)))


def _by(facts: CheckRun | CheckSuite) -> str | None:
    return None if facts.sender is None else f"github:{facts.sender.login}"


async def _again(session: AsyncSession, repository: RepoConnection, sha: str, facts: CheckRun | CheckSuite) -> str:
    jobs = await _jobs(session, repository, sha)
    begun = [await announce.again(session, repository, job, by=_by(facts)) for job in jobs]
    await _audit(session, repository, facts, commit=sha, runs=sum(begun))
    return f"{sum(begun)} runs begun" if begun else "the commit is not known"


_FAILED = text("SELECT id, created_by FROM runs WHERE id = ANY(:ids) AND verdict = ANY(:verdicts) AND patch IS NULL")


async def _fix(session: AsyncSession, repository: RepoConnection, facts: CheckRun, resources: Resources) -> str:
    if await switch.engaged(session, resources.settings) is not None:
        return "remediation is stopped"
    jobs = await _jobs(session, repository, facts.check_run.head_sha)
    ids = [job.run_id for job in jobs if job.run_id is not None]
    begun = 0
    for run in (await session.execute(_FAILED, {"ids": ids, "verdicts": list(_FIXABLE)})).all():
        begun += await begin(session, run.id, by=run.created_by, actor=_by(facts) or "github") is not None
    await _audit(session, repository, facts, commit=facts.check_run.head_sha, remediations=begun)
    return f"{begun} remediations begun"


async def _audit(
    session: AsyncSession, repository: RepoConnection, facts: CheckRun | CheckSuite, **data: object
) -> None:
    """Somebody at GitHub has pressed a button."""
    kind = "check_run" if isinstance(facts, CheckRun) else "check_suite"
    line = audit.Line(_by(facts) or "github", f"github.{kind}.{facts.action}", f"repository:{repository.id}", data=data)
    await audit.write(session, line)
