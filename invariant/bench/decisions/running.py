"""Verify cases in static mode by the product's own functions, a few at a time: most of the work is the analyzers'
processes."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from invariant.bench.decisions import judging
from invariant.bench.decisions.cases import Case
from invariant.bench.decisions.judging import CaseResult
from worker.core.settings import Settings
from worker.runtime.single_flight import Flights
from worker.sources import local
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification import pipeline
from worker.verification.constitution.criteria import ConstitutionRejected

_AT_ONCE = 4
_LIMITS = SnapshotLimits(files=10_000, total=64 << 20, file=1 << 20)


async def run_all(cases: Sequence[Case]) -> list[CaseResult]:
    """What came of each case, in their order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> CaseResult:
        async with gate:
            try:
                return judging.judge(case, await _verify(case))
            except ConstitutionRejected as error:
                return judging.rejected(case, str(error))

    return await asyncio.gather(*map(one, cases))


async def _verify(case: Case) -> pipeline.Judged:
    with tempfile.TemporaryDirectory(prefix="invariant-decisions-") as folder:
        # The analyzers' home is the folder above the snapshot.
        snapshot = _snapshot(case, Path(folder, "snapshot"))
        reading = asyncio.create_task(pipeline.start_reading(case.constitution, None))
        # Defaults, whatever the environment says: figures are compared between machines.
        settings = Settings.model_validate({})
        work = pipeline.Work(case.constitution, snapshot, frozenset(), None, Flights(kept=0))
        return await pipeline.verify(work, reading, settings=settings, step=_no_step)


def _snapshot(case: Case, root: Path) -> Snapshot:
    root.mkdir()
    notes = local.copy(case.repository, root, _LIMITS)
    return scan(root, _LIMITS, notes=notes)


async def _no_step(_name: str, _data: dict[str, object]) -> None:
    return None
