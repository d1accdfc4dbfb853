"""Bring the buckets up to date with the runs: one transaction that deletes just the marks it saw and computes the
marked buckets anew.

One transaction at a time does it, under a lock that ends with it. Its statements see what was committed before the
lock was theirs or later, so nothing older is ever written over something newer; what is committed while they work has
a mark that they did not see, and is computed by the next one. Hours and days are made at once, a week when it has
ended: until then the days stand in for it.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.analytics import buckets, rules
from worker.analytics.keys import Key, parameters
from worker.core import run_metrics
from worker.core.db import Database

# "inv_roll" in ASCII.
_LOCK = int.from_bytes(b"inv_roll")
_MARKS = 5000
_RUNS = 1000
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Done:
    """`marks` were taken, `weeks` closed, `rows` of the buckets changed. `idle`: nothing was left to do."""

    marks: int = 0
    weeks: int = 0
    rows: int = 0

    @property
    def idle(self) -> bool:
        return not self.marks and not self.weeks


_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_WAIT = text("SELECT pg_advisory_xact_lock(:key)")
_RUN_MARKS = text(
    """
    DELETE FROM analytics_dirty_marks WHERE id IN (
        SELECT id FROM analytics_dirty_marks WHERE run_id IS NOT NULL ORDER BY id LIMIT :limit)
    RETURNING run_id
    """
)
_BUCKET_MARKS = text(
    """
    DELETE FROM analytics_dirty_marks WHERE id IN (
        SELECT id FROM analytics_dirty_marks WHERE run_id IS NULL ORDER BY id LIMIT :limit)
    RETURNING repo_full_name, hour
    """
)
_STATE = text("SELECT weeks_until, clock_timestamp() AS now FROM analytics_state")
_CHANGED = text("UPDATE analytics_state SET version = version + 1, changed_at = clock_timestamp()")
_CLOSED = text("UPDATE analytics_state SET weeks_until = :until")
_FIRST = text("SELECT min(starts_at) FROM analytics_daily_rollups WHERE repo_full_name IS NULL")
_OF_WEEK = text(
    """
    SELECT DISTINCT repo_full_name FROM analytics_daily_rollups
    WHERE repo_full_name IS NOT NULL AND starts_at >= :week AND starts_at < :week + interval '7 days'
    """
)


def day_of(moment: datetime) -> datetime:
    """Where the UTC day begins."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def week_of(moment: datetime) -> datetime:
    """Where the ISO week begins: on a Monday, in UTC."""
    day = day_of(moment)
    return day - timedelta(days=day.weekday())


async def _recompute_from(session: AsyncSession, hours: Iterable[Key], weeks_until: datetime | None) -> int:
    """Compute these hours anew, and the days and closed weeks they lie in; returns how many rows changed."""
    wanted = sorted(set(hours), key=lambda key: (key[1], key[0] or ""))
    days = sorted({(repo, day_of(start)) for repo, start in wanted}, key=lambda key: (key[1], key[0] or ""))
    weeks = sorted({(repo, week_of(start)) for repo, start in days}, key=lambda key: (key[1], key[0] or ""))
    closed = [key for key in weeks if weeks_until is not None and key[1] < weeks_until]
    changed = 0
    for unit, keys in (("hour", wanted), ("day", days), ("week", closed)):
        changed += await _recompute(session, unit, keys)
    return changed


async def _recompute(session: AsyncSession, unit: str, keys: Sequence[Key]) -> int:
    if not keys:
        return 0
    changed = 0
    whole: list[Key] = [(None, starts_at) for starts_at in sorted({starts_at for _, starts_at in keys})]
    for statements in (buckets.STATEMENTS, rules.STATEMENTS):
        of_each, of_all = statements[unit]
        changed += await session.scalar(of_each, parameters(keys)) or 0
        changed += await session.scalar(of_all, parameters(whole)) or 0
    return changed


async def roll_up(session: AsyncSession, *, wait: bool = False) -> Done:
    """Take some thousands of marks, and close at most one week, in the caller's transaction.

    While another transaction does it nothing is done, unless it is waited for.
    """
    if wait:
        await session.execute(_WAIT, {"key": _LOCK})
    elif not await session.scalar(_TRY, {"key": _LOCK}):
        return Done()
    found: list[uuid.UUID] = list(await session.scalars(_RUN_MARKS, {"limit": _RUNS}))
    if found:
        await run_metrics.correct(session, sorted(set(found)))
    taken = (await session.execute(_BUCKET_MARKS, {"limit": _MARKS})).all()
    state = (await session.execute(_STATE)).one()
    hours = [(row.repo_full_name, row.hour) for row in taken]
    changed = await _recompute_from(session, hours, state.weeks_until)
    weeks, rows = await _close_week(session, state.weeks_until, state.now)
    if changed + rows:
        await session.execute(_CHANGED)
    return Done(len(found) + len(taken), weeks, changed + rows)


async def _close_week(session: AsyncSession, until: datetime | None, now: datetime) -> tuple[int, int]:
    """Make the first week that has ended and is not made; returns (weeks, rows)."""
    current = week_of(now)
    if until is None:
        first = await session.scalar(_FIRST)
        until = current if first is None else min(current, week_of(first))
        await session.execute(_CLOSED, {"until": until})
    if until >= current:
        return 0, 0
    repos = await session.scalars(_OF_WEEK, {"week": until})
    changed = await _recompute(session, "week", [(repo, until) for repo in repos])
    await session.execute(_CLOSED, {"until": until + _WEEK})
    return 1, changed


async def anew(session: AsyncSession, hours: Iterable[Key]) -> int:
    """Compute these hours anew, and all they are part of, marked or not; returns how many rows said something else.

    What was marked is rolled up first, since a marked row is not wrong but awaited.
    """
    while not (await roll_up(session, wait=True)).idle:
        pass
    changed = await _recompute_from(session, hours, (await session.execute(_STATE)).one().weeks_until)
    if changed:
        await session.execute(_CHANGED)
    return changed


async def catch_up(db: Database, *, wait: bool = False) -> Done:
    """Transaction after transaction until no mark and no week is left; returns what they did in all.

    Another one who does it at this moment is left to it, unless he is waited for.
    """
    marks = weeks = rows = 0
    while True:
        async with db.transaction() as session:
            done = await roll_up(session, wait=wait)
        marks, weeks, rows = marks + done.marks, weeks + done.weeks, rows + done.rows
        if done.idle:
            return Done(marks, weeks, rows)
