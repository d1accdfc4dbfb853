"""verdict.json: the verdict for programs. Everything that differs between two equal runs is under `run`."""

import json
from typing import Any

from worker.verification.consensus import CriterionResult
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Opinion
from worker.verification.outcome import RunOutcome

FORMAT = "invariant-verdict/1"


def document(outcome: RunOutcome) -> dict[str, Any]:
    """The verdict as JSON-ready values."""
    verdict = outcome.verdict
    return {
        "format": FORMAT,
        "verdict": verdict.verdict.value,
        "score": verdict.score,
        "reason": verdict.reason,
        "vetoed_by": list(verdict.vetoed_by),
        "tribunal": {"mode": outcome.tribunal.value, "why": outcome.tribunal_why},
        "counts": {
            "criteria": len(outcome.results),
            **{
                word: sum(result.outcome.value == word.upper() for result in outcome.results)
                for word in ("pass", "fail", "undecided")
            },
            "findings": {severity.value: count for severity, count in outcome.findings_by_severity.items()},
            "files": len(outcome.snapshot.files),
            "files_seen": outcome.files_seen,
        },
        "snapshot": {
            "digest": outcome.snapshot.digest,
            "commit": outcome.snapshot.commit,
            "mode": outcome.subject.mode,
            "base": outcome.subject.base,
            "changed_files": None if outcome.snapshot.changed is None else len(outcome.snapshot.changed),
        },
        "constitution": {"sha256": outcome.subject.constitution_sha256, "extraction": outcome.extraction},
        "criteria": [_criterion(result) for result in outcome.results],
        "findings": [
            {"rule": finding.rule, **finding.details, "accepted": finding.fingerprint in outcome.accepted}
            for finding in outcome.analysis.findings
        ],
        "analyzers": [
            {
                "name": tool.name,
                "version": tool.version,
                "files_wanted": tool.wanted,
                "files_covered": len(tool.covered),
                "findings": tool.findings,
                "problem": tool.problem,
            }
            for tool in outcome.analysis.tools
        ],
        "notes": list(outcome.notes),
        "run": {
            "id": outcome.subject.run_id,
            "repository": outcome.subject.repo_full_name,
            "branch": outcome.subject.branch,
            "source": outcome.subject.source,
            "constitution_version_id": outcome.subject.constitution_id,
            "calls": {
                "made": outcome.calls.made,
                "reused": outcome.calls.reused,
                "failed": outcome.calls.failed,
                "cost_usd": outcome.calls.cost,
            },
            "previous": None
            if outcome.previous is None
            else {
                "run_id": outcome.previous.run_id,
                "verdict": outcome.previous.verdict,
                "score": outcome.previous.score,
            },
            "judges": {
                role.value: {"agreed": found.agreed, "marked": found.marked, "calibrated": found.calibrated}
                for role, found in outcome.agreement.items()
            },
            "created_at": outcome.subject.created_at.isoformat(),
            "started_at": outcome.started_at.isoformat(),
            "finished_at": outcome.finished_at.isoformat(),
        },
    }


def render(outcome: RunOutcome) -> bytes:
    return json.dumps(document(outcome), indent=2, ensure_ascii=False).encode()


def criteria(outcome: RunOutcome) -> bytes:
    """criteria.json: what was read from the constitution."""
    listed = [
        {
            "key": result.criterion.key,
            "category": result.criterion.category.value,
            "severity": result.criterion.severity.value,
            "statement": result.criterion.statement,
            "section": result.criterion.section,
            "line": result.criterion.line,
        }
        for result in outcome.results
    ]
    content = {"constitution_sha256": outcome.subject.constitution_sha256, "method": outcome.extraction}
    return json.dumps({**content, "criteria": listed}, indent=2, ensure_ascii=False).encode()


def _criterion(result: CriterionResult) -> dict[str, Any]:
    return {
        "key": result.criterion.key,
        "category": result.criterion.category.value,
        "severity": result.criterion.severity.value,
        "statement": result.criterion.statement,
        "outcome": result.outcome.value,
        "score": result.score,
        "reason": result.reason,
        "opinions": [opinion_view(opinion) for opinion in result.opinions],
        "before_debate": [opinion_view(opinion) for opinion in result.earlier],
        "objection": result.objection is not None,
        "accepted": list(result.accepted),
    }


def opinion_view(opinion: Opinion) -> dict[str, Any]:
    """One opinion as JSON-ready values."""
    return {
        "judge": opinion.role.value,
        "model": opinion.model,
        "round": opinion.round,
        "vote": opinion.vote.value,
        "score": opinion.score,
        "confidence": opinion.confidence,
        "rationale": opinion.rationale,
        "absence": opinion.absence,
        "unresolved_citations": opinion.unresolved,
        "failure": opinion.failure,
        "evidence": evidence_view(opinion),
    }


def evidence_view(opinion: Opinion) -> list[dict[str, Any]]:
    return [
        {
            "path": item.path,
            "start_line": item.start_line,
            "end_line": item.end_line,
            "quote": item.quote,
            "rule": item.rule,
            "fingerprint": item.fingerprint,
            "place": place_fingerprint(opinion.key, item),
            "verified": item.verified,
        }
        for item in opinion.evidence
    ]
