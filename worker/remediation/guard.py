"""Whether a remediation may take its next step: it is still ours, nobody stopped it, and no limit is reached.

Asked in the transaction of every step that changes something, so that nothing can come between the answer and the step.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.remediation import switch
from worker.core.settings import Settings
from worker.remediation.records import WHOSE
from worker.runtime import work_items
from worker.runtime.work_items import Item


class Ended(Exception):
    """Somebody ended the remediation. `aborted`: by the kill switch."""

    def __init__(self, why: str, by: str, *, aborted: bool) -> None:
        super().__init__(why)
        self.why, self.by, self.aborted = why, by, aborted


_STOP = text("SELECT stop_requested_at, stop_requested_by FROM remediation_runs WHERE id = :id FOR UPDATE")


async def lock(session: AsyncSession, remediation_id: uuid.UUID) -> Row[Any] | None:
    """The remediation's row, before its work item's: everybody who takes both takes them in this order."""
    return (await session.execute(_STOP, {"id": remediation_id})).first()


async def permit(session: AsyncSession, item: Item, remediation_id: uuid.UUID, settings: Settings) -> None:
    """Raises Lost when another attempt holds the work, Ended when it is to end."""
    row = await lock(session, remediation_id)
    await work_items.still_held(session, item)
    engaged = await switch.engaged(session, settings)
    if engaged is not None:
        raise Ended(engaged.reason, engaged.by, aborted=True)
    if row is None:
        raise Ended("The run was removed.", "the database", aborted=False)
    if row.stop_requested_at is not None:
        raise Ended("It was stopped.", row.stop_requested_by or "the service", aborted=False)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('remediation of ' || :whose, 80))")
# Of one repository, or without one of one tenant: whoever's remediations they are.
_COUNTS = text(
    f"""
    SELECT
        count(*) FILTER (WHERE f.applied_at > clock_timestamp() - interval '1 hour' AND f.decided_by IS NULL) AS hour,
        count(*) FILTER (WHERE f.decided_by IS NULL) AS day,
        count(*) FILTER (WHERE f.status = 'reverted') AS reverted
    FROM remediation_fixes f
    JOIN remediation_runs m ON m.id = f.remediation_run_id
    JOIN runs r ON r.id = m.run_id
    WHERE f.applied_at > clock_timestamp() - interval '1 day'
        AND {WHOSE} = :whose
    """  # noqa: S608  our own words
)


@dataclass
class Allowance:
    """How many fixes may yet be applied without a person; `why` none may, where that is so."""

    left: int
    why: str | None


async def allowance(session: AsyncSession, whose: str, settings: Settings) -> Allowance:
    """Counted under a lock that lasts until the transaction ends: two workers cannot overshoot together."""
    await session.execute(_LOCK, {"whose": whose})
    row = (await session.execute(_COUNTS, {"whose": whose})).one()
    if settings.remediation_lockout and row.reverted >= settings.remediation_lockout:
        return Allowance(0, f"{row.reverted} fixes were reverted within a day (CVA_REMEDIATION_LOCKOUT).")
    hour = settings.remediation_fixes_per_hour - row.hour
    day = settings.remediation_fixes_per_day - row.day
    if hour <= day:
        return Allowance(max(0, hour), "The hour's fixes are used up (CVA_REMEDIATION_FIXES_PER_HOUR).")
    return Allowance(max(0, day), "The day's fixes are used up (CVA_REMEDIATION_FIXES_PER_DAY).")
