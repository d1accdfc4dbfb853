"""The figures of the analytics' endpoints by plain SQL over the runs: what the buckets are to be compared with.

Each is one statement or a few over analytics_run_metrics, the one row per run, which is kinder than asking the runs
themselves with all their results, opinions and calls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.core.analytics import measures
from worker.core.analytics.histogram import RELATIVE_ERROR
from worker.core.vocabulary import JudgeRole

Rows = Sequence[Mapping[str, Any]]
_HERE = "finished_at >= %(start)s AND finished_at < %(end)s"
_BEFORE = "finished_at >= %(before)s AND finished_at < %(start)s"
_VERDICTS = ", ".join(
    f"count(*) FILTER (WHERE verdict = '{verdict.value}') AS {name}" for verdict, name in measures.VERDICTS.items()
)
_PERCENTILES = ", ".join(
    f"percentile_cont(ARRAY[0.5, 0.75, 0.95, 0.99]) WITHIN GROUP (ORDER BY {d.name}_seconds) AS {d.name}"
    for d in measures.DURATIONS
)
_SUMS = ", ".join(
    f"sum({name}) AS {name}"
    for name in (
        *(f"{duration.name}_seconds" for duration in measures.DURATIONS),
        *measures.CALLS,
        *measures.TOKENS,
        "cost_usd",
        *measures.FINDINGS.values(),
        *measures.CRITERIA,
        *measures.FILES,
    )
)
_TOTALS = f"SELECT count(*) AS runs, {_VERDICTS}, avg(score) AS score, {_SUMS}"
_JUDGES = ", ".join(f"sum({name}) AS {name}" for name, _ in measures.judge_columns())
_RULES = "SELECT kind, rule, sum(passed) AS passed, sum(failed) AS failed, sum(undecided) AS undecided"
_DAY = "date_trunc('day', finished_at, 'UTC')"


@dataclass(frozen=True)
class Baseline:
    """`agrees` compares an endpoint's answer with the rows of the first statement."""

    endpoint: str
    statements: tuple[str, ...]
    agrees: Callable[[Rows, Any], bool]


def _close(value: Any, exact: Any) -> bool:
    return abs(float(value) - float(exact)) <= abs(float(exact)) * RELATIVE_ERROR + 1e-9


def _summary(rows: Rows, answer: Any) -> bool:
    (row,), current = rows, answer["current"]
    percentiles = zip(("p50", "p75", "p95", "p99"), row["work"], strict=True)
    return (
        current["runs"] == row["runs"]
        and current["verdicts"]["PASS"] == row["passed"]
        and abs(current["llm"]["cost_usd"] - float(row["cost_usd"])) < 1e-3
        and all(_close(current["work_seconds"][name], exact) for name, exact in percentiles)
    )


def _trends(rows: Rows, answer: Any) -> bool:
    found = {point["start"][:10]: point for point in answer["points"]}
    return sum(point["runs"] for point in answer["points"]) == sum(row["runs"] for row in rows) and all(
        found[f"{row['day']:%Y-%m-%d}"]["verdicts"]["FAIL"] == row["failed"] for row in rows
    )


def _repos(rows: Rows, answer: Any) -> bool:
    found = [(item["repository"], item["runs"], item["verdicts"]["PASS"]) for item in answer["items"]]
    return found == [(row["repo_full_name"], row["runs"], row["passed"]) for row in rows[: len(found)]]


def _judges(rows: Rows, answer: Any) -> bool:
    (row,) = rows
    return all(
        item["current"]["agreement"]["count"] == row[measures.of_judge(JudgeRole(item["role"]), "agreed")]
        for item in answer["items"]
    )


def _rules(rows: Rows, answer: Any) -> bool:
    found = [(item["kind"], item["rule"], item["current"]["failed"]) for item in answer["items"]]
    return found == [(row["kind"], row["rule"], row["failed"]) for row in rows[: len(found)]]


def _health(rows: Rows, answer: Any) -> bool:
    (row,) = rows
    return bool(
        answer["current"]["error_rate"]["count"] == row["errors"]
        and _close(answer["current"]["queue_seconds"]["p95"], row["queue"][2])
    )


_FROM = "FROM analytics_run_metrics WHERE"
_BY_REPO = f"""
    SELECT repo_full_name, count(*) AS runs, {_VERDICTS}, avg(score) AS score, avg(queue_seconds) AS queue,
        avg(work_seconds) AS work, sum(cost_usd) AS cost, sum(findings_critical) AS critical, sum(findings_high) AS high
    {_FROM} {_HERE} GROUP BY repo_full_name ORDER BY count(*) DESC, repo_full_name COLLATE "C"
"""
_SPARKS = f"""
    SELECT repo_full_name, {_DAY} AS day, count(*) AS runs, count(*) FILTER (WHERE verdict = 'PASS') AS passed
    {_FROM} finished_at >= %(end)s - interval '14 days' AND finished_at < %(end)s GROUP BY 1, 2
"""
_LAST = f"""
    SELECT DISTINCT ON (repo_full_name) repo_full_name, run_id, verdict, branch, finished_at
    {_FROM} {_HERE} ORDER BY repo_full_name, finished_at DESC
"""
_OF_HEALTH = f"SELECT count(*) AS runs, {_VERDICTS}, avg(attempts) AS attempts, {_PERCENTILES}"
_BY_RULE = (
    f"{_RULES}, (array_agg(run_id ORDER BY run_id DESC) FILTER (WHERE failed > 0))[1:5] AS broken_by"
    f" FROM analytics_run_rules WHERE {_HERE} AND kind <> 'analyzer'"
    ' GROUP BY kind, rule ORDER BY sum(failed) DESC, kind, rule COLLATE "C"'
)

BASELINES = (
    Baseline(
        "summary",
        (f"{_TOTALS}, {_PERCENTILES} {_FROM} {_HERE}", f"{_TOTALS}, {_PERCENTILES} {_FROM} {_BEFORE}"),
        _summary,
    ),
    Baseline("trends", (f"{_TOTALS}, {_DAY} AS day {_FROM} {_HERE} GROUP BY {_DAY}",), _trends),
    Baseline("repos", (_BY_REPO, _SPARKS, _LAST), _repos),
    Baseline(
        "judges",
        (
            f"SELECT {_JUDGES} {_FROM} {_HERE}",
            f"SELECT {_JUDGES} {_FROM} {_BEFORE}",
            f"SELECT {_DAY} AS day, {_JUDGES} {_FROM} {_HERE} GROUP BY 1",
        ),
        _judges,
    ),
    # Without the period before, which the endpoint tells of too: it is slow enough as it is.
    Baseline("rules", (_BY_RULE,), _rules),
    Baseline("health", (f"{_OF_HEALTH} {_FROM} {_HERE}", f"{_OF_HEALTH} {_FROM} {_BEFORE}"), _health),
)
