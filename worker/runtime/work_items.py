"""Perform work items: take one up, do it under a lease, end it; and what mends those that nobody holds."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from worker.core.backoff import full_jitter
from worker.core.db.database import is_unavailable, timed_out
from worker.core.queue.jobs import ITEMS, SUBJECT, enqueue
from worker.core.queue.work_items import FREE, owe
from worker.core.runs.lifecycle import Renewal
from worker.core.telemetry import logs
from worker.runtime import lease
from worker.runtime.resources import Resources

log = logs.get(__name__)

NOTHING = "nothing to do"
_MAX_ERROR = 500


@dataclass(frozen=True)
class Item:
    """The right to do one piece of work."""

    kind: str
    subject: str
    attempt: int
    failures: int


class Later(Exception):
    """The work can be done, and not yet; no attempt is spent. `seconds`: when to try again."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class GaveUp(Exception):
    """The last attempt failed. The job that delivered it is shown as failed, and can be retried by hand."""


async def expect(resources: Resources, kind: str, subject: str) -> None:
    """A job is there, so the work is owed: also when whoever enqueued it knew of no items yet (revision 005)."""
    async with resources.db.single_statement() as connection:
        await owe(connection, kind, subject)


_TAKE_UP = """
    UPDATE work_items SET status = 'running', attempt = attempt + 1, holder = :holder, not_before = NULL,
        failures = failures + (status = 'running')::int,
        lease_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE (kind, subject) IN (
        -- Whoever holds its row at this moment ends it, renews it or wakes it, and sees to what comes of that.
        SELECT kind, subject FROM work_items
        WHERE kind = :kind AND subject = :subject AND {free} FOR UPDATE SKIP LOCKED
    )
    RETURNING kind, subject, attempt, failures
"""
_CLAIM = text(_TAKE_UP.format(free=FREE))


async def claim(connection: AsyncConnection, kind: str, subject: str, *, holder: str, seconds: float) -> Item | None:
    """Take the item for so many seconds, if it is due and nobody holds it."""
    values = {"kind": kind, "subject": subject, "holder": holder, "lease": seconds}
    row = (await connection.execute(_CLAIM, values)).first()
    return None if row is None else Item(row.kind, row.subject, row.attempt, row.failures)


# The fence, as that of runs.
_HELD = "kind = :kind AND subject = :subject AND attempt = :attempt AND status = 'running'"


def held_by(item: Item) -> dict[str, object]:
    return {"kind": item.kind, "subject": item.subject, "attempt": item.attempt}


_RENEW = text(
    f"""
    UPDATE work_items SET lease_until = clock_timestamp() + make_interval(secs => :lease) WHERE {_HELD} RETURNING 1
    """  # noqa: S608  our own words
)
_END = text(
    f"""
    UPDATE work_items w SET status = ended.status, holder = NULL, lease_until = NULL, error = :error,
        failures = CASE WHEN again THEN 0 ELSE :failures END, again = false,
        finished_at = CASE WHEN ended.status IN ('done', 'failed') THEN clock_timestamp() END,
        not_before = CASE WHEN ended.status = 'queued' THEN clock_timestamp()
            + make_interval(secs => CASE WHEN again THEN 0 ELSE :delay END) END
    FROM (
        -- Who was woken while at work is due at once, whatever came of it.
        SELECT kind AS k, subject AS s, CASE WHEN again THEN 'queued' ELSE :status END AS status
        FROM work_items WHERE {_HELD} FOR UPDATE
    ) AS ended
    WHERE w.kind = ended.k AND w.subject = ended.s RETURNING w.status, w.not_before
    """  # noqa: S608  our own words
)
_STILL_HELD = text(f"SELECT 1 FROM work_items WHERE {_HELD} FOR UPDATE")  # noqa: S608  our own words


class Lost(Exception):
    """The attempt no longer holds the item: nothing that it would write stands."""


async def still_held(session: AsyncSession, item: Item) -> None:
    """The fence of a transaction: until it ends nobody else takes the item up. Raises Lost."""
    if await session.scalar(_STILL_HELD, held_by(item)) is None:
        raise Lost(f"another attempt holds {item.kind} of {item.subject}, or it has ended")


async def end(
    session: AsyncSession,
    item: Item,
    *,
    status: str,
    failures: int,
    delay: float = 0.0,
    error: str | None = None,
) -> str | None:
    """End the attempt; returns what the item is then, None when the attempt holds it no more.

    `delay` in seconds until a queued one is due.

    One that was woken meanwhile is queued, whatever `status` says.
    """
    values = {
        **held_by(item),
        "status": status,
        "failures": failures,
        "delay": delay,
        "error": error,
    }
    row = (await session.execute(_END, values)).first()
    if row is None:
        return None
    if row.status == "queued" and item.kind in ITEMS:
        job = ITEMS[item.kind].of(item.subject)
        await enqueue(session, job, priority=job.PRIORITY, at=row.not_before)
    return str(row.status)


async def perform(
    resources: Resources,
    kind: str,
    subject: str,
    do: Callable[[Item], Coroutine[Any, Any, None]],
    *,
    again: Callable[[], float] | None = None,
    max_failures: int = 5,
    backoff: float = 2.0,
    most: float = 300.0,
) -> str:
    """One attempt under a lease; returns how it ended, for the log.

    `again` gives the seconds until a recurring item is due once more, and is asked when it has been done. An item that
    fails is tried again after a full jitter of up to twice `backoff` seconds, and twice as much each time, `most` at
    most; unless it recurs, GaveUp is raised at `max_failures`. `do` raises Later where it is not time yet.
    """
    seconds = resources.settings.lease_seconds
    async with resources.db.single_statement() as connection:
        item = await claim(connection, kind, subject, holder=resources.holder, seconds=seconds)
    if item is None:
        return NOTHING
    if again is None and item.failures >= max_failures:
        # Its worker died of it, or with it, every time.
        async with resources.db.transaction() as session:
            await end(session, item, status="failed", failures=item.failures, error="its worker disappeared each time")
        raise GaveUp(f"{kind} of {subject} was given up: its worker disappeared {item.failures} times.")

    async def renew(connection: AsyncConnection) -> Renewal:
        values = {**held_by(item), "lease": seconds}
        return Renewal(held=(await connection.execute(_RENEW, values)).first() is not None, cancel_requested=False)

    status, failures, delay, said = ("done" if again is None else "queued"), 0, 0.0, None
    try:
        await lease.hold((item.kind, item.subject), do(item), resources, renew=renew)
        delay = 0.0 if again is None else again()
    except lease.Draining:
        status, failures, delay, said = "queued", item.failures, 0.0, "the worker was stopped"
    except Later as later:
        status, failures, delay, said = "queued", item.failures, later.seconds, str(later)[:_MAX_ERROR]
    except (lease.WorkStopped, Lost) as stopped:
        log.warning("work left to another attempt", kind=item.kind, subject=item.subject, reason=str(stopped))
        return "left alone"
    except Exception as error:
        if is_unavailable(error) and not timed_out(error):
            # Nothing can be written now; the lease lapses, and the item is taken up again.
            raise
        failures = item.failures + 1
        said = f"{type(error).__name__}: {error}"[:_MAX_ERROR]
        status = "failed" if again is None and failures >= max_failures else "queued"
        delay = full_jitter(failures, base=backoff, cap=most)
        log.warning("work failed", kind=item.kind, subject=item.subject, failures=failures, error=said)
    async with resources.db.transaction() as session:
        ended = await end(session, item, status=status, failures=failures, delay=delay, error=said)
    if ended == "failed":
        raise GaveUp(f"{kind} of {subject} was given up after {failures} attempts. {said}")
    return "left alone" if ended is None else said or status


_OVERDUE = text(
    f"""
    -- What a job will deliver; read once, and of the items' own queues: that of the runs may hold a million.
    WITH delivered AS MATERIALIZED (
        SELECT task_name AS kind, {SUBJECT.format(args="args")} AS subject
        FROM procrastinate_jobs WHERE queue_name = ANY(:queues) AND status = 'todo'
    -- Whoever held them is gone.
    ), lapsed AS (
        SELECT kind, subject FROM work_items
        WHERE kind = ANY(:kinds) AND status = 'running' AND lease_until < clock_timestamp()
        ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED
    -- Long due, and no job is on its way.
    ), forgotten AS (
        SELECT kind, subject FROM work_items w
        WHERE kind = ANY(:kinds) AND status = 'queued'
            AND coalesce(not_before, created_at) < clock_timestamp() - make_interval(secs => :patience)
            AND NOT EXISTS (SELECT FROM delivered d WHERE d.kind = w.kind AND d.subject = w.subject)
        ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED
    )
    UPDATE work_items w SET status = 'queued', failures = w.failures + (w.status = 'running')::int,
        holder = NULL, lease_until = NULL, not_before = clock_timestamp()
    FROM (SELECT * FROM lapsed UNION ALL SELECT * FROM forgotten) AS overdue
    WHERE w.kind = overdue.kind AND w.subject = overdue.subject
    RETURNING w.kind, w.subject
    """  # noqa: S608  our own words
)


async def reap(session: AsyncSession, *, patience: float, batch: int = 100) -> list[tuple[str, str]]:
    """Give a fresh job to items that are neither done nor held, and that no job waits for; returns (kind, subject)
    of each. `patience` in seconds.
    """
    queues = sorted({job.QUEUE for job in ITEMS.values()})
    values = {"kinds": list(ITEMS), "queues": queues, "patience": patience, "batch": batch}
    rows = (await session.execute(_OVERDUE, values)).all()
    for row in rows:
        job = ITEMS[row.kind].of(row.subject)
        await enqueue(session, job, priority=job.PRIORITY)
    return [(row.kind, row.subject) for row in rows]
