"""Places: which of them a criterion surely speaks of, and which are shown first."""

from collections.abc import Iterable
from dataclasses import replace

from worker.analyzers.finding import Finding
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.places import EXCEPTIONS, PLACES, Within
from worker.verification.constitution.scope import Scope
from worker.verification.opinion import Evidence

MOST = 10
"""How many places are shown where they prove nothing."""


def surely(criterion: Criterion, path: str) -> bool:
    """Whether the criterion speaks of the path; where it names its places twice, both ways."""
    scope = criterion.scope
    languages = [entry for entry in scope.include if _is_language(entry)]
    twice = len(scope.quotes) > 1 or (languages and len(languages) < len(scope.include))
    if twice and len(scope.include) > 1:
        return all(replace(scope, include=(entry,)).of(path) is Within.YES for entry in scope.include)
    return scope.of(path) is Within.YES


def misread(scope: Scope) -> bool:
    """Whether its exceptions take away all that is left: «outside tests, Python code must not …» excepts no Python."""
    return any(entry in ("code", "product code") or _is_language(entry) for entry in scope.exclude)


def _is_language(entry: str) -> bool:
    return not (entry in EXCEPTIONS or entry in PLACES or "/" in entry or "." in entry)


def chosen(findings: Iterable[Finding]) -> list[Finding]:
    """At most MOST of them."""
    return in_turn(findings)[:MOST]


def in_turn(findings: Iterable[Finding]) -> list[Finding]:
    """Each place once: the gravest first, and of equals one from each file before the second of any."""
    ordered = sorted(findings, key=lambda f: (f.severity.rank, -f.confidence, f.path, f.start_line, f.rule))
    unique = list({(finding.path, finding.start_line): finding for finding in reversed(ordered)}.values())[::-1]
    turns: dict[str, int] = {}
    keyed = []
    for finding in unique:
        turns[finding.path] = turn = turns.get(finding.path, -1) + 1
        keyed.append((finding.severity.rank, turn, finding))
    return [finding for _, _, finding in sorted(keyed, key=lambda entry: entry[:2])]


def evidence(finding: Finding) -> Evidence:
    return Evidence(
        finding.path,
        finding.start_line,
        finding.end_line,
        finding.quote,
        rule=finding.rule,
        fingerprint=finding.fingerprint,
        verified=True,
    )
