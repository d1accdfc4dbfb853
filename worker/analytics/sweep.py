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
from worker.core import run_metrics
from worker.core.db import Database

_RUNS = 500
_WEEK = timedelta(days=7)

_TABLES = ("analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups")
_BOUNDS = text(
    "SELECT min(first), max(last), clock_timestamp() FROM (VALUES {}) AS bounds (first, last)".format(
        ", ".join(
            f"((SELECT min({column}) FROM {table}), (SELECT max({column}) FROM {table}))"
            for column, table in (
                ("finished_at", "analytics_run_metrics"),
                *(("starts_at", table) for table in (*_TABLES, "analytics_rule_performance")),
            )
        )
    )
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
    WHERE starts_at >= :week AND starts_at < :week + interval '7 days'
    """
        for table in _TABLES
    )
    + """
    UNION SELECT coalesce(repo_full_name, ''), starts_at FROM analytics_rule_performance
    WHERE span = ANY('{hour,day,week}') AND starts_at >= :week AND starts_at < :week + interval '7 days'
    """
)
_NEXT_RUNS = text(
    """
    SELECT id FROM runs WHERE id > :after AND created_at >= :since ORDER BY id LIMIT :limit
    """
)
_SWEPT = text("UPDATE analytics_state SET swept_at = clock_timestamp()")


@dataclass(frozen=True)
class Swept:
    """`mended` rows of buckets and rules said something else than the runs."""

    runs: int
    weeks: int
    mended: int


async def sweep(
    db: Database,
    *,
    share: float = 1.0,
    since: datetime | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Swept:
    """Make the metrics of all runs anew, or of those accepted since a moment, and then every bucket.

    It works for `share` of the time and pauses for the rest. `tell` hears of its progress.
    """
    runs = await _measure(db, share, since or datetime.min.replace(tzinfo=UTC), tell)
    await rollup.catch_up(db, wait=True)
    weeks, mended = await _recompute(db, share, tell)
    await rollup.catch_up(db, wait=True)
    async with db.transaction() as session:
        await session.execute(_SWEPT)
    return Swept(runs, weeks, mended)


async def _measure(db: Database, share: float, since: datetime, tell: Callable[[str], None]) -> int:
    """Metrics that change leave marks, as always."""
    after, done = uuid.UUID(int=0), 0
    while True:
        began = time.monotonic()
        async with db.transaction() as session:
            values = {"after": after, "since": since, "limit": _RUNS}
            ids: list[uuid.UUID] = list(await session.scalars(_NEXT_RUNS, values))
            if ids:
                await run_metrics.correct(session, ids)
        if not ids:
            return done
        after, done = ids[-1], done + len(ids)
        tell(f"{done} runs measured")
        await _rest(began, share)


async def _recompute(db: Database, share: float, tell: Callable[[str], None]) -> tuple[int, int]:
    async with db.transaction() as session:
        first, last, now = (await session.execute(_BOUNDS)).one()
    if first is None:
        return 0, 0
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    week, weeks, mended = rollup.week_of(first), 0, 0
    while week <= last:
        began = time.monotonic()
        async with db.transaction() as session:
            found = await session.execute(_HOURS, {"week": week})
            # Of the hour that is not over, more may come while it is computed.
            hours = [(row.repo, row.hour) for row in found if row.hour < this_hour]
            changed = await rollup.anew(session, hours)
        week, weeks, mended = week + _WEEK, weeks + 1, mended + changed
        tell(f"{weeks} weeks computed, {mended} rows mended")
        await _rest(began, share)
    return weeks, mended


async def _rest(began: float, share: float) -> None:
    if share < 1:
        await asyncio.sleep((time.monotonic() - began) * (1 / share - 1))
