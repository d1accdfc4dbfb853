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

from worker.analytics.keys import of_parts, of_runs, replacing
from worker.core import histogram
from worker.core.measures import DURATIONS, MEASURES, NAMES

HOURLY, DAILY, WEEKLY = "analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups"

_SUM_OF_RUNS = ", ".join(f"sum({measure.value}) AS {measure.name}" for measure in MEASURES)
_SUM_OF_PARTS = ", ".join(f"sum(b.{name}) AS {name}" for name in NAMES)
_BINS_OF_RUNS = ", ".join(f"({histogram.code_of(d.code, d.microseconds)})" for d in DURATIONS)


def _fresh(parts: str, sums: str, bins: str, code: str, number: str, *, whole: bool) -> str:
    """`parts`: a relation and how it is joined to `keys k`; `bins`: its rows' histograms, `code` and `number` of each
    entry.
    """
    return f"""
        SELECT sums.*, coalesce(histogram, '{{}}') AS histogram
        FROM (
            SELECT k.repo, k.starts_at, {sums} FROM keys k JOIN {parts} GROUP BY k.repo, k.starts_at
        ) AS sums LEFT JOIN (
            SELECT repo, starts_at, {histogram.ARRAY} AS histogram
            FROM (
                SELECT k.repo, k.starts_at, {code} AS code, {number} AS number
                FROM keys k JOIN {parts} CROSS JOIN {bins} GROUP BY k.repo, k.starts_at, {code}
            ) AS merged
            GROUP BY repo, starts_at
        ) AS bins USING ({"" if whole else "repo, "}starts_at)
    """


def _from_runs() -> TextClause:
    parts = "analytics_run_metrics m ON " + of_runs("coalesce(m.repo_full_name, '')", whole=False)
    fresh = _fresh(parts, _SUM_OF_RUNS, f"unnest(ARRAY[{_BINS_OF_RUNS}]) AS bin", "bin", "count(*)", whole=False)
    return replacing(HOURLY, fresh, figures=(*NAMES, "histogram"), whole=False)


def _from_parts(table: str, parts: str, *, whole: bool) -> TextClause:
    number = f"sum({histogram.NUMBER})::bigint"
    fresh = _fresh(parts, _SUM_OF_PARTS, "unnest(b.histogram) AS entry", histogram.CODE, number, whole=whole)
    return replacing(table, fresh, figures=(*NAMES, "histogram"), whole=whole)


def _larger(table: str, smaller: str, unit: str, *, whole: bool) -> TextClause:
    return _from_parts(table, f"{smaller} b ON {of_parts(unit, whole=whole)}", whole=whole)


# Per unit, of each repository first and then of all of them.
STATEMENTS: Mapping[str, tuple[TextClause, TextClause]] = {
    "hour": (
        _from_runs(),
        _from_parts(HOURLY, f"{HOURLY} b ON b.repo_full_name IS NOT NULL AND b.starts_at = k.starts_at", whole=True),
    ),
    "day": (_larger(DAILY, HOURLY, "day", whole=False), _larger(DAILY, HOURLY, "day", whole=True)),
    "week": (_larger(WEEKLY, DAILY, "week", whole=False), _larger(WEEKLY, DAILY, "week", whole=True)),
}
