"""What keeps the analytics up to date: every minute the marked buckets, every night everything."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from worker.analytics import rollup, sweep
from worker.core.backoff import spread
from worker.core.settings import Settings
from worker.core.telemetry import logs
from worker.runtime.periodic import Chore
from worker.runtime.resources import Resources

log = logs.get(__name__)

# At night for most of those who work by day in Europe and America.
_SWEEP_HOUR = 4
_SWEEP_SHARE = 0.2
# A run's rows may still change after its end: a call that was given up as lost may arrive after all.
_MEASURED_DAYS = 8


async def _roll_up(resources: Resources) -> None:
    done = await rollup.catch_up(resources.db)
    if done.marks or done.closed:
        log.info("rolled up", marks=done.marks, closed=done.closed, rows=done.rows)


async def _sweep(resources: Resources) -> None:
    since = datetime.now(UTC) - timedelta(days=_MEASURED_DAYS)
    done = await sweep.sweep(resources.db, share=_SWEEP_SHARE, since=since)
    if done.mended:
        log.warning("rollups mended", rows=done.mended, weeks=done.weeks)
    else:
        log.info("rollups verified", weeks=done.weeks, runs=done.runs)


def until_night(now: datetime) -> float:
    """Seconds until the next night's sweep, or a little longer."""
    night = now.replace(hour=_SWEEP_HOUR, minute=0, second=0, microsecond=0)
    return (night - now).total_seconds() % timedelta(days=1).total_seconds() + spread(300, 1)


def chores(settings: Settings) -> Mapping[str, Mapping[str, Chore]]:
    """By their kinds: a sweep that takes its time does not hold up the roll-up."""
    return {
        "rollup": {"marked": Chore(_roll_up, lambda: spread(settings.rollup_seconds, 0.05))},
        "sweep": {"all": Chore(_sweep, lambda: until_night(datetime.now(UTC)))},
    }
