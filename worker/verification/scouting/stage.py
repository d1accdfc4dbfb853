"""Have a snapshot read: from what is to be read, through the scouts, to what they named."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from worker.core.settings import Settings
from worker.isolation.contained import Contained
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.verification.constitution.criteria import Criterion
from worker.verification.examination import Examination, ToScout
from worker.verification.scouting.scouts import Estimate, Read, Scouts
from worker.verification.scouting.survey import Surveyed
from worker.verification.tribunal import Step

# Pieces whose places are looked up in one call.
_AT_ONCE = 50


async def scout(
    process: Contained,
    to_scout: ToScout,
    criteria: Sequence[Criterion],
    gateway: Gateway,
    caller: Caller,
    *,
    settings: Settings,
    step: Step,
) -> tuple[str, ...]:
    """Have everything read that is to be read; returns notes on what was read and what was not. Raises LlmError."""
    if not to_scout.pieces:
        return ()
    scouts = await asyncio.to_thread(Scouts, gateway, caller, settings, batches=to_scout.batches)
    estimate = await asyncio.to_thread(scouts.estimate, to_scout.pieces, criteria)
    await step("scouting", {"pieces": len(to_scout.pieces), **asdict(estimate), "suffices": estimate.suffices})

    async def text(number: int) -> str:
        piece: str = await process.call(Examination.piece, number)
        return piece

    async def told(done: int, of: int) -> None:
        await step("scouting", {"pieces_read": done, "pieces": of})

    read = await scouts.read(to_scout.pieces, criteria, text, told)
    surveyed = Surveyed(0, 0)
    for start in range(0, len(read.read), _AT_ONCE):
        surveyed = await process.call(Examination.scouted, read.read[start : start + _AT_ONCE])
    return tuple(_notes(estimate, read, surveyed))


def _notes(estimate: Estimate, read: Read, surveyed: Surveyed) -> Iterator[str]:
    """What a reader should know of how the repository was read."""
    yield f"Scouts read {len(read.read)} piece(s) of the repository and named {surveyed.places} place(s)."
    if surveyed.invented:
        yield f"Of {surveyed.invented} place(s) that scouts named, what they quote stands nowhere in what they read."
    if read.unread:
        why = ", ".join(f"{count} since {reason}" for reason, count in sorted(read.unread.items()))
        yield f"{sum(read.unread.values())} piece(s) were not read: {why}."
    if not estimate.suffices:
        yield (
            f"To read everything may take ${estimate.usd:.2f}; the run's budget leaves ${estimate.budget_usd:.2f}"
            " for it (CVA_RUN_BUDGET_USD)."
        )
