"""Write a completed verification: verdict, results, artifacts, metrics and event, in one fenced transaction.
If the attempt lost the run meanwhile, nothing at all is written."""

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from worker.core import models
from worker.core.analytics import run_metrics
from worker.core.failure import FailureCode
from worker.core.ids import new_id, sha256
from worker.core.runs import lifecycle
from worker.core.runs.lifecycle import Claim, Examined
from worker.core.vocabulary import Outcome, RunStatus, Verdict
from worker.verification.outcome import RunOutcome
from worker.verification.reports import markdown, sarif, verdict_json

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


async def completed(session: AsyncSession, claim: Claim, outcome: RunOutcome, files: Artifacts) -> bool:
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
        examined=Examined(
            digest=outcome.snapshot.digest,
            commit=outcome.snapshot.commit,
            branch=outcome.subject.branch,
            files_seen=outcome.files_seen,
            files_total=len(outcome.snapshot.files),
            analyzers={tool.name: tool.complete for tool in outcome.analysis.tools if tool.wanted},
        ),
        data={"reason": verdict.reason, "criteria": counts},
    )
    if not held:
        return False
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
    await run_metrics.write(session, claim.run_id)
    return True


async def errored(session: AsyncSession, claim: Claim, *, code: FailureCode, message: str) -> bool:
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
        await run_metrics.write(session, claim.run_id)
    return held


async def _insert(session: AsyncSession, model: type[models.Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(model), rows)


async def _results(session: AsyncSession, claim: Claim, outcome: RunOutcome) -> list[dict[str, Any]]:
    known = await session.execute(
        select(models.Criterion.key, models.Criterion.id).where(
            models.Criterion.constitution_version_id == outcome.subject.constitution_id,
            models.Criterion.method == outcome.reading.method,
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
            "vetoed": result.criterion.key in outcome.verdict.vetoed_by,
            "evidence": verdict_json.evidence_view(result.criterion.key, result.places),
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
            "evidence": verdict_json.evidence_view(opinion.key, opinion.evidence),
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
            "precise": finding.precise,
            **finding.details,
        }
        for finding in outcome.analysis.findings
    ]
