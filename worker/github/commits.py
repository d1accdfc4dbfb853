"""Announce commits of one repository: what has to be asked of GitHub is asked first, then all is written at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit
from worker.core.monitoring.repository import RepositorySettings
from worker.github import constitution
from worker.github.client import Client
from worker.github.errors import Conflicting, Denied, Missing, Rejected, Unavailable


@dataclass(frozen=True)
class Prepared:
    """A commit with what GitHub said of it. `constitution` is its text; `superseded_by` is newer, and of its branch."""

    commit: Commit
    constitution: str | None = None
    superseded_by: str | None = None


async def prepare(
    commits: Sequence[Commit], newest: Mapping[str, str], client: Client | None, wishes: RepositorySettings
) -> list[Prepared]:
    """`newest` has each branch's newest commit: of the others nothing is asked. Raises GitHubFailure."""
    found = []
    for commit in commits:
        if newest[commit.branch] != commit.sha:
            found.append(Prepared(commit, superseded_by=newest[commit.branch]))
            continue
        if client is None:
            found.append(Prepared(commit))
            continue
        # What somebody proposes does not choose what it is judged by, nor how old that is.
        lawful = commit.base or commit.sha
        text = await constitution.read(client, wishes, lawful)
        found.append(Prepared(replace(commit, base=await merge_base(client, commit)), text))
    return found


async def merge_base(client: Client, commit: Commit) -> str | None:
    """What a pull request is compared with: where it left the branch that it is to be merged into.

    https://docs.github.com/en/rest/commits/commits#compare-two-commits
    """
    if commit.base is None:
        return None
    try:
        answer = await client.get(f"compare/{commit.base}...{commit.sha}", params={"per_page": 1})
    except (Missing, Rejected, Denied, Conflicting):
        # Histories that have nothing in common, or a commit that was thrown away meanwhile.
        return commit.base
    except Unavailable:
        # Where GitHub is there, it is this comparison that is too much for it.
        await client.get("")
        return commit.base
    return str(answer.data["merge_base_commit"]["sha"])


async def write(session: AsyncSession, repository: RepoConnection, prepared: Sequence[Prepared]) -> int:
    """Announce them in their order, in the caller's transaction, which holds the repository; returns how many had not
    been known."""
    new = await announce.superseded(
        session, repository, [(one.commit, one.superseded_by) for one in prepared if one.superseded_by is not None]
    )
    for one in prepared:
        if one.superseded_by is not None:
            continue
        version = None
        if one.constitution is not None:
            version = await constitution.keep(session, repository, one.constitution, commit=one.commit)
        done = await announce.announce(session, repository, one.commit, constitution=version)
        new += not done.known
    for branch in {one.commit.branch for one in prepared if one.commit.pull_request is None}:
        await announce.catch_up(session, repository, branch)
    return new
