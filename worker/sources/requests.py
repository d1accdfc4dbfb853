"""What a run's row says that is to be taken: its source, what was uploaded for it, and a patch."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.models import Run, Upload
from worker.core.untrusted import source
from worker.sources.make import Request


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
    )
