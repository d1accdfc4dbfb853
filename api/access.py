"""Who may see and change what: written here, and used by every query.

A run belongs to its repository's members and, without a repository, to who made it; so do its events, results, feedback
and calls. Uploads and constitutions without a repository belong to who sent them. What belongs to nobody is the
service's. Administrators see everything. To anybody else what is not theirs is not there.
"""

import uuid
from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal
from api.http import errors
from worker.core.models import ConstitutionVersion, RepoConnection, RepoMember, Run, Upload
from worker.core.vocabulary import RepoRole

READ, WRITE, ADMIN = RepoRole

Owned = TypeVar("Owned", Run, ConstitutionVersion)


def memberships(principal: Principal, role: RepoRole = READ) -> Select[uuid.UUID]:
    """Ids of the repositories in which a user has at least the role."""
    return select(RepoMember.repo_id).where(RepoMember.user_name == principal.name, RepoMember.role.in_(role.including))


def _owned(thing: type[Owned], principal: Principal, role: RepoRole) -> ColumnElement[bool]:
    if principal.is_admin:
        return true()
    if principal.name is None:
        return false()
    own = and_(thing.repo_id.is_(None), thing.created_by == principal.name)
    return or_(own, thing.repo_id.in_(memberships(principal, role)))


def runs(principal: Principal, role: RepoRole = READ) -> ColumnElement[bool]:
    """Whether a run is one that the principal may see or, with another role, change."""
    return _owned(Run, principal, role)


def constitutions(principal: Principal) -> ColumnElement[bool]:
    return _owned(ConstitutionVersion, principal, READ)


def repositories(principal: Principal, role: RepoRole = READ) -> ColumnElement[bool]:
    connected = RepoConnection.removed_at.is_(None)
    return connected if principal.is_admin else and_(connected, RepoConnection.id.in_(memberships(principal, role)))


def uploads(principal: Principal) -> ColumnElement[bool]:
    if principal.is_admin:
        return true()
    return false() if principal.name is None else Upload.created_by == principal.name


def newest_runs(principal: Principal, where: Sequence[ColumnElement[bool]], limit: int) -> Select[Run]:
    """Runs that the principal may see, among them the newest `limit` ones of `where`.

    One's own and those of each repository are looked up in their index: read by time alone, a user of few runs would
    have everybody's read.
    """
    if principal.is_admin:
        return select(Run).where(*where)
    newest = select(Run.id).where(*where).order_by(Run.created_at.desc(), Run.id.desc()).limit(limit)
    own = newest.where(Run.repo_id.is_(None), Run.created_by == principal.name).subquery()
    theirs = memberships(principal).subquery()
    each = newest.where(Run.repo_id == theirs.c.repo_id).correlate(theirs).lateral()
    found = union_all(select(own.c.id), select(each.c.id).select_from(theirs.join(each, true())))
    return select(Run).where(Run.id.in_(found))


# The same of finished runs within a piece of time, for the statements of the analytics: `:reader` is the user.
FINISHED_RUNS = """
    SELECT r.id FROM runs r
    WHERE r.repo_id IS NULL AND r.created_by = :reader AND r.finished_at >= p.start AND r.finished_at < p.ending
    UNION ALL
    SELECT r.id FROM repo_members g JOIN runs r ON r.repo_id = g.repo_id
    WHERE g.user_name = :reader AND r.finished_at >= p.start AND r.finished_at < p.ending
"""


async def find_run(session: AsyncSession, principal: Principal, run_id: uuid.UUID, role: RepoRole = READ) -> Run:
    """Raises NotFound for a run that the principal may not see, Forbidden for one that they may only see."""
    row = (
        await session.execute(select(Run, runs(principal, role)).where(Run.id == run_id, runs(principal)))
    ).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no run {run_id}.")
    if not row[1]:
        raise too_little(role)
    return row[0]


async def find_repository(
    session: AsyncSession, principal: Principal, repository_id: uuid.UUID, role: RepoRole = READ, *, lock: bool = False
) -> RepoConnection:
    """Raises NotFound for a repository whose member the principal is not, Forbidden for too small a role."""
    query = select(RepoConnection, repositories(principal, role)).where(
        RepoConnection.id == repository_id, repositories(principal)
    )
    row = (await session.execute(query.with_for_update(of=RepoConnection) if lock else query)).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no repository {repository_id}.")
    if not row[1]:
        raise too_little(role)
    return row[0]


def too_little(role: RepoRole) -> errors.Forbidden:
    return errors.Forbidden(f"This needs the role {role.value} at the repository; one of its admins can give it.")
