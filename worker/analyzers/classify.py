"""Category, severity and confidence of a finding, from what its SARIF says.

Severity comes from `security-severity` where a tool gives it (a CVSS score, as GitHub code scanning reads it:
9 and above critical, 7 high, 4 medium), then from bandit's own properties, then from the SARIF level. ruff
calls every result an error, so its rule codes decide.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from worker.core.vocabulary import Category, Severity

_STYLE_PREFIXES = (
    "E1", "E2", "E3", "E4", "E5", "E7", "W", "I", "N", "D", "UP", "Q", "COM", "T20", "ERA", "ANN", "FIX", "TD",
    "C901", "SIM", "RET", "PLR", "F401",
)  # fmt: skip
_RUFF_HIGH = ("E9", "F821", "F822", "F823", "F63", "F7", "PLE", "invalid-syntax", "B012", "B015", "B018")
_RUFF_MEDIUM = ("F", "B", "E7", "C901", "DTZ", "ASYNC")
_WORDS = {"HIGH": 0.9, "MEDIUM": 0.7, "LOW": 0.4}


def _by_code(code: str, prefixes: tuple[str, ...]) -> bool:
    return code.startswith(prefixes)


def category(analyzer: str, rule_id: str, rule: Mapping[str, Any], result: Mapping[str, Any]) -> Category:
    """What the finding is about."""
    if analyzer == "ruff":
        if rule_id.startswith("S") and rule_id[1:].isdigit():
            return Category.SECURITY
        return Category.STYLE if _by_code(rule_id, _STYLE_PREFIXES) else Category.FUNCTIONALITY
    tags = {str(tag).lower() for tag in [*_list(_properties(rule), "tags"), *_list(_properties(result), "tags")]}
    if analyzer == "bandit" or "security" in tags or _security_score(rule, result) is not None:
        return Category.SECURITY
    if tags & {"style", "formatting", "convention", "maintainability", "readability"}:
        return Category.STYLE
    return Category.FUNCTIONALITY


def severity(analyzer: str, rule_id: str, level: str, rule: Mapping[str, Any], result: Mapping[str, Any]) -> Severity:
    """How bad the finding is."""
    score = _security_score(rule, result)
    if score is not None:
        bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
        return next((word for bound, word in bounds if score >= bound), Severity.LOW)
    if analyzer == "ruff":
        if _by_code(rule_id, _RUFF_HIGH):
            return Severity.HIGH
        return Severity.MEDIUM if _by_code(rule_id, _RUFF_MEDIUM) and rule_id != "F401" else Severity.LOW
    if analyzer == "bandit":
        level = str(_properties(result).get("issue_severity", "")).lower() or level
        return Severity(level) if level in ("high", "medium", "low") else Severity.MEDIUM
    return {"error": Severity.HIGH, "warning": Severity.MEDIUM}.get(level, Severity.LOW)


def confidence(analyzer: str, rule: Mapping[str, Any], result: Mapping[str, Any]) -> float:
    """How sure the tool is, 0 to 1: bandit says so, CodeQL and others by `precision`, the rest are exact."""
    if analyzer == "bandit":
        return _WORDS.get(str(_properties(result).get("issue_confidence", "")).upper(), 0.7)
    precision = str(_properties(rule).get("precision", "")).lower()
    return {"very-high": 0.95, "high": 0.9, "medium": 0.7, "low": 0.4}.get(precision, 0.9)


def precise(rule: Mapping[str, Any]) -> bool:
    """Whether the tool states that nearly every finding of the rule is true (GitHub's property `precision`)."""
    return str(_properties(rule).get("precision", "")).lower() in ("very-high", "high")


def _properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = item.get("properties")
    return found if isinstance(found, Mapping) else {}


def _list(item: Mapping[str, Any], key: str) -> list[Any]:
    found = item.get(key)
    return found if isinstance(found, list) else []


def _security_score(rule: Mapping[str, Any], result: Mapping[str, Any]) -> float | None:
    for item in (result, rule):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return float(_properties(item)["security-severity"])
    return None
