"""What a run that has ended means for remediation: one goes on that waited for it, or one begins that was asked for."""

import uuid

from sqlalchemy import exists, select

from worker.core.models import RemediationRun, Run
from worker.core.queue import work_items
from worker.core.queue.jobs import Remediate
from worker.core.remediation import audit, switch
from worker.core.remediation.begin import begin
from worker.core.vocabulary import RemediationStatus, Verdict
from worker.runtime.resources import Resources

_WORTH_IT = (Verdict.FAIL.value, Verdict.VETO.value)


async def follow(run_id: uuid.UUID, resources: Resources) -> str:
    """Asked twice, nothing more happens; returns what was done, for the log."""
    async with resources.db.transaction() as session:
        waiting = await session.scalar(
            select(RemediationRun.id).where(
                RemediationRun.verification_run_id == run_id,
                RemediationRun.status == RemediationStatus.VERIFYING.value,
            )
        )
        if waiting is not None:
            await work_items.wake(session, Remediate(waiting))
            return "goes on"
        wanted = (
            await session.execute(
                select(Run.created_by).where(
                    Run.id == run_id,
                    Run.remediate.is_(True),
                    Run.verdict.in_(_WORTH_IT),
                    ~exists().where(RemediationRun.run_id == run_id),
                )
            )
        ).first()
        if wanted is None or await switch.engaged(session, resources.settings) is not None:
            return "nothing to do"
        by = wanted.created_by
        await begin(session, run_id, by=by, actor=by or audit.SYSTEM)
        return "begun"
