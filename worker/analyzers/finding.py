"""One static-analysis result."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from worker.analyzers import statement
from worker.core.telemetry.masking import cut, mask_code, without_false_marks
from worker.core.vocabulary import Category, Severity
from worker.sources.snapshot import Snapshot

_MAX_QUOTE_LINES = 10
_MAX_LINE = 300
_MAX_QUOTE = 1600
_MAX_MESSAGE = 2000


@dataclass(frozen=True)
class Finding:
    """`start_line` and `end_line` count from 1, both inclusive; `confidence` is 0 to 1.

    `quote` is the code at that place, secrets masked. `verified`: the place is in the snapshot. `precise`: the tool
    itself states that nearly every finding of the rule is true (SARIF's property `precision`).
    """

    analyzer: str
    rule_id: str
    category: Category
    severity: Severity
    confidence: float
    message: str
    path: str
    start_line: int
    end_line: int
    quote: str = ""
    fingerprint: str = ""
    verified: bool = False
    precise: bool = False

    @property
    def rule(self) -> str:
        """`analyzer:rule_id`, unique among all analyzers."""
        return f"{self.analyzer}:{self.rule_id}"

    @property
    def details(self) -> dict[str, str | float | bool]:
        """All but the rule, JSON-ready: what the database keeps of it and what the verdict tells."""
        found = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("analyzer", "rule_id", "precise")
        }
        return {**found, "category": self.category.value, "severity": self.severity.value}


def _quote(lines: Sequence[str], path: str) -> str:
    """The lines as they may be published: secrets hidden, and no longer than anybody would read."""
    masked = mask_code(without_false_marks("\n".join(lines)), path)
    return cut("\n".join(cut(line, _MAX_LINE) for line in masked.split("\n")), _MAX_QUOTE)


def resolve(findings: Iterable[Finding], snapshot: Snapshot) -> list[Finding]:
    """Quote every finding's place and mark it verified, or leave it unverified where there is no such place.

    Fingerprints hash the rule, the path and the quoted code, not the line, so they survive code that moves;
    equal ones in a file are told apart by their order. The result is sorted by path, line and rule.
    """
    ordered = sorted(findings, key=lambda f: (f.path, f.start_line, f.end_line, f.rule, f.message))
    seen: Counter[str] = Counter()
    lines_of: dict[str, list[str] | None] = {}
    resolved = []
    for finding in dict.fromkeys(ordered):
        if finding.path not in lines_of:
            lines_of[finding.path] = snapshot.lines(finding.path)
        lines = lines_of[finding.path]
        verified = lines is not None and 1 <= finding.start_line <= finding.end_line <= len(lines)
        quote = ""
        if lines is not None and verified:
            if finding.analyzer == "bandit":
                # Its SARIF ends on the second line of a statement, wherever that ends.
                last = max(finding.end_line, statement.end(lines, finding.start_line))
                finding = replace(finding, end_line=last)  # noqa: PLW2901  the place of this one, mended
            end = min(finding.end_line, finding.start_line + _MAX_QUOTE_LINES - 1)
            quote = _quote(lines[finding.start_line - 1 : end], finding.path)
        base = "\0".join((finding.rule, finding.path, " ".join(quote.split())))
        seen[base] += 1
        fingerprint = hashlib.sha256(f"{base}\0{seen[base]}".encode()).hexdigest()[:32]
        resolved.append(
            replace(
                finding,
                quote=quote.replace("\0", ""),
                message=mask_code(finding.message[:_MAX_MESSAGE]).replace("\0", ""),
                fingerprint=fingerprint,
                verified=verified,
            )
        )
    return resolved
