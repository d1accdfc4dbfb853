"""The constitution that a repository has at a commit, as a version of its own."""

import uuid
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.ids import constitution_id, sha256
from worker.core.models import ConstitutionVersion, RepoConnection
from worker.core.monitoring.announce import Commit
from worker.core.monitoring.repository import RepositorySettings
from worker.core.telemetry import logs
from worker.github.client import Client
from worker.github.errors import Denied, Missing, Rejected

log = logs.get(__name__)

_MOST_CHARACTERS = 200_000


async def read(client: Client, wishes: RepositorySettings, sha: str) -> str | None:
    """The text at the commit; None where it has none, or none that can be one. Raises GitHubFailure.

    https://docs.github.com/en/rest/repos/contents#get-repository-content
    """
    if not wishes.follow_constitution:
        return None
    for path in wishes.constitution_paths:
        try:
            answer = await client.get(f"contents/{quote(path)}", params={"ref": sha}, raw=True)
        except (Missing, Denied, Rejected):
            continue
        text = answer.data
        if isinstance(text, str) and text.strip() and "\x00" not in text and len(text) <= _MOST_CHARACTERS:
            return text
        log.warning("constitution not taken", path=path, commit=sha)
    return None


async def keep(session: AsyncSession, repository: RepoConnection, text: str, *, commit: Commit) -> uuid.UUID:
    """The version that has the text, in the caller's transaction, which holds the repository.

    What the default branch has is the repository's constitution, and a new version of it where it is another than the
    newest. What another branch has is nobody's but its own runs'.
    """
    digest = sha256(text.encode())
    if commit.branch != repository.default_branch:
        return await _of_runs_alone(session, text, digest)
    mine = select(ConstitutionVersion).where(ConstitutionVersion.repo_id == repository.id)
    newest = await session.scalar(mine.order_by(ConstitutionVersion.version.desc()).limit(1))
    if newest is not None and newest.sha256 == digest:
        return newest.id
    row = ConstitutionVersion(
        repo_id=repository.id,
        version=1 if newest is None or newest.version is None else newest.version + 1,
        content=text,
        sha256=digest,
        created_by=f"commit {commit.sha[:12]}",
    )
    session.add(row)
    await session.flush()
    return row.id


async def _of_runs_alone(session: AsyncSession, text: str, digest: str) -> uuid.UUID:
    version = constitution_id(text, None)
    row = {"id": version, "content": text, "sha256": digest}
    await session.execute(insert(ConstitutionVersion).values(row).on_conflict_do_nothing())
    return version
