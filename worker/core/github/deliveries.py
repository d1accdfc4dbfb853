"""Take note of a delivery: its row and the work that it causes, in the caller's transaction."""

import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.github.payloads import Facts
from worker.core.queue import work_items
from worker.core.queue.jobs import TakeDeliveries

_STORE = text(
    """
    INSERT INTO webhook_deliveries (delivery_id, event, action, subject, facts, outcome, processed_at)
    VALUES (:delivery_id, :event, :action, :subject, CAST(:facts AS jsonb), :ignored,
        CASE WHEN CAST(:ignored AS text) IS NOT NULL THEN clock_timestamp() END)
    ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id
    """
)
# Whoever takes the item up waits until those who saw it waiting have ended, and finds what they wrote. Shared, because
# a thousand deliveries may come at once.
_WAITING = text(
    """
    SELECT true FROM work_items
    WHERE kind = :kind AND subject = :subject AND status = 'queued' AND not_before IS NULL FOR SHARE
    """
)


@dataclass(frozen=True)
class Delivery:
    """`facts` None: nothing follows from it, because of `ignored`."""

    id: str
    event: str
    facts: Facts | None
    ignored: str | None = None


async def store(session: AsyncSession, delivery: Delivery) -> bool:
    """False when it was taken before; then nothing changes."""
    facts = delivery.facts
    values = {
        "delivery_id": delivery.id,
        "event": delivery.event,
        "action": getattr(facts, "action", None),
        "subject": None if facts is None else facts.subject,
        "facts": "{}" if facts is None else json.dumps(facts.model_dump(mode="json", exclude_none=True)),
        "ignored": delivery.ignored,
    }
    if await session.scalar(_STORE, values) is None:
        return False
    if facts is not None:
        job = TakeDeliveries(facts.subject)
        if not await session.scalar(_WAITING, {"kind": job.NAME, "subject": job.subject}):
            await work_items.wake(session, job)
    return True
