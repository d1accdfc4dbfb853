"""verdict.sarif: SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning and editors.

A failed criterion is one result per verified place, and so is the security judge's objection to one that passed; a
finding that no failed criterion cites is a result of its own. Fingerprints do not hold line numbers, so they survive
code that moves."""

from typing import Any
from urllib.parse import quote

from pydantic_core import to_json

from worker.core.version import VERSION
from worker.core.vocabulary import Outcome, Severity, Vote
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Evidence, Opinion
from worker.verification.outcome import RunOutcome
from worker.verification.result import CriterionResult

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_SECURITY_SEVERITY = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0"}


def render(outcome: RunOutcome) -> bytes:
    """The document as UTF-8 JSON."""
    rules: dict[str, dict[str, Any]] = {}
    results: list[dict[str, Any]] = []
    cited: set[str] = set()
    for result in outcome.results:
        if result.outcome is Outcome.FAIL:
            rules[result.criterion.key] = _criterion_rule(result)
            for item in result.places:
                cited.add(item.fingerprint or "")
                results.append(_criterion_result(result, item))
        elif (objection := result.objection) is not None:
            rules[result.criterion.key] = _criterion_rule(result)
            results += [_objection(result, objection, item) for item in objection.places]
    for finding in outcome.analysis.findings:
        if finding.verified and finding.fingerprint not in cited:
            rules.setdefault(
                finding.rule,
                _rule(finding.rule, finding.rule, finding.category.value, finding.severity),
            )
            results.append(
                _result(
                    finding.rule,
                    _LEVELS[finding.severity],
                    finding.message,
                    Evidence(finding.path, finding.start_line, finding.end_line, finding.quote),
                    finding.fingerprint,
                )
            )
    numbers = {rule: number for number, rule in enumerate(rules)}
    for entry in results:
        entry["ruleIndex"] = numbers[entry["ruleId"]]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Invariant",
                "semanticVersion": VERSION,
                "rules": list(rules.values()),
            }
        },
        "automationDetails": {"id": f"invariant/{outcome.subject.constitution_sha256[:12]}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "startTimeUtc": _utc(outcome.started_at.isoformat()),
                "endTimeUtc": _utc(outcome.finished_at.isoformat()),
                "toolExecutionNotifications": [{"level": "note", "message": {"text": note}} for note in outcome.notes],
            }
        ],
        "results": results,
        "properties": {
            "verdict": outcome.verdict.verdict.value,
            "score": outcome.verdict.score,
            "reason": outcome.verdict.reason,
            "tribunal": outcome.tribunal.value,
        },
    }
    url = outcome.subject.source.get("url")
    if outcome.snapshot.commit and isinstance(url, str) and "://" in url:
        run["versionControlProvenance"] = [{"repositoryUri": url, "revisionId": outcome.snapshot.commit}]
    return to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _utc(stamp: str) -> str:
    return stamp.replace("+00:00", "Z")


def _rule(rule_id: str, name: str, category: str, severity: Severity) -> dict[str, Any]:
    tags = [category] if category != "security" else ["security"]
    properties: dict[str, Any] = {"tags": tags}
    if category == "security":
        properties["security-severity"] = _SECURITY_SEVERITY[severity]
    return {
        "id": rule_id,
        "shortDescription": {"text": name[:1000]},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": properties,
    }


def _criterion_rule(result: CriterionResult) -> dict[str, Any]:
    criterion = result.criterion
    return _rule(criterion.key, criterion.statement, criterion.category.value, criterion.severity)


def _criterion_result(result: CriterionResult, item: Evidence) -> dict[str, Any]:
    failing = next((o for o in result.opinions if o.vote is Vote.FAIL and item in o.places), None)
    text = f"{result.criterion.statement} — {failing.rationale if failing else result.reason}"
    fingerprint = place_fingerprint(result.criterion.key, item)
    return _result(result.criterion.key, _LEVELS[result.criterion.severity], text, item, fingerprint)


def _objection(result: CriterionResult, objection: Opinion, item: Evidence) -> dict[str, Any]:
    text = f"{result.criterion.statement} — passed, and the security judge objects: {objection.rationale}"
    fingerprint = place_fingerprint(result.criterion.key, item)
    return _result(result.criterion.key, "note", text, item, fingerprint)


def _result(rule_id: str, level: str, text: str, place: Evidence, fingerprint: str) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.start_line, "endLine": place.end_line}
    if place.quote:
        region["snippet"] = {"text": place.quote}
    return {
        "ruleId": rule_id,
        "level": level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.path), "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"invariant/v1": fingerprint},
    }
