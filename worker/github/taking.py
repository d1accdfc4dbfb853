"""Take what GitHub told, in the order in which it came: of one repository, or of one installation.

What is asked of GitHub is asked before anything is written; then all that follows from the deliveries is written in one
transaction, in which they are marked as taken. So they may be taken up as often as need be.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.db.database import is_unavailable
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
from worker.core.models import RepoBranch, RepoConnection, WebhookDelivery
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit, pull_request_branch
from worker.core.monitoring.repository import RepositorySettings
from worker.core.queue import work_items as queue
from worker.core.queue.jobs import LookAtRepository
from worker.core.telemetry import logs
from worker.core.vocabulary import Forge
from worker.github import access, buttons, commits, connecting
from worker.github.client import Client, NotConfigured
from worker.github.commits import Prepared
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item, Later, Lost, still_held

log = logs.get(__name__)

_BATCH = 500
_PATIENT_FAILURES = 3
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


@dataclass(frozen=True)
class Waiting:
    """A delivery that nobody has taken."""

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
        # Where taking all at once has failed again and again, one of them may be what it fails of.
        pieces = [[delivery] for delivery in deliveries] if item.failures >= _PATIENT_FAILURES else [deliveries]
        for piece in pieces:
            await _take(item, piece, resources)
        taken += len(deliveries)


async def _take(item: Item, deliveries: Sequence[Waiting], resources: Resources) -> None:
    try:
        with access.patiently():
            await _follow(item, deliveries, resources)
    except (Lost, Later):
        raise
    except Exception as error:
        if len(deliveries) > 1 or item.failures < _PATIENT_FAILURES or is_unavailable(error):
            raise
        log.exception("delivery not taken", delivery_id=deliveries[0].id)
        outcome = f"it could not be taken: {type(error).__name__}"
        async with resources.db.transaction() as session:
            await session.execute(_TAKEN, {"ids": [deliveries[0].id], "outcomes": [outcome]})


async def _settled(subject: str, resources: Resources) -> list[Waiting]:
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


async def _waiting(session: AsyncSession, subject: str) -> list[Waiting]:
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.subject == subject, WebhookDelivery.processed_at.is_(None))
        .order_by(WebhookDelivery.received_at, WebhookDelivery.delivery_id)
        .limit(_BATCH)
    )
    return [
        Waiting(row.delivery_id, row.event, payloads.parsed(row.event, row.facts))
        for row in await session.scalars(query)
    ]


async def _follow(item: Item, deliveries: Sequence[Waiting], resources: Resources) -> None:
    outcomes = {delivery.id: _NOBODY for delivery in deliveries}
    closed = _closed(deliveries)
    async with resources.db.transaction() as session:
        rows = await _repositories(session, deliveries)
        monitored = {row.id: await _monitored(session, row) for row in rows}
    prepared: dict[object, list[Prepared]] = {}
    for row in rows:
        announced = _announced(deliveries, row, monitored[row.id])
        client = _client(row, resources)
        wishes = RepositorySettings.model_validate(row.settings)
        prepared[row.id] = await commits.prepare(announced, newest(announced), client, wishes)
    for delivery in deliveries:
        if isinstance(delivery.facts, InstallationChange | InstallationRepositories):
            outcomes[delivery.id] = await connecting.follow(item, delivery.facts, resources)
    async with resources.db.transaction() as session:
        # Repositories before items, as everybody has it who wakes an item while holding a repository.
        locked = [await announce.locked(session, row.id) for row in rows]
        await still_held(session, item)
        for row, repository in zip(rows, locked, strict=True):
            if repository is None:
                continue
            new = await commits.write(session, repository, prepared[row.id])
            log.info("commits announced", repository=repository.full_name, count=len(prepared[row.id]), new=new)
            for delivery in deliveries:
                outcomes[delivery.id] = await _act(session, repository, delivery.facts, closed, resources)
        await session.execute(_TAKEN, {"ids": list(outcomes), "outcomes": list(outcomes.values())})


async def _repositories(session: AsyncSession, deliveries: Sequence[Waiting]) -> Sequence[RepoConnection]:
    """The connected repositories that the deliveries speak of: those that the App's installations connected. Whoever
    connected one by its URL may not be somebody who may know what happens there."""
    spoken = {d.facts.repository.id: d.facts.repository for d in deliveries if hasattr(d.facts, "repository")}
    if not spoken:
        return ()
    query = select(RepoConnection).where(
        RepoConnection.removed_at.is_(None),
        RepoConnection.forge == Forge.GITHUB.value,
        RepoConnection.forge_id.in_(list(spoken)),
    )
    rows = (await session.scalars(query.order_by(RepoConnection.id))).all()
    for row in rows:
        told = spoken[row.forge_id or 0]
        if told.full_name != row.full_name:
            await connecting.make_way(session, told.full_name)
            row.full_name, row.clone_url = told.full_name, told.clone_url or row.clone_url
    # While an installation is suspended nothing is read in its name; afterwards its repositories are looked at.
    return [row for row in rows if access.connected(row) is not None]


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


def _announced(deliveries: Sequence[Waiting], row: RepoConnection, monitored: frozenset[str]) -> list[Commit]:
    wishes, closed = RepositorySettings.model_validate(row.settings), _closed(deliveries)
    found = [commit_of(delivery.event, delivery.facts, wishes, monitored) for delivery in deliveries]
    return [
        commit
        for commit in found
        if commit is not None and not (commit.pull_request is not None and closed[commit.pull_request])
    ]


def commit_of(event: str, facts: Facts, wishes: RepositorySettings, monitored: frozenset[str]) -> Commit | None:
    """The commit that a delivery announces to a repository with such wishes; None where it announces none."""
    match facts:
        case Push(branch=str(branch), after=after, before=before) if branch in monitored:
            return Commit(branch, after, event, before=before)
        case PullRequest(action=action, pull_request=asked) if wishes.pull_requests and action != "closed":
            return Commit(
                pull_request_branch(asked.number),
                asked.head.sha,
                event,
                before=facts.before,
                base=asked.base.sha,
                pull_request=asked.number,
                target=asked.base.ref,
            )
        case MergeGroup(action="checks_requested", merge_group=group) if wishes.pull_requests:
            return Commit(facts.branch, group.head_sha, event, base=group.base_sha, target=facts.target)
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


def _closed(deliveries: Sequence[Waiting]) -> Mapping[int, bool]:
    """Whether a pull request is closed after all of them, by its number."""
    return {
        delivery.facts.pull_request.number: delivery.facts.action == "closed"
        for delivery in deliveries
        if isinstance(delivery.facts, PullRequest)
    }


async def _act(
    session: AsyncSession,
    repository: RepoConnection,
    facts: Facts,
    closed: Mapping[int, bool],
    resources: Resources,
) -> str:
    """Whatever else follows; returns what came of the delivery."""
    match facts:
        case PullRequest(action="closed", pull_request=asked) if closed.get(asked.number, False):
            branch = pull_request_branch(asked.number)
            reason = "the pull request was closed"
            return f"{await announce.withdraw(session, repository, branch, reason=reason)} runs cancelled"
        case MergeGroup(action="destroyed"):
            reason = "the merge queue has no such group any more"
            return f"{await announce.withdraw(session, repository, facts.branch, reason=reason)} runs cancelled"
        case CheckRun() | CheckSuite():
            return await buttons.press(session, repository, facts, resources.settings)
        case Member():
            await queue.wake(session, LookAtRepository(str(repository.id)))
            return "members are read anew"
        case _:
            return "taken"
