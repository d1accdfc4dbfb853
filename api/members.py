"""Who is a member of a repository, and what they may do there."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.models import RepoMember
from worker.core.vocabulary import RepoRole, Scope

operations = Operations("repositories")

_USER = r"^[\x21-\x7e]{1,128}$"


class MemberRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(pattern=_USER)
    role: RepoRole = Field(
        description="`read`: see it and its runs; `write`: also start, cancel, mark; `admin`: also change and remove it"
    )


class MemberQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(pattern=_USER)


class MemberView(BaseModel):
    user: str
    role: RepoRole
    created_by: str | None
    created_at: datetime


class MemberList(BaseModel):
    """Members by name."""

    items: list[MemberView]
    next_cursor: None = None


def _view(row: RepoMember) -> MemberView:
    return MemberView(user=row.user_name, role=RepoRole(row.role), created_by=row.created_by, created_at=row.created_at)


@operations.add(
    "GET",
    "/api/repositories/{repository_id}/members",
    scope=Scope.RUNS_READ,
    answers={200: Answer(MemberList)},
    problems=(errors.NotFound,),
)
async def list_members(call: Call, repository_id: uuid.UUID) -> Response:
    """Who may do what with a repository"""
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id)
        rows = await session.scalars(
            select(RepoMember).where(RepoMember.repo_id == repository_id).order_by(RepoMember.user_name)
        )
        return json_response(MemberList(items=[_view(row) for row in rows]))


@operations.add(
    "PUT",
    "/api/repositories/{repository_id}/members",
    scope=Scope.RUNS_WRITE,
    answers={200: Answer(MemberView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def put_member(call: Call, repository_id: uuid.UUID, body: MemberRequest) -> Response:
    """Make a user a member, or give a member another role"""
    async with call.state.db.transaction() as session:
        # The repository's row is the lock under which its admins are counted.
        await access.find_repository(session, call.principal, repository_id, access.ADMIN, lock=True)
        if body.role is not access.ADMIN:
            await _leave_an_admin(session, repository_id, body.user)
        values = {
            "repo_id": repository_id,
            "user_name": body.user,
            "role": body.role.value,
            "created_by": call.principal.name,
        }
        change = (
            insert(RepoMember)
            .values(values)
            .on_conflict_do_update(index_elements=["repo_id", "user_name"], set_={"role": body.role.value})
            .returning(RepoMember)
        )
        await call.audit(session, f"repository:{repository_id}", user=body.user, role=body.role.value)
        return json_response(_view((await session.execute(change)).scalar_one()))


@operations.add(
    "DELETE",
    "/api/repositories/{repository_id}/members",
    scope=Scope.RUNS_WRITE,
    answers={204: Answer(description="They are no member any more")},
    problems=(errors.NotFound, errors.Conflict),
)
async def remove_member(call: Call, repository_id: uuid.UUID, query: MemberQuery) -> Response:
    """Take a membership away; one's own takes no role"""
    role = access.READ if query.user == call.principal.name else access.ADMIN
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id, role, lock=True)
        await _leave_an_admin(session, repository_id, query.user)
        gone = await session.scalar(
            delete(RepoMember)
            .where(RepoMember.repo_id == repository_id, RepoMember.user_name == query.user)
            .returning(RepoMember.user_name)
        )
        if gone is None:
            raise errors.NotFound("The repository has no such member.")
        await call.audit(session, f"repository:{repository_id}", user=query.user)
    return Response(status_code=204)


async def _leave_an_admin(session: AsyncSession, repository_id: uuid.UUID, user: str) -> None:
    """Raises Conflict when `user` is the only admin: nobody could manage the repository but administrators."""
    admins = (RepoMember.repo_id == repository_id, RepoMember.role == RepoRole.ADMIN.value)
    others = select(func.count()).where(*admins, RepoMember.user_name != user)
    if await session.scalar(others) == 0:
        is_admin = select(func.count()).where(*admins, RepoMember.user_name == user)
        if await session.scalar(is_admin):
            raise errors.Conflict("They are the only admin of the repository; make another member its admin first.")
