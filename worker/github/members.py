"""Who may do what with a repository, as GitHub has it. Where users are called as at GitHub (CVA_GITHUB_LOGINS), and
only there: elsewhere anybody could be called so."""

import uuid
from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import RepoMember
from worker.core.vocabulary import RepoRole
from worker.github.client import Client

BY = "github"
"""Who made them members; those whom somebody else made stay as they are."""


def role(permissions: Mapping[str, object]) -> RepoRole | None:
    """https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators"""
    if permissions.get("admin"):
        return RepoRole.ADMIN
    if permissions.get("maintain") or permissions.get("push"):
        return RepoRole.WRITE
    return RepoRole.READ if permissions.get("triage") or permissions.get("pull") else None


async def read(client: Client) -> Mapping[str, RepoRole]:
    """Role by login. Raises GitHubFailure."""
    found = {}
    async for user in client.pages("collaborators", params={"affiliation": "all"}):
        its = role(user.get("permissions") or {})
        if its is not None:
            found[str(user["login"])] = its
    return found


async def keep(session: AsyncSession, repository_id: uuid.UUID, roles: Mapping[str, RepoRole]) -> None:
    """Bring the members to that, in the caller's transaction, which holds the repository."""
    gone = delete(RepoMember).where(RepoMember.repo_id == repository_id, RepoMember.created_by == BY)
    await session.execute(gone.where(RepoMember.user_name.not_in(list(roles))))
    if not roles:
        return
    rows = [
        {"repo_id": repository_id, "user_name": login, "role": its.value, "created_by": BY}
        for login, its in sorted(roles.items())
    ]
    added = insert(RepoMember).values(rows)
    await session.execute(
        added.on_conflict_do_update(
            index_elements=["repo_id", "user_name"],
            set_={"role": added.excluded.role},
            where=RepoMember.created_by == BY,
        )
    )
