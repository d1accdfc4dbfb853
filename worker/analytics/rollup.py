"""Bring the buckets up to date with the runs: one transaction that deletes just the marks it saw and computes the
marked buckets anew.

One transaction at a time does it, under a lock that ends with it. Those that compute whole weeks anew (sweep.py) share
the lock among themselves, each at a week of its own. Every statement sees what was committed before the lock was there,
or later, so nothing older is written over something newer. What is committed meanwhile has a mark that was not seen,
and is computed by the next one.

Hours and days are made at once, weeks and the days of rules when they have ended: until then what they are made of
stands in for them.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.analytics import buckets, rules
from worker.analytics.keys import Key, parameters
from worker.core.analytics import run_metrics
from worker.core.db.database import Database

# "inv_roll" in ASCII.
_LOCK = int.from_bytes(b"inv_roll")
# In one transaction: marks, hours they are of (each asks for all the runs of all repositories in it), and runs.
_MARKS = 5000
_HOURS = 100
_RUNS = 1000
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Done:
    """`marks` were taken, `closed` days and weeks made, `rows` changed. `more`: there may be more to do."""

    marks: int = 0
    closed: int = 0
    rows: int = 0
    more: bool = False


# Weeks of thousands of runs are sorted and hashed in memory.
_MEMORY = "set_config('work_mem', '64MB', true)"
_ALONE = text(f"SELECT pg_advisory_xact_lock(:key), {_MEMORY}")
_AT_A_WEEK = text(f"SELECT pg_advisory_xact_lock_shared(:key), pg_advisory_xact_lock(:key + 1 + :week), {_MEMORY}")
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
        SELECT id FROM analytics_dirty_marks WHERE run_id IS NULL AND hour IN (
            SELECT hour FROM (
                SELECT hour, min(id) AS first FROM (
                    SELECT id, hour FROM analytics_dirty_marks WHERE run_id IS NULL ORDER BY id LIMIT :marks
                ) AS oldest GROUP BY hour
            ) AS marked ORDER BY first LIMIT :hours)
        ORDER BY id LIMIT :marks)
    RETURNING coalesce(repo_full_name, '') AS repo, hour
    """
)
_STATE = text("SELECT days_until, weeks_until, clock_timestamp() AS now FROM analytics_state")
_CHANGED = text("UPDATE analytics_state SET version = version + 1, changed_at = clock_timestamp()")
_CLOSED = text("UPDATE analytics_state SET days_until = :days_until, weeks_until = :weeks_until")
_FIRST = text("SELECT min(starts_at) FROM analytics_daily_rollups WHERE repo_full_name IS NULL")
_REPOS = text(
    """
    SELECT DISTINCT repo_full_name FROM analytics_daily_rollups
    WHERE repo_full_name IS NOT NULL AND starts_at >= :start AND starts_at < :end
    """
)


def day_of(moment: datetime) -> datetime:
    """Where the UTC day begins."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def week_of(moment: datetime) -> datetime:
    """Where the ISO week begins: on a Monday, in UTC."""
    day = day_of(moment)
    return day - timedelta(days=day.weekday())


async def _state(session: AsyncSession) -> Row[Any]:
    return (await session.execute(_STATE)).one()


async def _recompute_from(session: AsyncSession, hours: Iterable[Key], state: Row[Any]) -> int:
    """Compute these hours anew, and what is made of the days and weeks they lie in; returns how many rows changed."""
    wanted = set(hours)
    days = {(repo, day_of(start)) for repo, start in wanted}
    weeks = {(repo, week_of(start)) for repo, start in days}
    ended = {key for key in days if state.days_until is not None and key[1] < state.days_until}
    closed = {key for key in weeks if state.weeks_until is not None and key[1] < state.weeks_until}
    changed = await _recompute(session, "hour", wanted, buckets)
    changed += await _recompute(session, "hour", wanted, rules)
    changed += await _recompute(session, "day", days, buckets)
    changed += await _recompute(session, "day", ended, rules)
    changed += await _recompute(session, "week", closed, buckets)
    return changed + await _recompute(session, "week", closed, rules)


class _Statements(Protocol):
    """A module that says how the rows of a unit are made, of each repository and of all of them."""

    OF_EACH: Mapping[str, TextClause]
    OF_ALL: Mapping[str, TextClause]


async def _recompute(session: AsyncSession, unit: str, keys: Collection[Key], made_by: _Statements) -> int:
    if not keys:
        return 0
    changed = 0
    each = sorted(keys, key=lambda key: (key[1], key[0] or ""))
    whole: list[Key] = [(None, starts_at) for starts_at in sorted({starts_at for _, starts_at in keys})]
    if unit in made_by.OF_EACH:
        changed += await session.scalar(made_by.OF_EACH[unit], parameters(each)) or 0
    return changed + (await session.scalar(made_by.OF_ALL[unit], parameters(whole)) or 0)


async def alone(session: AsyncSession) -> None:
    """Wait until nobody else computes anything of the analytics, and let nobody until the transaction ends."""
    await session.execute(_ALONE, {"key": _LOCK})


async def roll_up(session: AsyncSession) -> Done:
    """Take some thousands of marks, and make at most one day and week that have ended, in the caller's transaction.

    Another transaction that does it is waited for.
    """
    await alone(session)
    found: list[uuid.UUID] = list(await session.scalars(_RUN_MARKS, {"limit": _RUNS}))
    if found:
        await run_metrics.correct(session, sorted(set(found)))
    taken = (await session.execute(_BUCKET_MARKS, {"marks": _MARKS, "hours": _HOURS})).all()
    keys = {(row.repo, row.hour) for row in taken}
    changed = await _recompute_from(session, keys, await _state(session))
    closed, rows = await _close(session)
    if found or taken or rows:
        # Also where no bucket changed: single runs, which answers show too, may have.
        await session.execute(_CHANGED)
    full = len(found) == _RUNS or len(taken) == _MARKS or len({hour for _, hour in keys}) == _HOURS
    return Done(len(found) + len(taken), closed, changed + rows, more=full or closed > 0)


async def _close(session: AsyncSession) -> tuple[int, int]:
    """Make the first day, and then the first week, that has ended and is not made; returns how many of them, and how
    many rows changed.
    """
    state = await _state(session)
    days_until, weeks_until = state.days_until, state.weeks_until
    if days_until is None or weeks_until is None:
        first = await session.scalar(_FIRST) or state.now
        days_until, weeks_until = min(day_of(state.now), day_of(first)), min(week_of(state.now), week_of(first))
    closed = changed = 0
    if days_until < day_of(state.now):
        changed += await _recompute(session, "day", await _ran(session, days_until, _DAY), rules)
        days_until, closed = days_until + _DAY, closed + 1
    if weeks_until + _WEEK <= days_until:
        keys = await _ran(session, weeks_until, _WEEK)
        changed += await _recompute(session, "week", keys, buckets) + await _recompute(session, "week", keys, rules)
        weeks_until, closed = weeks_until + _WEEK, closed + 1
    if (days_until, weeks_until) != (state.days_until, state.weeks_until):
        await session.execute(_CLOSED, {"days_until": days_until, "weeks_until": weeks_until})
    return closed, changed


async def _ran(session: AsyncSession, start: datetime, length: timedelta) -> list[Key]:
    """Keys of the period that begins at `start`, of the repositories that have runs in it."""
    repos = await session.scalars(_REPOS, {"start": start, "end": start + length})
    return [(repo, start) for repo in repos]


async def anew(session: AsyncSession, week: datetime, hours: Iterable[Key]) -> int:
    """Compute hours of a week anew, and all they are part of, marked or not; returns how many rows said something else.

    In the caller's transaction, in which nothing was asked before.
    """
    await session.execute(_AT_A_WEEK, {"key": _LOCK, "week": week.toordinal()})
    changed = await _recompute_from(session, hours, await _state(session))
    if changed:
        await session.execute(_CHANGED)
    return changed


async def catch_up(db: Database) -> Done:
    """Transaction after transaction until no mark, day or week is left; returns what they did in all.

    What is marked meanwhile is left to the next one who comes.
    """
    marks = closed = rows = 0
    while True:
        async with db.transaction() as session:
            done = await roll_up(session)
        marks, closed, rows = marks + done.marks, closed + done.closed, rows + done.rows
        if not done.more:
            return Done(marks, closed, rows)
