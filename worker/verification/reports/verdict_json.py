"""verdict.json: the verdict for programs. Everything that differs between two equal runs is under `run`."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from worker.core.version import VERDICT_FORMAT
from worker.verification.calibration import Calibration
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Line
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Evidence, Opinion
from worker.verification.outcome import RunOutcome
from worker.verification.result import Coverage, CriterionResult


def document(outcome: RunOutcome) -> dict[str, Any]:
    """The verdict as JSON-ready values."""
    verdict = outcome.verdict
    calibration = outcome.calibration
    return {
        "format": VERDICT_FORMAT,
        "verdict": verdict.verdict.value,
        "score": verdict.score,
        "reason": verdict.reason,
        "vetoed_by": list(verdict.vetoed_by),
        "tribunal": {"mode": outcome.tribunal.value, "why": outcome.tribunal_why},
        "counts": {
            "criteria": len(outcome.results),
            "not_checkable": len(outcome.process),
            "unread_requirements": len(outcome.reading.unread),
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
        "constitution": {"sha256": outcome.subject.constitution_sha256, "extraction": outcome.reading.method},
        "criteria": [_result(result, calibration) for result in outcome.results],
        "not_checkable": [_criterion(criterion) for criterion in outcome.process],
        "lines": [_line(line) for line in outcome.reading.lines],
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
                for role, found in outcome.calibration.agreement.items()
            },
            "accepted": _accepted(outcome),
            "created_at": outcome.subject.created_at.isoformat(),
            "started_at": outcome.started_at.isoformat(),
            "finished_at": outcome.finished_at.isoformat(),
        },
    }


def _accepted(outcome: RunOutcome) -> list[dict[str, Any]]:
    """Who accepted what of this run, and when; `by` null: the service."""
    found = {place for result in outcome.results for place in result.accepted}
    found |= {finding.fingerprint for finding in outcome.analysis.findings}
    return [
        {"fingerprint": place, "by": acceptance.by, "at": acceptance.at.isoformat()}
        for place, acceptance in sorted(outcome.accepted.items())
        if place in found
    ]


def render(outcome: RunOutcome) -> bytes:
    return to_json(document(outcome), indent=2)


def criteria(outcome: RunOutcome) -> bytes:
    """criteria.json: what was read from the constitution, and what became of each of its lines."""
    content = {
        "constitution_sha256": outcome.subject.constitution_sha256,
        "method": outcome.reading.method,
        "criteria": [_criterion(criterion) for criterion in outcome.reading.criteria],
        "lines": [_line(line) for line in outcome.reading.lines],
    }
    return to_json(content, indent=2)


def _criterion(criterion: Criterion) -> dict[str, Any]:
    return {
        "key": criterion.key,
        "category": criterion.category.value,
        "severity": criterion.severity.value,
        "kind": criterion.kind.value,
        "statement": criterion.statement,
        "section": criterion.section,
        "line": criterion.line,
        "quote": criterion.quote,
        "scope": {
            "only_in": list(criterion.scope.include),
            "not_in": list(criterion.scope.exclude),
            "quotes": list(criterion.scope.quotes),
            "conditions": list(criterion.scope.unresolved),
        },
        "patterns": list(criterion.patterns),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "line": line.line,
        "end_line": line.end_line,
        "text": line.text[:500],
        "became": line.fate.value,
        "criteria": list(line.keys),
        "why": line.why,
        "requires": line.requires,
    }


def _result(result: CriterionResult, calibration: Calibration) -> dict[str, Any]:
    key = result.criterion.key
    return {
        **_criterion(result.criterion),
        "outcome": result.outcome.value,
        "score": result.score,
        "reason": result.reason,
        "decided_by": result.by.value,
        "evidence": evidence_view(key, result.places),
        "look_at": evidence_view(key, result.look_at),
        "coverage": _coverage(result.coverage),
        "opinions": [opinion_view(opinion, calibration) for opinion in result.opinions],
        "before_debate": [opinion_view(opinion, calibration) for opinion in result.earlier],
        "objection": result.objection is not None,
        "accepted": list(result.accepted),
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "files": coverage.files,
        "lines": coverage.lines,
        "files_shown": coverage.shown_files,
        "lines_shown": coverage.shown_lines,
        "share": round(coverage.share, 4),
        "whole": coverage.whole,
        "files_read": coverage.read_files,
        "lines_read": coverage.read_lines,
        "read": coverage.read,
        "sampled": coverage.sampled,
        "files_spared": coverage.spared_files,
        "lines_spared": coverage.spared_lines,
        "spared": list(coverage.spared[:20]),
        "places_named": coverage.places,
        "places_named_shown": coverage.places_shown,
        "unreadable": list(coverage.unreadable[:20]),
        "searched_for": list(coverage.patterns),
        "files_unchanged": coverage.unchanged,
        "places_found": coverage.hits,
        "more_places": coverage.overflow,
        "places_shown": coverage.hits_shown,
    }


def opinion_view(opinion: Opinion, calibration: Calibration) -> dict[str, Any]:
    """One opinion as JSON-ready values. `confidence` is the model's own word, which says little; `calibrated` how often
    such an opinion of this judge is right, where that is known."""
    calibrated = calibration.of(opinion.role, opinion.confidence)
    return {
        "judge": opinion.role.value,
        "model": opinion.model,
        "round": opinion.round,
        "vote": opinion.vote.value,
        "score": opinion.score,
        "confidence": opinion.confidence,
        "calibrated": None if calibrated is None else round(calibrated, 3),
        "rationale": opinion.rationale,
        "absence": opinion.absence,
        "asked_to_see": list(opinion.asked),
        "unresolved_citations": opinion.unresolved,
        "void": opinion.void,
        "said": None if opinion.said is None else opinion.said.value,
        "said_confidence": opinion.said_confidence,
        "failure": opinion.failure,
        "evidence": evidence_view(opinion.key, opinion.evidence),
    }


def evidence_view(key: str, items: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Places where something stands that concerns the criterion `key`, as JSON-ready values."""
    return [
        {
            "path": item.path,
            "start_line": item.start_line,
            "end_line": item.end_line,
            "quote": item.quote,
            "rule": item.rule,
            "fingerprint": item.fingerprint,
            "place": place_fingerprint(key, item),
            "verified": item.verified,
        }
        for item in items
    ]
