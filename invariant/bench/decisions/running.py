"""Verify cases in static mode by the product's own functions, a few at a time: most of the work is the analyzers'
processes."""

import asyncio
import uuid
from collections.abc import Sequence

from invariant.bench.decisions import judging
from invariant.bench.decisions.cases import Case
from invariant.bench.decisions.judging import CaseResult
from worker import isolated
from worker.core.settings import Settings
from worker.core.untrusted.source import PathSource
from worker.isolation.contained import Isolation
from worker.isolation.room import Room
from worker.runtime.single_flight import Flights
from worker.sources import take
from worker.verification import pipeline
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected

_AT_ONCE = 4


async def run_all(cases: Sequence[Case]) -> list[CaseResult]:
    """What came of each case, in their order."""
    gate = asyncio.Semaphore(_AT_ONCE)
    isolation = isolated.isolation()

    async def one(case: Case) -> CaseResult:
        async with gate:
            try:
                return judging.judge(case, await _verify(case, isolation))
            except ConstitutionRejected as error:
                return judging.rejected(case, str(error))

    try:
        return await asyncio.gather(*map(one, cases))
    finally:
        isolation.close()


async def _verify(case: Case, isolation: Isolation) -> pipeline.Judged:
    # Defaults, whatever the environment says: figures are compared between machines.
    settings = Settings.model_validate({})
    request = take.Request(PathSource(kind="path", path=str(case.repository)))
    async with (
        isolation.open(Room()) as reader,
        take.snapshot(request, settings=settings, run_id=uuid.uuid4(), attempt=1, isolation=isolation) as taken,
    ):
        criteria = asyncio.create_task(reader.call(reading.read, case.constitution))
        work = pipeline.Work(case.constitution, taken, reader, frozenset(), None, Flights(kept=0))
        return await pipeline.verify(work, criteria, settings=settings, step=_no_step)


async def _no_step(_name: str, _data: dict[str, object]) -> None:
    return None
