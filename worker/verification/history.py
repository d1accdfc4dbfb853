"""What is known before a run begins: what people accepted, the branch's run before it, and how far people and
judges agree. And, afterwards, the calls that it rests on.

Who reads the run's report may see all of it: marks and runs are those of its repository or, without a connected one, of
who made it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.runs.feedback import address, applies_to
from worker.core.vocabulary import JudgeRole
from worker.verification.calibration import Agreement
from worker.verification.outcome import Acceptance, Calls, Previous


@dataclass(frozen=True)
class History:
    accepted: Mapping[str, Acceptance]
    previous: Previous | None
    agreement: dict[JudgeRole, Agreement]


# Of those who accepted the same place, the first.
_ACCEPTED = text(
    """
    SELECT DISTINCT ON (place) place, f.created_by, f.created_at
    FROM feedback f CROSS JOIN unnest(f.fingerprints) AS place
    WHERE f.applies_to = :applies_to AND f.mark = 'accepted' ORDER BY place, f.created_at, f.id
    """
)
# Runs {0} that whoever may see this one may see as well.
_OURS = """(CASE WHEN CAST(:repo_id AS uuid) IS NULL
        THEN {0}.repo_id IS NULL AND {0}.created_by IS NOT DISTINCT FROM :owner ELSE {0}.repo_id = :repo_id END)"""
# A name is not of one host alone, so the addresses of the last runs of the name are compared. A constitution that is
# new has none, however many runs there are: it is looked for among the last thousand.
_PREVIOUS = text(
    f"""
    SELECT r.id, r.verdict, r.score, r.url
    FROM (
        SELECT r.id, r.verdict, r.score, r.source->>'url' AS url, r.created_at, r.constitution_version_id
        FROM runs r
        WHERE r.repo_full_name = :repo AND r.branch IS NOT DISTINCT FROM :branch
            AND r.status = 'completed' AND r.created_at < :before AND {_OURS.format("r")}
        ORDER BY r.created_at DESC, r.id DESC LIMIT 1000
    ) AS r JOIN constitution_versions c ON c.id = r.constitution_version_id
    WHERE c.sha256 = :constitution
    ORDER BY r.created_at DESC, r.id DESC LIMIT 20
    """  # noqa: S608  our own words
)
_OUTCOMES = text("SELECT key, outcome FROM criterion_results WHERE run_id = :run_id")
# The last runs of those whose run this is: its repository's, its user's or, among everybody's last, the service's.
_RECENT = {
    "repository": "SELECT id FROM runs WHERE repo_id = :repo_id ORDER BY created_at DESC, id DESC LIMIT 2000",
    "user": "SELECT id FROM runs WHERE repo_id IS NULL AND created_by = :owner"
    " ORDER BY created_at DESC, id DESC LIMIT 2000",
    "service": "SELECT id FROM (SELECT * FROM runs ORDER BY created_at DESC, id DESC LIMIT 10000) AS lately"
    " WHERE repo_id IS NULL AND created_by IS NULL",
}
# «wrong» speaks against the judges who voted as the result says, and for those who voted otherwise.
_AGREED = """
    SELECT o.role, count(*) AS marked,
        count(*) FILTER (WHERE (o.vote = f.outcome) = (f.mark = 'accepted')) AS agreed
    FROM ({recent}) AS r JOIN feedback f ON f.run_id = r.id
    JOIN LATERAL (
        SELECT DISTINCT ON (role) role, vote FROM opinions
        WHERE run_id = f.run_id AND key = f.key ORDER BY role, round DESC
    ) o ON o.vote <> 'ABSTAIN'
    WHERE f.subject = 'criterion' AND f.outcome IN ('PASS', 'FAIL')
    GROUP BY o.role
"""
_AGREEMENT = {whose: text(_AGREED.format(recent=recent)) for whose, recent in _RECENT.items()}
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
    url = run.source.get("url")
    same = applies_to(repo_id=run.repo_id, owner=run.created_by, url=url, constitution_sha256=constitution_sha256)
    marks = await session.execute(_ACCEPTED, {"applies_to": same})
    accepted = {mark.place: Acceptance(mark.created_by, mark.created_at) for mark in marks}
    ours = {"repo_id": run.repo_id, "owner": run.created_by}
    previous = None
    if run.repo_full_name is not None:
        values = {
            "repo": run.repo_full_name,
            "branch": run.branch,
            "before": run.created_at,
            "constitution": constitution_sha256,
            **ours,
        }
        rows = (await session.execute(_PREVIOUS, values)).all()
        row = next((row for row in rows if address(row.url) == address(url)), None)
        if row is not None:
            outcomes = await session.execute(_OUTCOMES, {"run_id": row.id})
            previous = Previous(str(row.id), row.verdict, row.score, {found.key: found.outcome for found in outcomes})
    agreement = {role: Agreement() for role in JudgeRole}
    whose = "repository" if run.repo_id is not None else "service" if run.created_by is None else "user"
    for row in await session.execute(_AGREEMENT[whose], ours):
        agreement[JudgeRole(row.role)] = Agreement(agreed=row.agreed, marked=row.marked)
    return History(accepted, previous, agreement)


async def calls(session: AsyncSession, run_id: uuid.UUID) -> Calls:
    """What the run's answers cost, and how many of them were there already."""
    row = (await session.execute(_CALLS, {"run_id": run_id})).one()
    return Calls(made=row.made, reused=row.reused, failed=row.failed, cost=float(row.cost))
