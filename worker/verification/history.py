"""What is known before a run begins: what people accepted, the branch's run before it, and how far people and
judges agree. And, afterwards, the calls that it rests on."""

import uuid
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.runs.feedback import scope_of
from worker.core.vocabulary import JudgeRole
from worker.verification.outcome import Agreement, Calls, Previous


@dataclass(frozen=True)
class History:
    accepted: frozenset[str]
    previous: Previous | None
    agreement: dict[JudgeRole, Agreement]


_ACCEPTED = text("SELECT DISTINCT unnest(fingerprints) FROM feedback WHERE scope = :scope AND mark = 'accepted'")
_PREVIOUS = text(
    """
    SELECT r.id, r.verdict, r.score FROM runs r JOIN constitution_versions c ON c.id = r.constitution_version_id
    WHERE r.repo_full_name = :repo AND r.branch IS NOT DISTINCT FROM :branch AND r.status = 'completed'
        AND r.created_at < :before AND c.sha256 = :constitution
    ORDER BY r.created_at DESC, r.id DESC LIMIT 1
    """
)
_OUTCOMES = text("SELECT key, outcome FROM criterion_results WHERE run_id = :run_id")
# «wrong» speaks against the judges who voted as the result says, and for those who voted otherwise.
_AGREEMENT = text(
    """
    SELECT o.role, count(*) AS marked,
        count(*) FILTER (WHERE (o.vote = f.outcome) = (f.mark = 'accepted')) AS agreed
    FROM feedback f JOIN LATERAL (
        SELECT DISTINCT ON (role) role, vote FROM opinions
        WHERE run_id = f.run_id AND key = f.key ORDER BY role, round DESC
    ) o ON o.vote <> 'ABSTAIN'
    WHERE f.subject = 'criterion' AND f.outcome IN ('PASS', 'FAIL')
    GROUP BY o.role
    """
)
_CALLS = text(
    """
    SELECT
        (SELECT count(*) FROM llm_uses WHERE run_id = :run_id AND NOT reused) AS made,
        (SELECT count(*) FROM llm_uses WHERE run_id = :run_id AND reused) AS reused,
        (SELECT count(*) FROM llm_calls WHERE run_id = :run_id AND state = 'failed') AS failed,
        (SELECT coalesce(sum(cost_usd), 0) FROM llm_calls WHERE run_id = :run_id) AS cost
    """
)


async def load(session: AsyncSession, run: models.Run, constitution_sha256: str) -> History:
    """Read it in the caller's transaction."""
    scope = scope_of(run.repo_full_name, run.constitution_version_id)
    accepted = frozenset((await session.execute(_ACCEPTED, {"scope": scope})).scalars())
    previous = None
    if run.repo_full_name is not None:
        values = {
            "repo": run.repo_full_name,
            "branch": run.branch,
            "before": run.created_at,
            "constitution": constitution_sha256,
        }
        row = (await session.execute(_PREVIOUS, values)).first()
        if row is not None:
            outcomes = await session.execute(_OUTCOMES, {"run_id": row.id})
            previous = Previous(str(row.id), row.verdict, row.score, {found.key: found.outcome for found in outcomes})
    agreement = {role: Agreement() for role in JudgeRole}
    for row in await session.execute(_AGREEMENT):
        agreement[JudgeRole(row.role)] = Agreement(agreed=row.agreed, marked=row.marked)
    return History(accepted, previous, agreement)


async def calls(session: AsyncSession, run_id: uuid.UUID) -> Calls:
    """What the run's answers cost, and how many of them were there already."""
    row = (await session.execute(_CALLS, {"run_id": run_id})).one()
    return Calls(made=row.made, reused=row.reused, failed=row.failed, cost=float(row.cost))
