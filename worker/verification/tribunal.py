"""The seam where judges come in: a tribunal gets one case and gives opinions, and nothing else of it is seen."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import TribunalMode
from worker.sources.snapshot import Snapshot
from worker.verification.consensus import CriterionResult
from worker.verification.context.index import Index
from worker.verification.criteria import Criterion
from worker.verification.opinion import Opinion
from worker.verification.topics import Coverage

Progress = Callable[[int, int], Awaitable[None]]
"""Told (criteria judged, criteria in all) as the work goes on."""


@dataclass(frozen=True)
class Case:
    """All that the judges may look at. `coverages` goes with `criteria`, one for one; judges with models need
    the `index`."""

    snapshot: Snapshot
    analysis: Analysis
    criteria: Sequence[Criterion]
    coverages: Sequence[Coverage | None]
    index: Index | None = None


class Tribunal(Protocol):
    """Three judges. `why` says in one sentence why this kind of tribunal sits."""

    mode: TribunalMode
    why: str

    async def judge(self, case: Case, progress: Progress) -> list[Opinion]:
        """At most one opinion per judge, criterion and round; evidence as cited, not yet verified."""
        ...

    async def debate(self, case: Case, contested: Sequence[CriterionResult]) -> list[Opinion]:
        """Opinions of a second round on what the judges split over; none where there is nothing to say."""
        ...

    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the judges and of what they were shown."""
        ...
