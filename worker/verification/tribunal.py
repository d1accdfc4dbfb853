"""The case that judges look at."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from worker.analyzers.analyze import Analysis
from worker.sources.snapshot import Snapshot
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.index import Index
from worker.verification.coverage import Reading
from worker.verification.search import Scoped

Progress = Callable[[int, int], Awaitable[None]]
"""Told (criteria judged, criteria in all) as the work goes on."""


Step = Callable[[str, dict[str, object]], Awaitable[None]]
"""Told the name of each step as it begins, with what is known by then."""


@dataclass(frozen=True)
class Case:
    """All that the judges may look at: `scoped` is what code found in the scope of each criterion, by its key."""

    snapshot: Snapshot
    analysis: Analysis
    criteria: Sequence[Criterion]
    index: Index
    scoped: Mapping[str, Scoped]
    reading: Reading = field(default_factory=Reading)
    """What scouts read and named."""
