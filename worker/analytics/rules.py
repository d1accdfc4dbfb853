"""How each criterion, static rule and analyzer did.

    runs ──▶ day of a repository ──▶ week of a repository
      │
      └────▶ hour of all ──▶ day of all ──▶ week of all

There are no hours of single repositories: the runs of an hour in which a repository ran are as few as the rows would
be. For the same reason a day is made when it has ended.
"""

from collections.abc import Mapping

from sqlalchemy import TextClause

from worker.analytics.keys import of_parts, of_runs, replacing
from worker.core.analytics.measures import KEPT_RUNS

_TABLE = "analytics_rule_performance"
_FIGURES = ("passed", "failed", "undecided", "findings", "broken_by")


def _from_runs(unit: str, *, whole: bool) -> TextClause:
    # Only the runs that broke a rule are put in order: all of them would be most of the work.
    fresh = f"""
        SELECT n, kind, rule, passed, failed, undecided, findings,
            ARRAY (
                SELECT run_id FROM unnest(broken_at, broken) AS run (finished_at, run_id)
                ORDER BY finished_at DESC, run_id DESC LIMIT {KEPT_RUNS}
            ) AS broken_by
        FROM (
            SELECT k.n, kind, rule, sum(passed) AS passed, sum(failed) AS failed, sum(undecided) AS undecided,
                sum(findings) AS findings, array_agg(m.finished_at) FILTER (WHERE failed > 0) AS broken_at,
                array_agg(m.run_id) FILTER (WHERE failed > 0) AS broken
            FROM {of_runs("analytics_run_rules", "m.repo", unit, whole=whole)}
            GROUP BY k.n, kind, rule
        ) AS sums
    """
    return replacing(_TABLE, fresh, figures=_FIGURES, whole=whole, span=unit, dimensions="kind, rule")


def _from_parts(unit: str, smaller: str, *, whole: bool) -> TextClause:
    parts = of_parts(_TABLE, unit, whole=whole, where=f"b.span = '{smaller}'")
    fresh = f"""
        SELECT sums.*, coalesce(broken_by, '{{}}') AS broken_by
        FROM (
            SELECT k.n, kind, rule, sum(passed) AS passed, sum(failed) AS failed, sum(undecided) AS undecided,
                sum(findings) AS findings
            FROM {parts} GROUP BY k.n, kind, rule
        ) AS sums LEFT JOIN (
            SELECT k.n, kind, rule, (array_agg(run_id ORDER BY b.starts_at DESC, place))[1:{KEPT_RUNS}] AS broken_by
            FROM {parts} CROSS JOIN unnest(b.broken_by) WITH ORDINALITY AS last (run_id, place)
            GROUP BY k.n, kind, rule
        ) AS broken USING (n, kind, rule)
    """
    return replacing(_TABLE, fresh, figures=_FIGURES, whole=whole, span=unit, dimensions="kind, rule")


OF_EACH: Mapping[str, TextClause] = {
    "day": _from_runs("day", whole=False),
    "week": _from_parts("week", "day", whole=False),
}
OF_ALL: Mapping[str, TextClause] = {
    "hour": _from_runs("hour", whole=True),
    "day": _from_parts("day", "hour", whole=True),
    "week": _from_parts("week", "day", whole=True),
}
