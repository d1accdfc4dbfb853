"""What a run's row says that is to be taken: its source, what was uploaded for it, and a patch."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import RepoConnection, Run, Upload
from worker.core.untrusted import source
from worker.sources.make import Private, Request


async def of_run(session: AsyncSession, run: Run, *, named: Mapping[str, Any] | None = None) -> Request:
    """The request, read in the caller's transaction. The run is loaded with its patch; `named` stands instead of its
    stored source."""
    content = content_format = None
    if run.upload_id is not None:
        upload = select(Upload.content, Upload.format).where(Upload.id == run.upload_id)
        row = (await session.execute(upload)).first()
        if row is not None:
            content, content_format = row.content, row.format
    return Request(
        source.fetched(run.source_kind, run.source if named is None else named),
        run.base if run.mode == "diff" else None,
        content,
        content_format,
        run.upload_id,
        run.patch,
        await _private(session, run),
    )


async def _private(session: AsyncSession, run: Run) -> Private | None:
    """The installation that may read the run's repository, where one connected it."""
    if run.repo_id is None:
        return None
    row = await session.get(RepoConnection, run.repo_id)
    if row is None or row.removed_at is not None or row.suspended_at is not None:
        return None
    if row.installation_id is None or row.forge_id is None:
        return None
    return Private(row.installation_id, row.forge_id)
