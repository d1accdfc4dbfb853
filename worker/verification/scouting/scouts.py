"""Scouts read what they are given, piece by piece, and name places; one model, no vote.

What the budget, the time or an unusable answer leaves unread stays unread, and is told. An outage ends the attempt, as
it does for judges: what was answered is on the ledger.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from worker.core.ids import sha256
from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole
from worker.llm import prices, providers
from worker.llm.errors import LlmError, OverBudget, Rejected, Transient
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.llm.providers import SCOUT
from worker.verification.constitution.criteria import Criterion
from worker.verification.scouting import answer, prompts
from worker.verification.scouting.answer import ScoutAnswer
from worker.verification.scouting.survey import PieceRead, ToRead

Text = Callable[[int], Awaitable[str]]
"""Gives the text of a piece by its number."""
Told = Callable[[int, int], Awaitable[None]]
"""Told (pieces read, pieces in all) as the work goes on."""

CRITERIA_AT_ONCE = 60
"""A scout has so many criteria in mind at once; a piece is asked about once for each such part of a constitution."""
_AT_WORK = 128
_OF_DEADLINE = 0.5
_BYTES_PER_TOKEN = 4
_ANSWER_TOKENS = 600
_OF_BUDGET = 0.6
_JUDGING = 8
_TELL_EVERY = 20
_SHARED = 2


@dataclass(frozen=True)
class Estimate:
    """What reading everything takes, about, if nothing of it is on the ledger, and what there is for it."""

    questions: int
    """One for each piece and each sixty criteria."""
    tokens: int
    usd: float
    budget_usd: float

    @property
    def suffices(self) -> bool:
        return self.usd <= self.budget_usd


@dataclass(frozen=True)
class Read:
    """What the scouts have read. `unread` counts pieces that they have not, by the reason."""

    read: tuple[PieceRead, ...]
    unread: Mapping[str, int]


class Scouts:
    """`caller` pays; judges are left enough of the budget of the run to judge `batches` batches of criteria."""

    def __init__(self, gateway: Gateway, caller: Caller, settings: Settings, *, batches: int) -> None:
        self._gateway = gateway
        self._settings = settings
        whole = max(0.0, settings.run_budget_usd + caller.allowance)
        kept = min(_OF_BUDGET * whole, float(_judging(settings, batches)))
        self._budget = whole - kept
        self._caller = replace(caller, allowance=caller.allowance - kept)

    def estimate(self, to_read: Sequence[ToRead], criteria: Sequence[Criterion]) -> Estimate:
        """What it will take; blocking, the library's prices are loaded. Said before anything is spent."""
        questions, tokens, usd = 0, 0, Decimal(0)
        model = next(iter(providers.chain(SCOUT, self._settings)), None)
        price = None if model is None else prices.of(model, self._settings)
        for part in _parts(criteria):
            instructions = prefix_bytes(part)
            for piece in to_read:
                size = (instructions + piece.size) // _BYTES_PER_TOKEN
                questions += 1
                tokens += size
                usd += Decimal(0) if price is None else price.most(size, _ANSWER_TOKENS)
        return Estimate(questions, tokens, round(float(usd), 4), round(self._budget, 4))

    async def read(self, to_read: Sequence[ToRead], criteria: Sequence[Criterion], text: Text, told: Told) -> Read:
        """Read the pieces in their order, many at once. Raises Transient and Rejected, as judges do."""
        parts = _parts(criteria)
        waiting = iter(to_read)
        places: dict[int, PieceRead] = {}
        unread: Counter[str] = Counter()
        failed: list[Transient | Rejected] = []
        ended: str | None = None
        done = 0

        async def scout() -> None:
            nonlocal done, ended
            for piece in waiting:
                if ended is not None:
                    unread[ended] += 1
                    continue
                content = await text(piece.number)
                try:
                    named = [await self._ask(part, piece.number, content) for part in parts]
                except OverBudget:
                    ended = "the budget ended"
                    unread[ended] += 1
                    continue
                except (Transient, Rejected) as error:
                    # Those under way are paid for: they end before the attempt does.
                    failed.append(error)
                    ended = "the provider failed"
                    continue
                except LlmError as error:
                    unread[_REASONS.get(error.code, "the scout gave no usable answer")] += 1
                    continue
                places[piece.number] = PieceRead(piece.number, tuple(p for one in named for p in one.places))
                done += 1
                if done % _TELL_EVERY == 0:
                    await told(done, len(to_read))

        # Whoever waits for a turn at the provider has less patience left when it comes.
        at_work = min(_AT_WORK, self._settings.llm_concurrency, len(to_read))
        tasks = [asyncio.create_task(scout()) for _ in range(at_work)]
        try:
            async with asyncio.timeout(self._settings.run_deadline_seconds * _OF_DEADLINE) as deadline:
                await asyncio.gather(*tasks)
        except TimeoutError:
            if not deadline.expired():
                raise
            left = len(to_read) - len(places) - unread.total()
            unread["the time ended"] += left
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if failed:
            raise next((error for error in failed if isinstance(error, Transient)), failed[0])
        return Read(tuple(places[number] for number in sorted(places)), dict(unread))

    async def _ask(self, criteria: Sequence[Criterion], number: int, content: str) -> PieceRead:
        messages = _messages(criteria, content)
        ask = Ask(
            role=SCOUT,
            purpose="scout",
            messages=messages,
            answer=ScoutAnswer,
            prompt_version=prompts.version(),
            check=answer.only([criterion.key for criterion in criteria]),
            shared=_SHARED,
            # The same for all pieces of all commits, so that what all of them share can be cached.
            fence=sha256(messages[1]["content"].encode()),
        )
        return answer.read(number, (await self._gateway.ask(ask, self._caller)).value)


def prefix_bytes(criteria: Sequence[Criterion]) -> int:
    """How much a scout is told beside the piece that it reads."""
    return sum(len(message["content"].encode()) for message in _messages(criteria, ""))


_REASONS = {"model_refused": "the scout refused to read it"}


def _parts(criteria: Sequence[Criterion]) -> list[Sequence[Criterion]]:
    ordered = sorted(criteria, key=lambda criterion: (criterion.category.value, criterion.key))
    return [ordered[start : start + CRITERIA_AT_ONCE] for start in range(0, len(ordered), CRITERIA_AT_ONCE)]


def _messages(criteria: Sequence[Criterion], content: str) -> tuple[Mapping[str, str], ...]:
    """What is the same for all pieces comes first."""
    listed = "\n".join(map(_listed, criteria)).replace("\0", " ")
    return (
        {"role": "system", "content": prompts.text("scout")},
        {"role": "user", "content": prompts.fenced("The criteria, each with its key:", listed)},
        {"role": "user", "content": prompts.fenced("The texts:", content)},
    )


def _listed(criterion: Criterion) -> str:
    limits = [
        *(f"only {entry}" for entry in criterion.scope.include),
        *(f"not {entry}" for entry in criterion.scope.exclude),
    ]
    scope = f" [{'; '.join(limits)}]" if limits else ""
    return " ".join(f"{criterion.key} ({criterion.kind.value}): {criterion.statement}{scope}".splitlines())


def _judging(settings: Settings, batches: int) -> Decimal:
    """What the judges of so many batches may cost, in US dollars: each asked, shown more twice, and in a debate where
    all see what any of them was shown."""
    most = Decimal(0)
    for role in JudgeRole:
        for model in providers.chain(role.value, settings)[:1]:
            price = prices.of(model, settings)
            most += batches * price.most(_JUDGING * settings.context_tokens, settings.llm_output_tokens)
    return most
