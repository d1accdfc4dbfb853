"""Take note of a delivery: its row and the work that it causes, in the caller's transaction."""

import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from worker.core.github.payloads import Facts
from worker.core.queue.jobs import TakeDeliveries, enqueue

_STORE = text(
    """
    INSERT INTO webhook_deliveries (delivery_id, event, action, subject, facts, outcome, processed_at)
    VALUES (:delivery_id, :event, :action, :subject, CAST(:facts AS jsonb), :ignored,
        CASE WHEN CAST(:ignored AS text) IS NOT NULL THEN clock_timestamp() END)
    ON CONFLICT (delivery_id) DO NOTHING
    -- One that came just before and waits still: whoever takes it up looks until nothing waits any more.
    RETURNING EXISTS (
        SELECT FROM webhook_deliveries d
        WHERE d.subject = :subject AND d.processed_at IS NULL AND d.received_at > now() - make_interval(secs => :recent)
    ) AS expected
    """
)
# As long as a job waits for a worker that has nothing else to do. What is overlooked, a chore finds.
_RECENT_SECONDS = 5.0


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
        "recent": _RECENT_SECONDS,
    }
    stored = (await session.execute(_STORE, values)).first()
    if stored is None:
        return False
    if facts is not None and not stored.expected:
        # The item's row is left alone: a thousand may come at once, and whoever takes them holds it.
        await enqueue(session, TakeDeliveries(facts.subject), priority=TakeDeliveries.PRIORITY)
    return True


_DUE = text(
    """
    INSERT INTO work_items AS w (kind, subject)
    SELECT :kind, :subject WHERE NOT EXISTS (
        -- At work, or waiting for its time: they will be found then.
        SELECT FROM work_items WHERE kind = :kind AND subject = :subject AND status IN ('queued', 'running')
    ) AND EXISTS (SELECT FROM webhook_deliveries WHERE subject = :subject AND processed_at IS NULL)
    ON CONFLICT (kind, subject) DO UPDATE
    SET status = 'queued', failures = 0, not_before = NULL, finished_at = NULL, error = NULL
    WHERE w.status IN ('done', 'failed')
    """
)
_UNTAKEN = text(
    """
    SELECT DISTINCT subject FROM webhook_deliveries
    WHERE processed_at IS NULL AND subject IS NOT NULL
        AND received_at <= clock_timestamp() - make_interval(secs => :seconds)
    LIMIT :most
    """
)


async def owe(connection: AsyncSession | AsyncConnection, subject: str) -> None:
    """The work of taking what waits of a subject is due, unless it is at work or waits already."""
    await connection.execute(_DUE, {"kind": TakeDeliveries.NAME, "subject": subject})


async def untaken(session: AsyncSession, *, seconds: float, most: int = 500) -> list[str]:
    """Subjects of which deliveries wait that came longer ago than that."""
    return list(await session.scalars(_UNTAKEN, {"seconds": seconds, "most": most}))
