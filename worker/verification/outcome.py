"""All that a completed verification has to say: what the reports show and the database keeps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import CriterionKind, Outcome, Severity, TribunalMode
from worker.sources.snapshot import Snapshot
from worker.verification.calibration import Calibration
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Reading
from worker.verification.result import CriterionResult
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
class Calls:
    """LLM calls that the run rests on. `cost` in US dollars, of those that were made for it."""

    made: int = 0
    reused: int = 0
    failed: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class Previous:
    """The branch's run before this one, against the same constitution."""

    run_id: str
    verdict: str
    score: float | None
    outcomes: dict[str, str]


@dataclass(frozen=True)
class Acceptance:
    """Who let a place be, and when; None: the service."""

    by: str | None
    at: datetime


@dataclass(frozen=True)
class RunOutcome:
    subject: Subject
    snapshot: Snapshot
    analysis: Analysis
    results: Sequence[CriterionResult]
    verdict: RunVerdict
    tribunal: TribunalMode
    tribunal_why: str
    reading: Reading
    remarks: tuple[str, ...]
    calls: Calls
    previous: Previous | None
    calibration: Calibration
    accepted: Mapping[str, Acceptance]
    """Fingerprints of places and findings that people let be."""
    started_at: datetime
    finished_at: datetime

    def count(self, outcome: Outcome) -> int:
        """Criteria with this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def process(self) -> tuple[Criterion, ...]:
        """Criteria about how people work, which no repository shows."""
        return tuple(criterion for criterion in self.reading.criteria if criterion.kind is CriterionKind.PROCESS)

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
        return (*self.snapshot.notes, *self.analysis.notes, *self.remarks)
