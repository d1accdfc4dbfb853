"""The constitution that a repository has at a commit, as a version of its own."""

import uuid
from urllib.parse import quote

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.ids import sha256
from worker.core.models import ConstitutionVersion, RepoConnection
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


async def keep(session: AsyncSession, repository: RepoConnection, text: str, *, sha: str) -> uuid.UUID:
    """The version that has the text, made where none has, in the caller's transaction, which holds the repository."""
    digest = sha256(text.encode())
    mine = select(ConstitutionVersion).where(ConstitutionVersion.repo_id == repository.id)
    known = await session.scalar(
        mine.where(ConstitutionVersion.sha256 == digest).order_by(ConstitutionVersion.version.desc()).limit(1)
    )
    if known is not None:
        return known.id
    newest = await session.scalar(
        select(func.max(ConstitutionVersion.version)).where(ConstitutionVersion.repo_id == repository.id)
    )
    row = ConstitutionVersion(
        repo_id=repository.id,
        version=(newest or 0) + 1,
        content=text,
        sha256=digest,
        created_by=f"commit {sha[:12]}",
    )
    session.add(row)
    await session.flush()
    return row.id
