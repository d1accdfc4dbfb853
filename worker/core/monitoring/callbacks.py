"""Callbacks: who is told of what. A row for each message to each address, and the work of sending it."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.ids import new_id
from worker.core.models import Callback, RemediationRun, RepoConnection, Run
from worker.core.monitoring.repository import Notice, RepositorySettings
from worker.core.queue import work_items
from worker.core.queue.jobs import SendCallback
from worker.core.vocabulary import CallbackFormat, CallbackStatus

RUN_ENDED = "run.ended"
REMEDIATION_ENDED = "remediation.ended"
TEST = "test"


async def addresses(session: AsyncSession, run: Run) -> Sequence[Notice]:
    """Who is told how a run ends, and a remediation of it: whom its request names, and whom its repository does."""
    found: dict[str, Notice] = {}
    if run.repo_id is not None:
        row = await session.get(RepoConnection, run.repo_id)
        if row is not None and row.removed_at is None:
            found = {notice.url: notice for notice in RepositorySettings.model_validate(row.settings).notify}
    if run.callback_url is not None:
        # Checked when it was accepted, by whatever code that was.
        own = Notice.model_construct(url=run.callback_url, format=CallbackFormat.JSON)
        found.setdefault(run.callback_url, own)
    return list(found.values())


async def add(
    session: AsyncSession,
    event: str,
    notice: Notice,
    body: Mapping[str, Any],
    *,
    run: Run | None = None,
    remediation_id: uuid.UUID | None = None,
    created_by: str | None = None,
    refused: str | None = None,
) -> uuid.UUID | None:
    """Owe the message, in the caller's transaction; None when it is owed already. One that is `refused`, for that
    reason, is written down and not sent."""
    callback_id = new_id()
    row = {
        "id": callback_id,
        "event": event,
        "run_id": None if run is None else run.id,
        "remediation_run_id": remediation_id,
        "repo_id": None if run is None else run.repo_id,
        "created_by": created_by if run is None else run.created_by,
        "url": notice.url,
        "format": notice.format.value,
        "body": dict(body),
    }
    if refused is not None:
        row |= {"status": CallbackStatus.REFUSED.value, "error": refused, "ended_at": func.now()}
    added = insert(Callback).values(row).on_conflict_do_nothing().returning(Callback.id)
    if await session.scalar(added) is None:
        return None
    if refused is None:
        await work_items.add(session, SendCallback(str(callback_id)))
    return callback_id


async def run_ended(session: AsyncSession, run: Run) -> int:
    """Owe everybody the run's end; returns how many had not been told of it."""
    added = [await add(session, RUN_ENDED, notice, of_run(run), run=run) for notice in await addresses(session, run)]
    return sum(callback_id is not None for callback_id in added)


async def remediation_ended(session: AsyncSession, remediation_id: uuid.UUID) -> int:
    """As `run_ended`, of a remediation."""
    row = await session.get_one(RemediationRun, remediation_id, populate_existing=True)
    run = await session.scalar(select(Run).where(Run.id == row.run_id))
    if run is None:
        return 0
    body = {
        "remediation_id": str(row.id),
        "run_id": str(run.id),
        "status": row.status,
        "repository": run.repo_full_name,
        "branch": run.branch,
        "commit": run.commit_sha,
        "error_code": row.error_code,
        "error_message": row.error_message,
        "pull_request_url": row.pull_request_url,
        "finished_at": None if row.finished_at is None else row.finished_at.isoformat(),
    }
    added = [
        await add(session, REMEDIATION_ENDED, notice, body, run=run, remediation_id=remediation_id)
        for notice in await addresses(session, run)
    ]
    return sum(callback_id is not None for callback_id in added)


def of_run(run: Run) -> dict[str, Any]:
    """What is told of a run."""
    return {
        "run_id": str(run.id),
        "status": run.status,
        "verdict": run.verdict,
        "score": run.score,
        "repository": run.repo_full_name,
        "branch": run.branch,
        "commit": run.commit_sha,
        "labels": run.labels,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
    }
