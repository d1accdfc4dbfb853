"""Compute everything anew and mend what differs: every night at leisure, by hand at once.

Week by week, each in a transaction of its own under the lock of the roll-up, so that whoever reads meanwhile sees the
figures of before or of after, and a sweep that is killed has done part of its work and harmed nothing.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from worker.analytics import rollup
from worker.core.analytics import run_metrics
from worker.core.db.database import Database

_RUNS = 500
_WEEK = timedelta(days=7)

_TABLES = ("analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups")
_IN_TABLES = [(table, which) for table in _TABLES for which in ("IS NOT NULL", "IS NULL")]
_BOUNDS = text(
    "SELECT min(first), max(last), clock_timestamp() FROM (VALUES"
    " ((SELECT min(finished_at) FROM analytics_run_metrics), (SELECT max(finished_at) FROM analytics_run_metrics))"
    + "".join(
        f", ((SELECT min(starts_at) FROM {table} WHERE repo_full_name {which}),"
        f" (SELECT max(starts_at) FROM {table} WHERE repo_full_name {which}))"
        for table, which in _IN_TABLES
    )
    + ") AS bounds (first, last)"
)
# Wherever there are runs, and wherever there is a row that says so.
_HOURS = text(
    """
    SELECT coalesce(repo_full_name, '') AS repo, date_trunc('hour', finished_at, 'UTC') AS hour
    FROM analytics_run_metrics WHERE finished_at >= :week AND finished_at < :week + interval '7 days'
    """
    + "".join(
        f"""
    UNION SELECT coalesce(repo_full_name, ''), starts_at FROM {table}
    WHERE repo_full_name {which} AND starts_at >= :week AND starts_at < :week + interval '7 days'
    """
        for table, which in _IN_TABLES
    )
)
# What is told of rules where no run is.
_STRAY_RULES = text(
    """
    INSERT INTO analytics_dirty_marks (repo_full_name, hour)
    SELECT DISTINCT coalesce(r.repo_full_name, ''), r.starts_at FROM analytics_rule_performance r
    LEFT JOIN analytics_hourly_buckets h
        ON r.span = 'hour' AND h.repo_full_name IS NULL AND h.starts_at = r.starts_at
    LEFT JOIN analytics_daily_rollups d
        ON r.span = 'day' AND d.starts_at = r.starts_at
            AND coalesce(d.repo_full_name, '/') = coalesce(r.repo_full_name, '/')
    LEFT JOIN analytics_weekly_rollups w
        ON r.span = 'week' AND w.starts_at = r.starts_at
            AND coalesce(w.repo_full_name, '/') = coalesce(r.repo_full_name, '/')
    WHERE num_nonnulls(h.starts_at, d.starts_at, w.starts_at) = 0
    RETURNING 1
    """
)
_NEXT_RUNS = text(
    """
    SELECT created_at, id FROM runs WHERE (created_at, id) > (:since, CAST(:after AS uuid))
    ORDER BY created_at, id LIMIT :limit
    """
)
_SWEPT = text("UPDATE analytics_state SET swept_at = clock_timestamp()")


@dataclass(frozen=True)
class Swept:
    """`mended` rows of metrics, buckets and rules said something else than the runs."""

    runs: int
    weeks: int
    mended: int


async def sweep(
    db: Database,
    *,
    share: float = 1.0,
    since: datetime | None = None,
    at_once: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Swept:
    """Make the metrics of all runs anew, or of those accepted since a moment, and then every bucket.

    It works for `share` of the time and pauses for the rest; so many weeks are computed `at_once`. `tell` hears of its
    progress.
    """
    # What is marked is not wrong but awaited, and days and weeks that have ended are made first.
    await rollup.catch_up(db)
    runs, corrected = await _measure(db, share, since or datetime(1970, 1, 1, tzinfo=UTC), tell)
    await rollup.catch_up(db)
    weeks, mended = await _recompute(db, share, at_once, tell)
    async with db.transaction() as session:
        strays: list[int] = list(await session.scalars(_STRAY_RULES))
    await rollup.catch_up(db)
    async with db.transaction() as session:
        await session.execute(_SWEPT)
    return Swept(runs, weeks, corrected + mended + len(strays))


async def _measure(db: Database, share: float, since: datetime, tell: Callable[[str], None]) -> tuple[int, int]:
    """Metrics that change leave marks, as always."""
    after, done, corrected = (since, uuid.UUID(int=0)), 0, 0
    while True:
        began = time.monotonic()
        async with db.transaction() as session:
            # What was read before a correction must not be written after it.
            await rollup.alone(session)
            values = {"since": after[0], "after": after[1], "limit": _RUNS}
            rows = (await session.execute(_NEXT_RUNS, values)).all()
            if rows:
                corrected += await run_metrics.correct(session, sorted(row.id for row in rows))
        if not rows:
            return done, corrected
        after, done = (rows[-1].created_at, rows[-1].id), done + len(rows)
        tell(f"{done} runs measured")
        await _rest(began, share)


async def _recompute(db: Database, share: float, at_once: int, tell: Callable[[str], None]) -> tuple[int, int]:
    async with db.transaction() as session:
        first, last, now = (await session.execute(_BOUNDS)).one()
    if first is None:
        return 0, 0
    # Of the hour that is not over, more may come while it is computed.
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    weeks = [rollup.week_of(first)]
    while weeks[-1] + _WEEK <= last:
        weeks.append(weeks[-1] + _WEEK)
    left = iter(weeks)
    done: list[int] = []

    async def work() -> None:
        for week in left:
            began = time.monotonic()
            async with db.transaction() as session:
                found = await session.execute(_HOURS, {"week": week})
                hours = [(row.repo, row.hour) for row in found if row.hour < this_hour]
            async with db.transaction() as session:
                done.append(await rollup.anew(session, week, hours))
            tell(f"{len(done)} of {len(weeks)} weeks computed, {sum(done)} rows mended")
            await _rest(began, share)

    working = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*working)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    return len(weeks), sum(done)


async def _rest(began: float, share: float) -> None:
    if share < 1:
        await asyncio.sleep((time.monotonic() - began) * (1 / share - 1))
