"""The ends of a remediation: what is kept is put together, what is not proven is taken back.

Whoever ends it sets its status; the result is made by an attempt that changes nothing else, so that it is always of
what is kept in the end, whoever took something back meanwhile.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.db.database import is_unavailable
from worker.core.failure import FailureCode
from worker.core.queue import work_items as items
from worker.core.queue.jobs import OpenPullRequest, Remediate
from worker.core.remediation.audit import SYSTEM, Audited
from worker.core.runs import lifecycle
from worker.core.telemetry import logs
from worker.core.telemetry.masking import mask
from worker.core.vocabulary import FixStatus, RemediationStatus
from worker.remediation import guard, records
from worker.remediation.guard import Ended
from worker.remediation.records import Loaded
from worker.remediation.work import Copy, Work
from worker.remediation.worktree import Commit
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item
from worker.sources.tree import Written

log = logs.get(__name__)

_GIVEN_UP = "It was given up after several attempts that ended with an error; the worker's log has the details."


async def keep_result(work: Work, copy: Copy) -> None:
    """Put together what is kept, and end where it has not ended. Where somebody took something back meanwhile it is put
    together anew."""
    kept = [fix for fix in await work.fixes() if fix.status is FixStatus.VERIFIED]
    lost = await copy.at(kept)
    result, commits = await copy.result([fix for fix in kept if fix not in lost])
    async with work.resources.db.transaction() as session:
        await guard.lock(session, work.id)
        await work_items.still_held(session, work.item)
        loaded = await records.load(session, work.id)
        if loaded is None:
            return
        now = {fix.id for fix in loaded.fixes if fix.status is FixStatus.VERIFIED}
        if now != {fix.id for fix in kept} or loaded.status.is_final != work.loaded.status.is_final:
            await items.wake(session, Remediate(work.id))
            return
        for fix in lost:
            await work.revert(session, fix, "It was built on a fix that was taken back.")
        values: dict[str, Any] = {"patch": result.patch, "mailbox": result.mailbox}
        values["cost_usd"] = await records.cost(session, work.id)
        if loaded.connected:
            values["commits"] = [_written(*pair) for pair in zip(commits, result.written, strict=True)]
            await items.wake(session, OpenPullRequest(str(work.id)))
        if loaded.status.is_final:
            await records.set_result(session, work.id, **values)
            return
        await work.note(session, Audited.COMPLETED, kept=len(kept) - len(lost))
        await records.set_status(session, work.id, RemediationStatus.COMPLETED, **values)


def _written(commit: Commit, files: Sequence[Written]) -> dict[str, Any]:
    """A commit as it is kept for whoever brings it to a branch."""
    return {"message": commit.message, "at": commit.at, "files": [asdict(file) for file in files]}


async def stop(work: Work, ended: Ended) -> None:
    """Somebody ended it."""
    status = RemediationStatus.ABORTED if ended.aborted else RemediationStatus.STOPPED
    async with work.resources.db.transaction() as session:
        await guard.lock(session, work.id)
        await work_items.still_held(session, work.item)
        await _close(session, work, status, f"{ended.why} By {ended.by}.", actor=ended.by, reason=ended.why)
    log.warning("remediation ended", status=status.value, reason=ended.why, by=ended.by)


async def fail(work: Work, code: FailureCode, message: str) -> None:
    """It cannot go on."""
    message = mask(message, work.settings.secrets())
    async with work.resources.db.transaction() as session:
        await guard.lock(session, work.id)
        await work_items.still_held(session, work.item)
        if work.loaded.status.is_final:
            # What is kept cannot be put together any more; each fix still has its own patch.
            await records.set_result(session, work.id, patch="", mailbox="", error_message=message)
            return
        await _close(session, work, RemediationStatus.FAILED, message, reason=message, code=code)


async def give_up(remediation_id: uuid.UUID, resources: Resources) -> None:
    """Its attempts are used up. Where the database is away, upkeep finds it later."""
    item = Item(Remediate.NAME, str(remediation_id), 0, 0)
    try:
        async with resources.db.transaction() as session:
            await guard.lock(session, remediation_id)
            loaded = await records.load(session, remediation_id)
            if loaded is None or (loaded.status.is_final and loaded.has_result):
                return
            work = Work(item, loaded, resources)
            if loaded.status.is_final:
                await records.set_result(session, work.id, patch="", mailbox="", error_message=_GIVEN_UP)
            else:
                code = FailureCode.ATTEMPTS_EXHAUSTED
                await _close(session, work, RemediationStatus.FAILED, _GIVEN_UP, reason=_GIVEN_UP, code=code)
    except Exception as error:
        if not is_unavailable(error):
            raise


async def _close(
    session: AsyncSession,
    work: Work,
    status: RemediationStatus,
    message: str,
    *,
    reason: str,
    actor: str = SYSTEM,
    code: FailureCode | None = None,
) -> None:
    """End it with what is proven, if it has not ended; the row is locked."""
    loaded: Loaded | None = await records.load(session, work.id)
    if loaded is None or loaded.status.is_final:
        return
    for fix in loaded.fixes:
        if fix.status in (FixStatus.APPLIED, FixStatus.APPROVED):
            await work.revert(session, fix, "It was not proven when the remediation was ended.", unjudged=True)
        elif fix.waits:
            await records.set_fix(session, fix.id, FixStatus.REJECTED, outcome="Nobody decided it before the end.")
    if loaded.status is RemediationStatus.VERIFYING and loaded.verification_run_id is not None:
        await lifecycle.request_cancel(session, loaded.verification_run_id)
    await work.note(session, Audited(status.value), actor=actor, reason=reason)
    await records.set_status(
        session,
        work.id,
        status,
        error_code=None if code is None else code.value,
        error_message=message,
        cost_usd=await records.cost(session, work.id),
    )
    await items.wake(session, Remediate(work.id))
