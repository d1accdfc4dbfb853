"""Work that is no run, in the same manner: the row is the truth, the queue only delivers.

    queued ── claim ──▶ running ── end ──▶ done, failed, or queued again (a recurring item, or another try)
       ▲                   │                 │
       └── lease lapsed ───┘      wake ◀─────┘

A callback is such an item, and so is each recurring chore. `subject` says what it is about; with its kind it is the
item's name, and adding it twice is adding it once.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from worker.core.queue.jobs import ItemJob, enqueue

_ADD = text("INSERT INTO work_items (kind, subject) VALUES (:kind, :subject) ON CONFLICT DO NOTHING")


async def owe(connection: AsyncSession | AsyncConnection, kind: str, subject: str) -> None:
    """Add the item alone, without a job that delivers it."""
    await connection.execute(_ADD, {"kind": kind, "subject": subject})


async def add(session: AsyncSession, job: ItemJob) -> None:
    """Owe the work, with a job that delivers it, in the caller's transaction."""
    await owe(session, job.NAME, job.subject)
    await enqueue(session, job, priority=job.PRIORITY)


_WAKE = text(
    """
    INSERT INTO work_items AS w (kind, subject) VALUES (:kind, :subject)
    ON CONFLICT (kind, subject) DO UPDATE SET
        again = w.status = 'running',
        status = CASE w.status WHEN 'running' THEN 'running' ELSE 'queued' END,
        failures = CASE w.status WHEN 'running' THEN w.failures ELSE 0 END,
        not_before = NULL, finished_at = NULL, error = NULL
    RETURNING again
    """
)


async def wake(session: AsyncSession, job: ItemJob) -> None:
    """Owe the work now, whether it was done before, waits, or is at work: then it is done once more afterwards."""
    at_work = await session.scalar(_WAKE, {"kind": job.NAME, "subject": job.subject})
    if not at_work:
        await enqueue(session, job, priority=job.PRIORITY)


async def add_recurring(session: AsyncSession, kind: str, subjects: Sequence[str]) -> None:
    """Items that no job delivers: whoever looks for due ones finds them."""
    added = (
        "INSERT INTO work_items (kind, subject) SELECT :kind, unnest(CAST(:subjects AS text[])) ON CONFLICT DO NOTHING"
    )
    await session.execute(text(added), {"kind": kind, "subjects": list(subjects)})


# Nobody holds the item, and it is due.
FREE = """
    (status = 'queued' AND coalesce(not_before <= clock_timestamp(), true)
     OR status = 'running' AND lease_until < clock_timestamp())
"""
_FIRST_DUE = """
    SELECT subject FROM work_items WHERE kind = :kind AND subject = ANY(:subjects) AND {free}
    ORDER BY not_before NULLS FIRST LIMIT 1
"""
_DUE = text(_FIRST_DUE.format(free=FREE))


async def due(session: AsyncSession, kind: str, subjects: Sequence[str]) -> str | None:
    """Which of the subjects is an item that nobody holds and that is due, the longest overdue first."""
    found: str | None = await session.scalar(_DUE, {"kind": kind, "subjects": list(subjects)})
    return found
