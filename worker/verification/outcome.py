"""All that a completed verification has to say: what the reports show and the database keeps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import Outcome, Severity, TribunalMode
from worker.sources.snapshot import Snapshot
from worker.verification.consensus import CriterionResult
from worker.verification.verdict import RunVerdict


@dataclass(frozen=True)
class Subject:
    """Which run of what. `source` is the stored view of the source; `web_url` shows files on the git host."""

    run_id: str
    repo_full_name: str | None
    branch: str | None
    source: dict[str, object]
    mode: str
    base: str | None
    constitution_id: str
    constitution_sha256: str
    web_url: str | None
    created_at: datetime


@dataclass(frozen=True)
class RunOutcome:
    subject: Subject
    snapshot: Snapshot
    analysis: Analysis
    results: Sequence[CriterionResult]
    verdict: RunVerdict
    tribunal: TribunalMode
    tribunal_why: str
    extraction: str
    started_at: datetime
    finished_at: datetime

    def count(self, outcome: Outcome) -> int:
        """Criteria with this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def findings_by_severity(self) -> dict[Severity, int]:
        counted = Counter(finding.severity for finding in self.analysis.findings)
        return {severity: counted[severity] for severity in Severity}

    @property
    def files_seen(self) -> int:
        """Files that at least one analyzer read without an error."""
        return len(frozenset().union(*(tool.covered for tool in self.analysis.tools)))

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.snapshot.notes, *self.analysis.notes)
