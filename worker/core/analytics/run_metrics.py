"""A finished run's metrics row, made from the rows that the run left: one statement for one run and for thousands.

The verdict's transaction, a correction, and the rebuilding of everything ask the same statement, so that they agree.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.analytics import measures
from worker.core.vocabulary import JudgeRole, Severity


def _judge_sums() -> dict[str, str]:
    """Column → aggregate over `heard`, the last opinion of each judge on each criterion."""
    found: dict[str, str] = {}
    for role in JudgeRole:
        of = f"FILTER (WHERE role = '{role.value}'"
        sums = {
            "opinions": f"count(*) {of})",
            "abstentions": f"count(*) {of} AND vote = 'ABSTAIN')",
            "compared": f"count(*) {of} AND vote <> 'ABSTAIN' AND outcome <> 'UNDECIDED')",
            "agreed": f"count(*) {of} AND vote = outcome)",
            "vetoes": f"count(*) {of} AND role = 'security' AND vetoed)",
            "scores": f"coalesce(sum(score) {of}), 0)",
            "confidence_micro": f"coalesce(sum(round(confidence * {measures.MICRO})) {of}), 0)",
        }
        found |= {measures.of_judge(role, name): value for name, value in sums.items()}
    return found


def _call_sums() -> dict[str, str]:
    """Column → aggregate over `calls`, the calls that were made for the run."""
    found = {
        "llm_calls": "count(*)",
        "llm_seconds": "coalesce(sum(latency_ms), 0) / 1000.0",
        "prompt_tokens": "coalesce(sum(prompt_tokens), 0)",
        "completion_tokens": "coalesce(sum(completion_tokens), 0)",
        "cost_usd": "coalesce(sum(cost_usd), 0)",
    }
    for role in JudgeRole:
        of = f"FILTER (WHERE role = '{role.value}')"
        sums = {
            "calls": f"count(*) {of}",
            "latency_ms": f"coalesce(sum(latency_ms) {of}, 0)",
            "prompt_tokens": f"coalesce(sum(prompt_tokens) {of}, 0)",
            "completion_tokens": f"coalesce(sum(completion_tokens) {of}, 0)",
            "cost_nano": f"coalesce(round(sum(cost_usd) {of} * {measures.NANO}), 0)",
        }
        found |= {measures.of_judge(role, name): value for name, value in sums.items()}
    return found


_FIX_SUMS = {
    "remediations": "count(DISTINCT r.id)",
    "fixes": "count(f.id)",
    "fixes_applied": "count(f.id) FILTER (WHERE f.status IN ('applied', 'verified'))",
    "fixes_verified": "count(f.id) FILTER (WHERE f.status = 'verified')",
    "fixes_reverted": "count(f.id) FILTER (WHERE f.status = 'reverted')",
    "fixes_failed": "count(f.id) FILTER (WHERE f.status = 'failed')",
}
_FINDING_SUMS = {
    measures.FINDINGS[severity]: f"sum(number) FILTER (WHERE severity = '{severity.value}')" for severity in Severity
}
_OUTCOME_SUMS = {
    name: f"count(*) FILTER (WHERE outcome = '{outcome}')"
    for name, outcome in zip(measures.CRITERIA, ("PASS", "FAIL", "UNDECIDED"), strict=True)
}


def _columns(sums: dict[str, str]) -> str:
    return ", ".join(f"{value} AS {name}" for name, value in sums.items())


_CALLS, _JUDGES = _call_sums(), _judge_sums()
_COUNTED = (*_CALLS, *_JUDGES, *_OUTCOME_SUMS, *_FINDING_SUMS, *_FIX_SUMS)
_OF_THE_RUN = {
    "run_id": "r.id",
    "repo_full_name": "r.repo_full_name",
    "branch": "r.branch",
    "event": "coalesce(r.labels->>'event', 'api')",
    "mode": "r.mode",
    "tribunal": "r.tribunal",
    "verdict": "r.verdict",
    "score": "r.score",
    "attempts": "r.attempt",
    "created_at": "r.created_at",
    "finished_at": "r.finished_at",
    "queue_seconds": "greatest(extract(epoch FROM coalesce(r.started_at, r.finished_at) - r.created_at), 0)",
    "work_seconds": "greatest(extract(epoch FROM r.finished_at - coalesce(r.started_at, r.finished_at)), 0)",
    "files_seen": "coalesce(r.files_seen, 0)",
    "files_total": "coalesce(r.files_total, 0)",
    "llm_calls_reused": "coalesce(reused.calls, 0)",
    "usage": "coalesce(by_model.usage, '[]')",
    "rules": "coalesce(results.rules, '{{}}') || coalesce(found.rules, '{{}}') || coalesce((SELECT"
    " jsonb_object_agg('analyzer:' || name, did) FROM jsonb_each(r.analyzers) AS analyzer (name, did)), '{{}}')",
}
_ALL = (*_OF_THE_RUN, *_COUNTED)

# Every part is grouped by run before it is joined, so that no row is counted twice.
_MEASURE = f"""
    WITH results AS (
        SELECT run_id, {_columns(_OUTCOME_SUMS)}, jsonb_object_agg('criterion:' || key, outcome) AS rules
        FROM criterion_results WHERE run_id {{which}} GROUP BY run_id
    ), found AS (
        SELECT run_id, {_columns(_FINDING_SUMS)}, jsonb_object_agg('static:' || rule, of_rule) AS rules
        FROM (
            SELECT run_id, severity, count(*) AS number, analyzer || ':' || rule_id AS rule,
                sum(count(*)) OVER (PARTITION BY run_id, analyzer || ':' || rule_id) AS of_rule
            FROM findings WHERE run_id {{which}} GROUP BY run_id, severity, analyzer || ':' || rule_id
        ) AS by_rule
        GROUP BY run_id
    ), heard AS (
        SELECT DISTINCT ON (o.run_id, o.key, o.role)
            o.run_id, o.role, o.vote, o.score, o.confidence, c.outcome, c.vetoed
        FROM opinions o JOIN criterion_results c ON c.run_id = o.run_id AND c.key = o.key
        WHERE o.run_id {{which}} ORDER BY o.run_id, o.key, o.role, o.round DESC
    ), judged AS (
        SELECT run_id, {_columns(_JUDGES)} FROM heard GROUP BY run_id
    ), made AS (
        SELECT run_id, role, model, latency_ms, prompt_tokens, completion_tokens, cost_usd
        FROM llm_calls WHERE run_id {{which}} AND state <> 'reserved'
    ), called AS (
        SELECT run_id, {_columns(_CALLS)} FROM made GROUP BY run_id
    ), by_model AS (
        SELECT run_id, jsonb_agg(jsonb_build_object('role', role, 'model', model, 'calls', calls,
            'prompt_tokens', prompt, 'completion_tokens', completion, 'cost_usd', cost) ORDER BY role, model) AS usage
        FROM (
            SELECT run_id, role, model, count(*) AS calls, coalesce(sum(prompt_tokens), 0) AS prompt,
                coalesce(sum(completion_tokens), 0) AS completion, coalesce(sum(cost_usd), 0) AS cost
            FROM made GROUP BY run_id, role, model
        ) AS of_model
        GROUP BY run_id
    ), reused AS (
        SELECT run_id, count(*) AS calls FROM llm_uses WHERE run_id {{which}} AND reused GROUP BY run_id
    ), fixed AS (
        SELECT r.run_id, {_columns(_FIX_SUMS)}
        FROM remediation_runs r LEFT JOIN remediation_fixes f ON f.remediation_run_id = r.id
        WHERE r.run_id {{which}} GROUP BY r.run_id
    )
    INSERT INTO analytics_run_metrics AS m ({", ".join(_ALL)})
    SELECT {", ".join(_OF_THE_RUN.values())}, {", ".join(f"coalesce({name}, 0)" for name in _COUNTED)}
    FROM runs r
    LEFT JOIN results ON results.run_id = r.id LEFT JOIN found ON found.run_id = r.id
    LEFT JOIN judged ON judged.run_id = r.id LEFT JOIN called ON called.run_id = r.id
    LEFT JOIN by_model ON by_model.run_id = r.id LEFT JOIN reused ON reused.run_id = r.id
    LEFT JOIN fixed ON fixed.run_id = r.id
    WHERE r.id {{which}} AND r.verdict IS NOT NULL
    ORDER BY r.id {{lock}}
    ON CONFLICT (run_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _ALL)}
    WHERE ({", ".join(f"m.{name}" for name in _ALL)})
        IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _ALL)})
    """
# Of one run by equality: what is known of a list's length would have the database plan it anew each time.
_OF_ONE = text(_MEASURE.format(which="= :id", lock=""))
# Many are not the caller's own: one that is being deleted is waited for, and then left out.
_OF_MANY = text(_MEASURE.format(which="= ANY(:ids)", lock="FOR KEY SHARE OF r"))
_UNFINISHED = text(
    """
    DELETE FROM analytics_run_metrics m USING runs r
    WHERE m.run_id = ANY(:ids) AND r.id = m.run_id AND r.verdict IS NULL
    """
)


async def write(session: AsyncSession, run_id: uuid.UUID) -> None:
    """Write the metrics of a run that has a verdict, in the caller's transaction.

    A row that says the same already is left alone. Triggers mark the buckets that a changed row belongs to.
    """
    await session.execute(_OF_ONE, {"id": run_id})


async def correct(session: AsyncSession, run_ids: Sequence[uuid.UUID]) -> int:
    """The same for many, and without the metrics of those that have no verdict any more.

    Returns how many rows changed.
    """
    connection = await session.connection()
    removed = (await connection.execute(_UNFINISHED, {"ids": list(run_ids)})).rowcount
    return removed + (await connection.execute(_OF_MANY, {"ids": list(run_ids)})).rowcount
