"""Begin a remediation: its row, its line in the audit log, and its work, in the caller's transaction."""

import uuid

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.ids import new_id
from worker.core.models import RemediationRun
from worker.core.queue import work_items
from worker.core.queue.jobs import Remediate
from worker.core.remediation import audit
from worker.core.remediation.audit import Audited
from worker.core.vocabulary import UNFINISHED_REMEDIATIONS

_UNFINISHED = ", ".join(f"'{status.value}'" for status in UNFINISHED_REMEDIATIONS)


async def begin(session: AsyncSession, run_id: uuid.UUID, *, by: str | None, actor: str) -> uuid.UUID | None:
    """Begin to remediate a run that has ended; returns the remediation's id, None when one is under way already."""
    remediation_id = new_id()
    added = (
        insert(RemediationRun)
        .values(id=remediation_id, run_id=run_id, created_by=by)
        .on_conflict_do_nothing(index_elements=["run_id"], index_where=text(f"status IN ({_UNFINISHED})"))
        .returning(RemediationRun.id)
    )
    if await session.scalar(added) is None:
        return None
    await audit.write(session, Audited.BEGUN, actor=actor, remediation_id=remediation_id, run_id=run_id)
    await work_items.wake(session, Remediate(remediation_id))
    return remediation_id
