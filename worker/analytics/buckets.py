"""Buckets of an hour, a day and a week: what the runs in them, or the smaller buckets in them, add up to.

runs ──▶ hour of a repository ──▶ hour of all
                │                      │
                ▼                      ▼
         day of a repository      day of all
                │                      │
                ▼                      ▼
         week of a repository     week of all
"""

from collections.abc import Mapping

from sqlalchemy import TextClause

from worker.analytics.keys import of_hour, of_parts, of_runs, replacing
from worker.core.analytics import histogram
from worker.core.analytics.measures import DURATIONS, MEASURES, NAMES

HOURLY, DAILY, WEEKLY = "analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups"

_SUM_OF_RUNS = ", ".join(f"sum({measure.value}) AS {measure.name}" for measure in MEASURES)
_SUM_OF_PARTS = ", ".join(f"sum(b.{name}) AS {name}" for name in NAMES)
_ENTRIES_OF_RUNS = f"ARRAY[{', '.join(histogram.entry_of(d.code, d.microseconds) for d in DURATIONS)}]"


def _replacing(table: str, parts: str, sums: str, entries: str, *, whole: bool) -> TextClause:
    """`parts`: the keys joined to what is in them; `entries`: the histogram there, as an array."""
    fresh = f"""
        SELECT sums.*, coalesce(histogram, '{{}}') AS histogram
        FROM (SELECT k.n, {sums} FROM {parts} GROUP BY k.n) AS sums
        LEFT JOIN (
            SELECT n, {histogram.ARRAY} AS histogram
            FROM (
                SELECT n, {histogram.CODE} AS code, sum({histogram.NUMBER})::bigint AS number
                FROM (SELECT k.n, unnest({entries}) AS entry FROM {parts}) AS found GROUP BY n, {histogram.CODE}
            ) AS merged
            GROUP BY n
        ) AS bins USING (n)
    """
    return replacing(table, fresh, figures=(*NAMES, "histogram"), whole=whole)


def _from_runs() -> TextClause:
    parts = of_runs("analytics_run_metrics", "coalesce(m.repo_full_name, '')", "hour", whole=False)
    return _replacing(HOURLY, parts, _SUM_OF_RUNS, _ENTRIES_OF_RUNS, whole=False)


def _from_parts(table: str, parts: str, *, whole: bool) -> TextClause:
    return _replacing(table, parts, _SUM_OF_PARTS, "b.histogram", whole=whole)


def _larger(table: str, smaller: str, unit: str, *, whole: bool) -> TextClause:
    return _from_parts(table, of_parts(smaller, unit, whole=whole), whole=whole)


OF_EACH: Mapping[str, TextClause] = {
    "hour": _from_runs(),
    "day": _larger(DAILY, HOURLY, "day", whole=False),
    "week": _larger(WEEKLY, DAILY, "week", whole=False),
}
OF_ALL: Mapping[str, TextClause] = {
    "hour": _from_parts(HOURLY, of_hour(HOURLY), whole=True),
    "day": _larger(DAILY, HOURLY, "day", whole=True),
    "week": _larger(WEEKLY, DAILY, "week", whole=True),
}
