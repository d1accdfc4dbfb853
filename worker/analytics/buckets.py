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
from worker.core import histogram
from worker.core.measures import DURATIONS, MEASURES, NAMES

HOURLY, DAILY, WEEKLY = "analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups"

_SUM_OF_RUNS = ", ".join(f"sum({measure.value}) AS {measure.name}" for measure in MEASURES)
_SUM_OF_PARTS = ", ".join(f"sum(b.{name}) AS {name}" for name in NAMES)
_BINS_OF_RUNS = ", ".join(f"({histogram.code_of(d.code, d.microseconds)})" for d in DURATIONS)


def _fresh(parts: str, sums: str, bins: str, code: str, number: str, *, whole: bool) -> str:
    """`parts`: the keys joined to what is in them; `bins`: the histograms there, `code` and `number` of each entry."""
    return f"""
        SELECT sums.*, coalesce(histogram, '{{}}') AS histogram
        FROM (
            SELECT k.repo, k.starts_at, {sums} FROM {parts} GROUP BY k.repo, k.starts_at
        ) AS sums LEFT JOIN (
            SELECT repo, starts_at, {histogram.ARRAY} AS histogram
            FROM (
                SELECT k.repo, k.starts_at, {code} AS code, {number} AS number
                FROM {parts} CROSS JOIN {bins} GROUP BY k.repo, k.starts_at, {code}
            ) AS merged
            GROUP BY repo, starts_at
        ) AS bins USING ({"" if whole else "repo, "}starts_at)
    """


def _from_runs() -> TextClause:
    parts = of_runs("analytics_run_metrics", "coalesce(m.repo_full_name, '')", "hour", whole=False)
    fresh = _fresh(parts, _SUM_OF_RUNS, f"unnest(ARRAY[{_BINS_OF_RUNS}]) AS bin", "bin", "count(*)", whole=False)
    return replacing(HOURLY, fresh, figures=(*NAMES, "histogram"), whole=False)


def _from_parts(table: str, parts: str, *, whole: bool) -> TextClause:
    number = f"sum({histogram.NUMBER})::bigint"
    fresh = _fresh(parts, _SUM_OF_PARTS, "unnest(b.histogram) AS entry", histogram.CODE, number, whole=whole)
    return replacing(table, fresh, figures=(*NAMES, "histogram"), whole=whole)


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
