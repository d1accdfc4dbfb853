"""Write a completed verification: verdict, results, artifacts, metrics, dirty mark and event, in one fenced
transaction. If the attempt lost the run meanwhile, nothing at all is written."""

from datetime import UTC
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import lifecycle, models
from worker.core.ids import new_id, sha256
from worker.core.lifecycle import Claim
from worker.core.vocabulary import JudgeRole, Outcome, RunStatus, Verdict, Vote
from worker.verification.outcome import RunOutcome
from worker.verification.reports import markdown, sarif, verdict_json
from worker.verification.verdict import vetoes

REPORT = "REPORT.md"
VERDICT = "verdict.json"
SARIF = "verdict.sarif"
CRITERIA = "criteria.json"

Artifacts = dict[str, tuple[str, bytes]]


def artifacts(outcome: RunOutcome) -> Artifacts:
    """Name → (media type, content)."""
    return {
        REPORT: ("text/markdown; charset=utf-8", markdown.render(outcome)),
        VERDICT: ("application/json", verdict_json.render(outcome)),
        SARIF: ("application/sarif+json", sarif.render(outcome)),
        CRITERIA: ("application/json", verdict_json.criteria(outcome)),
    }


async def completed(
    session: AsyncSession, claim: Claim, outcome: RunOutcome, files: Artifacts, *, veto_confidence: float
) -> bool:
    """Record the verdict; False, with nothing written, when the attempt no longer holds the run."""
    verdict = outcome.verdict
    counts = {word.value.lower(): outcome.count(word) for word in Outcome}
    held = await lifecycle.finish(
        session,
        claim,
        status=RunStatus.COMPLETED,
        verdict=verdict.verdict,
        score=verdict.score,
        tribunal=outcome.tribunal,
        data={"reason": verdict.reason, "criteria": counts},
    )
    if not held:
        return False
    await session.execute(
        text("UPDATE runs SET snapshot_digest = :digest, commit_sha = :commit, branch = :branch WHERE id = :run_id"),
        {
            "digest": outcome.snapshot.digest,
            "commit": outcome.snapshot.commit,
            "branch": outcome.subject.branch,
            "run_id": claim.run_id,
        },
    )
    await _insert(session, models.CriterionResult, await _results(session, claim, outcome))
    await _insert(session, models.Opinion, _opinions(claim, outcome))
    await _insert(session, models.Finding, _findings(claim, outcome))
    await _insert(
        session,
        models.Artifact,
        [
            {
                "run_id": claim.run_id,
                "name": name,
                "media_type": media_type,
                "size": len(content),
                "sha256": sha256(content),
                "content": content,
            }
            for name, (media_type, content) in files.items()
        ],
    )
    await _metrics(session, claim, outcome=outcome, veto_confidence=veto_confidence)
    return True


async def errored(session: AsyncSession, claim: Claim, *, code: str, message: str) -> bool:
    """Record that the work could not be completed; False when the attempt no longer holds the run."""
    held = await lifecycle.finish(
        session,
        claim,
        status=RunStatus.FAILED,
        verdict=Verdict.ERROR,
        error_code=code,
        error_message=message,
    )
    if held:
        await _metrics(session, claim, outcome=None, veto_confidence=1)
    return held


async def _insert(session: AsyncSession, model: type[models.Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(model), rows)


async def _results(session: AsyncSession, claim: Claim, outcome: RunOutcome) -> list[dict[str, Any]]:
    known = await session.execute(
        select(models.Criterion.key, models.Criterion.id).where(
            models.Criterion.constitution_version_id == outcome.subject.constitution_id,
            models.Criterion.method == outcome.extraction,
        )
    )
    ids = {row.key: row.id for row in known}
    return [
        {
            "id": new_id(),
            "run_id": claim.run_id,
            "criterion_id": ids.get(result.criterion.key),
            "key": result.criterion.key,
            "category": result.criterion.category.value,
            "severity": result.criterion.severity.value,
            "outcome": result.outcome.value,
            "score": result.score,
            "reason": result.reason,
        }
        for result in outcome.results
    ]


def _opinions(claim: Claim, outcome: RunOutcome) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "run_id": claim.run_id,
            "key": opinion.key,
            "role": opinion.role.value,
            "round": opinion.round,
            "model": opinion.model,
            "vote": opinion.vote.value,
            "score": opinion.score,
            "confidence": opinion.confidence,
            "rationale": opinion.rationale,
            "evidence": verdict_json.evidence_view(opinion),
        }
        for result in outcome.results
        for opinion in (*result.earlier, *result.opinions)
    ]


def _findings(claim: Claim, outcome: RunOutcome) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "run_id": claim.run_id,
            "analyzer": finding.analyzer,
            "rule_id": finding.rule_id,
            **finding.details,
        }
        for finding in outcome.analysis.findings
    ]


async def _metrics(session: AsyncSession, claim: Claim, *, outcome: RunOutcome | None, veto_confidence: float) -> None:
    run = (await session.execute(select(models.Run).where(models.Run.id == claim.run_id))).scalar_one()
    assert run.finished_at is not None and run.verdict is not None
    started = run.started_at or run.finished_at
    row: dict[str, Any] = {
        "run_id": run.id,
        "repo_full_name": run.repo_full_name,
        "branch": run.branch,
        "event": str(run.labels.get("event", "api")),
        "mode": run.mode,
        "tribunal": run.tribunal,
        "verdict": run.verdict,
        "score": run.score,
        "attempts": run.attempt,
        "queue_seconds": max(0.0, (started - run.created_at).total_seconds()),
        "work_seconds": max(0.0, (run.finished_at - started).total_seconds()),
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }
    if outcome is not None:
        row |= {f"findings_{severity.value}": n for severity, n in outcome.findings_by_severity.items()}
        row |= {
            "criteria_passed": outcome.count(Outcome.PASS),
            "criteria_failed": outcome.count(Outcome.FAIL),
            "criteria_undecided": outcome.count(Outcome.UNDECIDED),
            "files_seen": outcome.files_seen,
            "files_total": len(outcome.snapshot.files),
            "judges": _judges(outcome, veto_confidence),
        }
    row |= await _usage(session, claim)
    await session.execute(insert(models.RunMetrics), [row])
    hour = run.finished_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    await session.execute(insert(models.DirtyMark), [{"repo_full_name": run.repo_full_name, "hour": hour}])


_USAGE = text(
    """
    WITH own AS (
        SELECT c.role, c.model, c.state, c.latency_ms, coalesce(c.prompt_tokens, 0) AS prompt,
            coalesce(c.completion_tokens, 0) AS completion, coalesce(c.cost_usd, 0) AS cost
        FROM llm_calls c WHERE c.run_id = :run_id AND c.state <> 'reserved'
    ), grouped AS (
        SELECT role, model, count(*) AS calls, sum(prompt) AS prompt_tokens, sum(completion) AS completion_tokens,
            sum(cost) AS cost_usd
        FROM own GROUP BY role, model
    )
    SELECT count(*) AS llm_calls, coalesce(sum(latency_ms), 0) / 1000.0 AS llm_seconds,
        coalesce(sum(prompt), 0) AS prompt_tokens, coalesce(sum(completion), 0) AS completion_tokens,
        coalesce(sum(cost), 0) AS cost_usd,
        (SELECT count(*) FROM llm_uses WHERE run_id = :run_id AND reused) AS llm_calls_reused,
        (SELECT coalesce(jsonb_agg(to_jsonb(grouped) ORDER BY role, model), '[]'::jsonb) FROM grouped) AS usage
    FROM own
    """
)


async def _usage(session: AsyncSession, claim: Claim) -> dict[str, Any]:
    """What the run's calls took: tokens, dollars, seconds, and the same by role and model."""
    found = (await session.execute(_USAGE, {"run_id": claim.run_id})).mappings().one()
    return {**found, "llm_seconds": float(found["llm_seconds"]), "usage": {"by_role_and_model": found["usage"]}}


def _judges(outcome: RunOutcome, veto_confidence: float) -> dict[str, dict[str, float | int | None]]:
    """Per judge: means over the criteria it decided, how often it abstained, and its vetoes."""
    found: dict[str, dict[str, float | int | None]] = {}
    for role in JudgeRole:
        own = [o for result in outcome.results for o in result.opinions if o.role is role]
        decided = [o for o in own if o.vote is not Vote.ABSTAIN]
        vetoed = sum(vetoes(result, veto_confidence) for result in outcome.results)
        found[role.value] = {
            "opinions": len(own),
            "abstentions": len(own) - len(decided),
            "score": _mean([o.score for o in decided if o.score is not None]),
            "confidence": _mean([o.confidence for o in decided if o.confidence is not None]),
            "vetoes": vetoed if role is JudgeRole.SECURITY else 0,
        }
    return found


def _mean(values: list[int] | list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
