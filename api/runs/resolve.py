"""What a run request names becomes what is stored: sources and constitutions, looked up before it is accepted."""

import json
import re  # noqa: TID251  linear: from the beginning, runs that a slash divides
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api import access
from api.auth import Principal
from api.http import errors
from worker.core.ids import new_id
from worker.core.models import ConstitutionVersion, Upload
from worker.core.runs.submission import NewUpload
from worker.core.untrusted import source


@dataclass(frozen=True)
class Resolved:
    """`stored` is what the run's row keeps of its source."""

    stored: Mapping[str, object]
    upload_id: uuid.UUID | None = None
    upload: NewUpload | None = None
    repo_id: uuid.UUID | None = None
    repo_full_name: str | None = None
    branch: str | None = None


def full_name(url: str) -> str | None:
    """`owner/name` of a git URL with a host, None for a local one."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http", "ssh", "git") or not parts.hostname:
        return None
    name = parts.path.strip("/").removesuffix(".git")
    # It is shown and searched for, and an index holds it: what is no plain name is left out.
    return name if re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,5}", name) and len(name) <= 512 else None


async def resolve_source(session: AsyncSession, principal: Principal, asked: object) -> Resolved:
    """Look up what the source names; where that is nothing of ours, the session does nothing.

    Raises NotFound for an upload or a repository that is not there for the principal, Forbidden for a repository where
    they may start nothing.
    """
    stored = source.public_view(asked)
    match asked:
        case source.GitSource(url=url):
            return Resolved(stored, repo_full_name=full_name(url))
        case source.UploadSource(upload_id=upload_id):
            own = select(Upload.id).where(Upload.id == upload_id, access.uploads(principal))
            if await session.scalar(own) is None:
                raise errors.NotFound(f"There is no upload {upload_id}.")
            return Resolved(stored, upload_id=upload_id)
        case source.FilesSource(files=files):
            upload = NewUpload(new_id(), json.dumps(files).encode())
            return Resolved(stored, upload_id=upload.id, upload=upload)
        case source.RepositorySource(repository_id=repository_id, branch=branch, commit=commit):
            repository = await access.find_repository(session, principal, repository_id, access.WRITE)
            chosen = branch or repository.default_branch
            return Resolved(
                {**stored, "url": repository.clone_url, "ref": commit or chosen},
                repo_id=repository.id,
                repo_full_name=repository.full_name,
                branch=chosen,
            )
        case _:
            return Resolved(stored)


async def check_constitution(session: AsyncSession, principal: Principal, version_id: uuid.UUID) -> uuid.UUID:
    """`version_id`. Raises NotFound when it is not there for the principal."""
    # An administrator's is looked up by the statement that accepts the run.
    if not principal.is_admin:
        own = select(ConstitutionVersion.id).where(ConstitutionVersion.id == version_id)
        if await session.scalar(own.where(access.constitutions(principal))) is None:
            raise errors.NotFound("There is no such constitution version.")
    return version_id


async def newest_constitution(session: AsyncSession, repo_id: uuid.UUID | None) -> uuid.UUID:
    """The repository's newest version. Raises InvalidRequest when it has none."""
    newest = await session.scalar(
        select(ConstitutionVersion.id)
        .where(ConstitutionVersion.repo_id == repo_id)
        .order_by(ConstitutionVersion.version.desc())
        .limit(1)
    )
    if newest is None:
        raise errors.InvalidRequest(
            "body/constitution: the repository has no constitution yet; send one, or PUT it to the repository"
        )
    return newest
