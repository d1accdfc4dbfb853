"""One static-analysis result."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from worker.analyzers import statement
from worker.core.telemetry.masking import cut, mask_code, mask_file
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


@dataclass(frozen=True)
class _Source:
    """A file as it stands and as it may be published; `lines` None: it is not in the snapshot."""

    lines: Sequence[str] | None
    masked: Sequence[str] = ()

    @classmethod
    def of(cls, snapshot: Snapshot, path: str) -> "_Source":
        lines = snapshot.lines(path)
        return cls(None) if lines is None else cls(lines, mask_file("\n".join(lines), path).split("\n"))

    def quote(self, start: int, end: int) -> str:
        """Some lines, no longer than anybody would read."""
        lines = self.masked[start - 1 : min(end, start + _MAX_QUOTE_LINES - 1)]
        return cut("\n".join(cut(line, _MAX_LINE) for line in lines), _MAX_QUOTE).replace("\0", "")


def resolve(findings: Iterable[Finding], snapshot: Snapshot) -> list[Finding]:
    """Quote every finding's place and mark it verified, or leave it unverified where there is no such place.

    Fingerprints hash the rule, the path and the quoted code, not the line, so they survive code that moves;
    equal ones in a file are told apart by their order. The result is sorted by path, line and rule.
    """
    ordered = sorted(findings, key=lambda f: (f.path, f.start_line, f.end_line, f.rule, f.message))
    seen: Counter[str] = Counter()
    sources: dict[str, _Source] = {}
    # Thousands of findings have a dozen messages among them.
    masked = lru_cache(maxsize=4096)(mask_code)
    resolved = []
    for finding in dict.fromkeys(ordered):
        if finding.path not in sources:
            sources[finding.path] = _Source.of(snapshot, finding.path)
        source = sources[finding.path]
        lines = source.lines
        verified = lines is not None and 1 <= finding.start_line <= finding.end_line <= len(lines)
        quote, last = "", finding.end_line
        if lines is not None and verified:
            if finding.analyzer == "bandit":
                # Its SARIF ends on the second line of a statement, wherever that ends.
                last = max(last, statement.end(lines, finding.start_line))
            quote = source.quote(finding.start_line, last)
        base = "\0".join((finding.rule, finding.path, " ".join(quote.split())))
        seen[base] += 1
        resolved.append(
            replace(
                finding,
                end_line=last,
                quote=quote,
                message=masked(finding.message[:_MAX_MESSAGE]).replace("\0", ""),
                fingerprint=hashlib.sha256(f"{base}\0{seen[base]}".encode()).hexdigest()[:32],
                verified=verified,
            )
        )
    return resolved
