"""How each criterion, static rule and analyzer did, per hour, day and week.

As the buckets are (worker.analytics.buckets), but for the hours of all repositories, which are made from the runs.
"""

from collections.abc import Mapping

from sqlalchemy import TextClause

from worker.analytics.keys import KEPT_RUNS, of_parts, of_runs, replacing

_TABLE = "analytics_rule_performance"
_FIGURES = ("passed", "failed", "undecided", "findings", "broken_by")


def _from_runs(*, whole: bool) -> TextClause:
    fresh = f"""
        SELECT k.repo, k.starts_at, kind, rule, sum(passed) AS passed, sum(failed) AS failed,
            sum(undecided) AS undecided, sum(findings) AS findings,
            coalesce((array_agg(m.run_id ORDER BY m.run_id DESC) FILTER (WHERE failed > 0))[1:{KEPT_RUNS}], '{{}}')
                AS broken_by
        FROM keys k JOIN analytics_run_rules m ON {of_runs("m.repo", whole=whole)}
        GROUP BY k.repo, k.starts_at, kind, rule
    """
    return replacing(_TABLE, fresh, figures=_FIGURES, whole=whole, span="hour", dimensions="kind, rule")


def _from_parts(unit: str, smaller: str, *, whole: bool) -> TextClause:
    parts = f"keys k JOIN {_TABLE} b ON b.span = '{smaller}' AND {of_parts(unit, whole=whole)}"
    fresh = f"""
        SELECT sums.*, coalesce(broken_by, '{{}}') AS broken_by
        FROM (
            SELECT k.repo, k.starts_at, kind, rule, sum(passed) AS passed, sum(failed) AS failed,
                sum(undecided) AS undecided, sum(findings) AS findings
            FROM {parts} GROUP BY k.repo, k.starts_at, kind, rule
        ) AS sums LEFT JOIN (
            SELECT k.repo, k.starts_at, kind, rule,
                (array_agg(run_id ORDER BY run_id DESC))[1:{KEPT_RUNS}] AS broken_by
            FROM {parts} CROSS JOIN unnest(b.broken_by) AS run_id GROUP BY k.repo, k.starts_at, kind, rule
        ) AS broken USING ({"" if whole else "repo, "}starts_at, kind, rule)
    """
    return replacing(_TABLE, fresh, figures=_FIGURES, whole=whole, span=unit, dimensions="kind, rule")


# Per unit, of each repository first and then of all of them.
STATEMENTS: Mapping[str, tuple[TextClause, TextClause]] = {
    "hour": (_from_runs(whole=False), _from_runs(whole=True)),
    "day": (_from_parts("day", "hour", whole=False), _from_parts("day", "hour", whole=True)),
    "week": (_from_parts("week", "day", whole=False), _from_parts("week", "day", whole=True)),
}
