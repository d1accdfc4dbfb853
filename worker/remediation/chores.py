"""What sees to remediations that nobody works on any more, whatever became of those who did."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import text

from worker.core.backoff import spread
from worker.core.queue import work_items
from worker.core.queue.jobs import Remediate
from worker.core.telemetry import logs
from worker.remediation import ending
from worker.runtime.periodic import Chore
from worker.runtime.resources import Resources

log = logs.get(__name__)

_EVERY_SECONDS = 60.0

# Those without a result are a few, and in an index of their own. Who waits for an approval, or for a run that has not
# ended, is waiting rightly.
_STRANDED = text(
    """
    SELECT r.id, w.status FROM remediation_runs r
    LEFT JOIN work_items w ON w.kind = :kind AND w.subject = r.id::text
    WHERE r.patch IS NULL AND coalesce(w.status, 'done') IN ('done', 'failed')
        AND r.status <> 'awaiting_approval'
        AND (r.status <> 'verifying' OR NOT EXISTS (
            SELECT FROM runs v WHERE v.id = r.verification_run_id AND v.status IN ('queued', 'running')))
    ORDER BY r.id LIMIT 100
    """
)


async def resume(resources: Resources) -> None:
    """Have remediations go on that were left; those whose attempts are used up end."""
    async with resources.db.transaction() as session:
        stranded = (await session.execute(_STRANDED, {"kind": Remediate.NAME})).all()
    for remediation_id, status in stranded:
        log.warning("remediation stranded", remediation_id=str(remediation_id), work=status)
        if status == "failed":
            await ending.give_up(remediation_id, resources)
            continue
        async with resources.db.transaction() as session:
            await work_items.wake(session, Remediate(remediation_id))


CHORES: Mapping[str, Mapping[str, Chore]] = {
    "remediation": {"stranded": Chore(resume, partial(spread, _EVERY_SECONDS, 0.1))}
}
"""By the kind of their work items."""
