"""Read SARIF 2.1.0 (OASIS Standard, 2020) as findings: one reader for every analyzer.

What a tool wrote is as untrusted as what it looked at: anything of the wrong shape is left out and counted,
nothing raises but a document that is no SARIF at all.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic_core import from_json

from worker.analyzers import classify
from worker.analyzers.finding import Finding

MAX_FINDINGS = 10_000
# Of one rule in one file: who has read so many knows the rest.
MAX_ALIKE = 100


class NotSarif(ValueError):
    """The document cannot be read as SARIF."""


@dataclass(frozen=True)
class Reading:
    """`failed_files` are those the tool itself says it could not analyse; `notes` what was left out and why; `rules`
    those that the tool says it has.

    `whole` is False when all results of a rule in a file were left out, so that finding nothing means nothing.
    """

    findings: tuple[Finding, ...]
    version: str | None
    failed_files: frozenset[str]
    notes: tuple[str, ...]
    whole: bool
    rules: frozenset[str] = frozenset()


NOTHING = Reading((), None, frozenset(), (), whole=False)


def read(document: bytes, *, analyzer: str, root: Path) -> Reading:
    """Findings of one document, with paths relative to `root`. Raises NotSarif."""
    try:
        data = from_json(document)
    except ValueError:
        raise NotSarif("its output is not JSON") from None
    if not isinstance(data, dict) or not isinstance(data.get("runs"), list):
        raise NotSarif("its output is not SARIF: there is no list of runs")
    findings: list[Finding] = []
    alike: Counter[tuple[str, str]] = Counter()
    failed: set[str] = set()
    named: set[str] = set()
    version: str | None = None
    malformed = unplaced = 0
    for run in data["runs"]:
        if not isinstance(run, dict):
            malformed += 1
            continue
        rules = _rules(run)
        named.update(rules)
        version = version or _text(_dict(_dict(run, "tool"), "driver"), "version")
        failed.update(_failed_files(run, root))
        for result in _dicts(run, "results"):
            if result.get("kind", "fail") not in ("fail", "review", "open"):
                continue
            finding = _finding(result, rules, analyzer, root)
            if finding is None:
                unplaced += 1
                continue
            alike[finding.path, finding.rule_id] += 1
            if alike[finding.path, finding.rule_id] <= MAX_ALIKE:
                findings.append(finding)
    repeated = sum(max(0, count - MAX_ALIKE) for count in alike.values())
    kept = _kept(findings)
    hidden = len(alike) - len({(finding.path, finding.rule_id) for finding in kept})
    counted = (
        (malformed, "run(s) of the wrong shape left out"),
        (unplaced, "result(s) without a rule or a place in the snapshot left out"),
        (repeated, f"result(s) of a rule beyond the first {MAX_ALIKE} in a file left out"),
        (len(findings) - len(kept), f"result(s) beyond the gravest {MAX_FINDINGS} left out"),
    )
    notes = tuple(f"{analyzer}: {count} {what}" for count, what in counted if count)
    whole = not (malformed or unplaced or hidden)
    return Reading(tuple(kept), version, frozenset(failed), notes, whole, frozenset(named))


def _kept(findings: list[Finding]) -> list[Finding]:
    """At most MAX_FINDINGS: the first of each rule in a file before the second of any, then the gravest."""
    if len(findings) <= MAX_FINDINGS:
        return findings
    turns: Counter[tuple[str, str]] = Counter()
    keyed = []
    for finding in findings:
        turns[finding.path, finding.rule_id] += 1
        keyed.append((turns[finding.path, finding.rule_id] > 1, finding.severity.rank, finding))
    return [finding for _, _, finding in sorted(keyed, key=lambda entry: entry[:2])[:MAX_FINDINGS]]


def _finding(
    result: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]], analyzer: str, root: Path
) -> Finding | None:
    rule_id = _text(result, "ruleId") or _text(_dict(result, "rule"), "id")
    if rule_id is None:
        return None
    rule = rules.get(rule_id, {})
    level = _text(result, "level") or _text(_dict(rule, "defaultConfiguration"), "level") or "warning"
    for location in _dicts(result, "locations"):
        physical = _dict(location, "physicalLocation")
        path = _path(_text(_dict(physical, "artifactLocation"), "uri"), root)
        if path is None:
            continue
        region = _dict(physical, "region")
        start = _line(region, "startLine") or 1
        return Finding(
            analyzer=analyzer,
            rule_id=rule_id[:128],
            category=classify.category(analyzer, rule_id, rule, result),
            severity=classify.severity(analyzer, rule_id, level, rule, result),
            confidence=classify.confidence(analyzer, rule, result),
            precise=classify.precise(rule),
            message=(_text(_dict(result, "message"), "text") or rule_id).strip(),
            path=path,
            start_line=start,
            end_line=max(start, _end_line(region, start)),
        )
    return None


def _end_line(region: Mapping[str, Any], start: int) -> int:
    end = _line(region, "endLine") or start
    # A region that ends before the first column of a line does not reach into it.
    return end - 1 if end > start and region.get("endColumn") == 1 else end


def _rules(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    driver = _dict(_dict(run, "tool"), "driver")
    return {rule["id"]: rule for rule in _dicts(driver, "rules") if isinstance(rule.get("id"), str)}


def _failed_files(run: Mapping[str, Any], root: Path) -> Iterator[str]:
    for invocation in _dicts(run, "invocations"):
        for key in ("toolConfigurationNotifications", "toolExecutionNotifications"):
            for notification in _dicts(invocation, key):
                if notification.get("level") != "error":
                    continue
                for location in _dicts(notification, "locations"):
                    artifact = _dict(_dict(location, "physicalLocation"), "artifactLocation")
                    if path := _path(_text(artifact, "uri"), root):
                        yield path


@lru_cache(maxsize=4096)
def _path(uri: str | None, root: Path) -> str | None:
    """The URI as a path relative to `root`; None for one that points elsewhere."""
    if not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in ("", "file"):
        return None
    path = PurePosixPath(unquote(parts.path))
    if path.is_absolute():
        for base in (root, root.resolve()):
            if path.is_relative_to(base):
                path = path.relative_to(base)
                break
        else:
            return None
    return None if ".." in path.parts or str(path) in (".", "") else str(path)


def _dict(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = item.get(key)
    return found if isinstance(found, dict) else {}


def _dicts(item: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = item.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _text(item: Mapping[str, Any], key: str) -> str | None:
    found = item.get(key)
    return found if isinstance(found, str) and found else None


def _line(region: Mapping[str, Any], key: str) -> int | None:
    found = region.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**31 else None
