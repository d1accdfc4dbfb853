"""The one door to the models: a role, messages and a pydantic model go in, a value of that model comes out.

    ledger ─▶ breaker and limits ─▶ reservation ─▶ provider ─▶ settlement ─▶ parsing ─▶ one repair
      └── an answer that is there already ends the way at once

Each role has a chain of models; the next one is asked when one cannot answer. Answers that are no use are
answers all the same: they were paid, they are on the ledger, and the same question does not ask again.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from worker.core.backoff import full_jitter
from worker.core.db.database import Database, is_unavailable, timed_out
from worker.core.ids import new_id, sha256
from worker.core.settings import Settings
from worker.core.telemetry import logs, tracing
from worker.core.telemetry.masking import mask
from worker.llm import breaker, client, fence, ledger, prices, providers, requests, schemas
from worker.llm.client import Completion
from worker.llm.errors import Charge, LlmError, OverBudget, RateLimited, Refused, Transient, Unavailable, Unparseable
from worker.llm.ledger import Busy, Caller, Doubtful, Entry, Full, Reserved, Settlement, Stored
from worker.llm.parsing import parse
from worker.llm.prefixes import Prefixes
from worker.llm.prices import Price
from worker.llm.providers import Model
from worker.llm.requests import Message, Prompt
from worker.runtime.single_flight import Turns

log = logs.get(__name__)
T = TypeVar("T", bound=BaseModel)

NONCE = "\0"
"""Stands in messages where the fence's nonce goes; it is not part of what the ledger hashes."""

_TRIES = 3
_PATIENCE = 10.0
_BUDGET_PATIENCE = 600.0
_SETTLE_SECONDS = 120.0
_FAILURE_SECONDS = 2.0
_MAX_ANSWER = 400_000
_MAX_REPAIR = 4000
_CANCELLED = Settlement(
    completed=False, outcome="cancelled", error="It was cancelled before it was made.", cost=Decimal(0)
)
_FRAME = 1024
"""Tokens that a provider adds to a prompt: marks of roles, words about the form of the answer."""


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A question."""

    role: str
    """Whose chain of models is asked."""
    purpose: str
    """What the ledger calls it."""
    messages: tuple[Message, ...]
    answer: type[T]
    """The form of the answer."""
    prompt_version: str
    check: Callable[[T], None] = lambda _: None
    """May raise ValueError for an answer of the right shape that cannot be right."""
    doubt: Callable[[T], str | None] = lambda _: None
    """What to ask once more about an answer that could be used; the second answer counts, whatever it says."""
    shared: int = 0
    """How many of the leading messages are the same for all judges, rounds and runs of a snapshot: they are cached."""
    batch: int = 0
    """How many are the same for all judges and rounds of a batch of criteria: those are cached as well."""
    fence: str = ""
    """What the nonce is made from, such as the snapshot's digest. Without it, every call has a nonce of its own."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """`model` is the one that gave it."""

    value: T
    model: Model


class Gateway:
    """One per process: it holds the limits of concurrency and the calls that are under way."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._db = db
        self._slots: dict[str, asyncio.Semaphore] = {}
        # Between processes the reservation sees to it that a question is asked once.
        self._turns = Turns()
        self._settling: set[asyncio.Task[None]] = set()
        self._secret: str | None = None
        self._prefixes = Prefixes()
        # Judges of a batch, and both rounds of a debate, are shown the same long text; so are scouts of several runs.
        self._masked = lru_cache(maxsize=256)(partial(mask, secrets=settings.secrets()))

    async def ask(self, ask: Ask[T], caller: Caller) -> Answer[T]:
        """Raises an LlmError when no model of the role's chain gives an answer that can be read.

        Of several reasons the one that trying again may mend is raised, with the shortest wait.
        """
        chain = providers.chain(ask.role, self._settings)
        patience = time.monotonic() + _PATIENCE
        errors: list[LlmError] = []
        for model in await self._answered_first(chain, ask):
            try:
                return await self._ask_model(model, ask, caller, patience)
            except OverBudget:
                raise
            except LlmError as error:
                log.warning("model gave no answer", role=ask.role, model=model.name, code=error.code, reason=str(error))
                error.provider = model.provider
                errors.append(error)
        waits = sorted((e for e in errors if isinstance(e, RateLimited)), key=lambda e: e.seconds)
        transient = [e for e in errors if isinstance(e, Transient)]
        raise (waits or transient or errors)[0]

    async def _answered_first(self, chain: Sequence[Model], ask: Ask[Any]) -> Sequence[Model]:
        """The chain from the first model whose answer is known: when a fallback answered, its word stands."""
        if len(chain) < 2:
            return chain
        keys = [self._key(model, ask.messages, ask) for model in chain]
        known = await ledger.known(self._db, keys)
        first = next((number for number, key in enumerate(keys) if key in known), 0)
        return chain[first:]

    def _key(self, model: Model, messages: Sequence[Message], ask: Ask[Any]) -> str:
        what = {
            "model": model.litellm_name,
            "endpoint": model.base_url,
            "messages": [dict(message) for message in messages],
            "schema": _schemas(ask.answer)[0],
            "parameters": {**requests.parameters(model), "max_tokens": self._settings.llm_output_tokens},
            "prompt_version": ask.prompt_version,
        }
        return sha256(json.dumps(what, sort_keys=True, ensure_ascii=False).encode())

    async def _ask_model(self, model: Model, ask: Ask[T], caller: Caller, patience: float) -> Answer[T]:
        text = await self._text(model, ask.messages, ask, caller, purpose=ask.purpose, patience=patience)
        first: T | None = None
        try:
            first = parse(text, ask.answer, ask.check)
            doubt = ask.doubt(first)
            if doubt is None:
                return Answer(first, model)
            wrong = doubt
        except ValueError as error:
            wrong = str(error)
        complaint = (
            f"That answer could not be used: {wrong[:1000]}\n"
            "Answer again, with one JSON object of the required form and nothing else."
        )
        repair = (
            *ask.messages,
            {"role": "assistant", "content": text[:_MAX_REPAIR] or "(empty)"},
            {"role": "user", "content": complaint},
        )
        text = await self._text(model, repair, ask, caller, purpose="repair", patience=patience)
        try:
            return Answer(parse(text, ask.answer, ask.check), model)
        except ValueError as error:
            if first is not None:
                return Answer(first, model)
            raise Unparseable(f"{model.name} gave no usable answer: {_first_line(error)}") from None

    async def _text(
        self, model: Model, messages: Sequence[Message], ask: Ask[Any], caller: Caller, *, purpose: str, patience: float
    ) -> str:
        """The model's words, from the ledger or from the provider. Raises an LlmError."""
        key = self._key(model, messages, ask)
        while True:
            async with self._turns.take(key):
                try:
                    stored = await self._call(key, model, messages, ask, caller, purpose=purpose, patience=patience)
                except Busy:
                    await asyncio.sleep(full_jitter(1, base=0.5))
                    continue
            if stored.outcome == "refused":
                raise Refused(f"{model.name} refused to answer.")
            if stored.outcome == "truncated":
                raise Unparseable(f"{model.name} was cut off at {self._settings.llm_output_tokens} tokens.")
            return str(stored.response.get("text", ""))

    async def _call(
        self,
        key: str,
        model: Model,
        messages: Sequence[Message],
        ask: Ask[Any],
        caller: Caller,
        *,
        purpose: str,
        patience: float,
    ) -> Stored:
        """The answer that is there, or: reserve, send, settle; tries again while that may help soon."""
        slots = self._slots.setdefault(model.provider, asyncio.Semaphore(self._settings.llm_concurrency))
        if slots.locked() or self._settings.llm_tokens_per_minute or not client.is_loaded():
            # An answer that is there need not wait for others' calls or for a library, nor count as a call.
            stored = await ledger.lookup(self._db, key, caller)
            if stored is not None:
                return stored
        await client.ready()
        prompt = await self._prompt(messages, ask)
        price = prices.of(model, self._settings)
        size = _size(prompt)
        cost = price.most(size + _FRAME, self._settings.llm_output_tokens)
        entry = Entry(key, ask.role, purpose, model.provider, model.name, ask.prompt_version, cost)
        tries = 0
        async with self._prefixes.turn(model, prompt), slots:
            while True:
                tries += 1
                try:
                    taken = await self._take(
                        entry, caller, model, need=size // 3 + self._settings.llm_output_tokens // 4
                    )
                    if isinstance(taken, Stored):
                        return taken
                    return await self._send(taken, key, model, prompt, ask, price=price, most=cost)
                except RateLimited as error:
                    if time.monotonic() + error.seconds > patience:
                        raise
                    tries -= 1
                    await asyncio.sleep(error.seconds + full_jitter(1, base=0.2))
                except _Open:
                    raise
                except Unavailable:
                    if tries >= _TRIES:
                        raise
                    await asyncio.sleep(full_jitter(tries, base=0.5))

    async def _take(self, entry: Entry, caller: Caller, model: Model, *, need: int) -> Stored | Reserved:
        """Waits while the money is only reserved by others; raises OverBudget when it is spent."""
        limits = ledger.Limits(
            run=_dollars(self._settings.run_budget_usd + caller.allowance),
            user=_dollars(self._settings.user_daily_budget_usd),
            day=_dollars(self._settings.daily_budget_usd),
        )
        deadline = time.monotonic() + _BUDGET_PATIENCE
        # Tokens per minute are counted for every call; otherwise the breaker is asked when there is a reason.
        cleared = bool(self._settings.llm_tokens_per_minute)
        if cleared:
            await self._leave(model, need)
        while True:
            call = new_id()
            try:
                return await ledger.take(self._db, entry, caller, call=call, limits=limits, cleared=cleared)
            except asyncio.CancelledError:
                # It may have been reserved, and nobody is left who knows of it.
                settling = self._settle_later(Reserved(call, ailing=False), _CANCELLED)
                await asyncio.wait({settling}, timeout=_FAILURE_SECONDS)
                raise
            except Doubtful:
                await self._leave(model, need)
                cleared = True
            except Full:
                if time.monotonic() > deadline:
                    raise OverBudget("The budget stayed reserved by other calls for too long.") from None
                await ledger.release_lost(self._db)
                await asyncio.sleep(full_jitter(1, base=0.4))
            except DBAPIError as error:
                # Others hold the budget's row: nothing is reserved, and the database is there.
                if not timed_out(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(full_jitter(1, base=0.4))

    async def _leave(self, model: Model, need: int) -> None:
        leave = await breaker.ask(self._db, model.provider, need=need, rate=self._settings.llm_tokens_per_minute)
        if leave.open:
            raise _Open(f"{model.provider} failed again and again; it is left alone for a while.")
        if not leave.granted:
            raise RateLimited(f"{model.provider} is at its rate limit.", seconds=max(leave.wait, 0.05))

    async def _send(
        self,
        reserved: Reserved,
        key: str,
        model: Model,
        prompt: Prompt,
        ask: Ask[Any],
        *,
        price: Price,
        most: Decimal,
    ) -> Stored:
        # Whatever ends this call, a cancellation too, the reservation is settled.
        how = Settlement(completed=False, outcome="cancelled", error="The call was cancelled.")
        try:
            # By the names of https://opentelemetry.io/docs/specs/semconv/gen-ai/.
            with tracing.span(
                "model call", kind="CLIENT", gen_ai__request__model=model.name, role=ask.role, purpose=ask.purpose
            ) as span:
                done = await client.complete(
                    model, prompt, max_tokens=self._settings.llm_output_tokens, settings=self._settings
                )
                if (used := done.usage) is not None:
                    span.note(gen_ai__usage__input_tokens=used.prompt, gen_ai__usage__output_tokens=used.completion)
            how = self._settled(done, prompt, price, most)
            if reserved.ailing:
                await breaker.succeeded(self._db, model.provider)
            assert how.response is not None
            return Stored(key, how.response, how.outcome)
        except RateLimited as error:
            how = Settlement(completed=False, outcome=error.code, error=str(error), cost=Decimal(0))
            await breaker.limited(self._db, model.provider, error.seconds)
            raise
        except LlmError as error:
            nothing = Decimal(0) if error.charge is Charge.NOTHING else None
            how = Settlement(completed=False, outcome=error.code, error=str(error), cost=nothing)
            if isinstance(error, Unavailable):
                await breaker.failed(self._db, model.provider)
            raise
        finally:
            task = self._settle_later(reserved, how)
            # An answer is not handed on before it is safe; of a failure nobody need wait for the book-keeping long.
            await asyncio.wait({task}, timeout=_SETTLE_SECONDS if how.completed else _FAILURE_SECONDS)

    def _settle_later(self, reserved: Reserved, how: Settlement) -> asyncio.Task[None]:
        task = asyncio.create_task(self._settle(reserved, how))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        return task

    async def _settle(self, reserved: Reserved, how: Settlement) -> None:
        """Until it is written, also when the run was cancelled meanwhile: what was paid is not to be lost."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        tries = 0
        while True:
            try:
                return await ledger.settle(self._db, reserved, how)
            except Exception as error:
                if not is_unavailable(error) or time.monotonic() > deadline:
                    log.exception("a call could not be settled", call_id=str(reserved.id))
                    return None
                tries += 1
                await asyncio.sleep(min(2.0, full_jitter(tries, base=0.2)))

    def _settled(self, done: Completion, prompt: Prompt, price: Price, most: Decimal) -> Settlement:
        """What the answer is and what it cost: by its usage, and by an estimate where that cannot be true."""
        size = _size(prompt)
        usage = done.usage
        # A prompt of a third of a token per byte is common, one of a twentieth or of two is not.
        if usage is not None and not size // 20 <= usage.prompt <= 2 * size + 1000:
            usage = None
        if usage is None:
            usage = client.Usage(size // 3 + 1, 0, 0, len(done.text.encode()) // 3 + 1)
        cost = min(most, price.cost(usage))
        outcome = "ok"
        if done.refusal or done.finish_reason == "content_filter":
            outcome = "refused"
        elif done.finish_reason == "length" or len(done.text) > _MAX_ANSWER:
            outcome = "truncated"
        text = mask(done.text[:_MAX_ANSWER], self._settings.secrets()).replace("\0", "")
        return Settlement(
            completed=True,
            outcome=outcome,
            response={"text": text, "finish_reason": done.finish_reason},
            cost=cost,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            latency=done.latency,
        )

    async def _prompt(self, messages: Sequence[Message], ask: Ask[Any]) -> Prompt:
        """As it goes out: secrets of ours masked, and a nonce that nobody who wrote the repository can know."""
        if ask.fence and self._secret is None:
            self._secret = await fence.secret(self._db)
        nonce = fence.nonce(self._secret, ask.fence) if ask.fence and self._secret else secrets.token_hex(8)
        sent = [
            {"role": message["role"], "content": fence.put(nonce, self._masked(message["content"]), mark=NONCE)}
            for message in messages
        ]
        return Prompt(sent, ask.shared, ask.batch, *_schemas(ask.answer))


class _Open(Unavailable):
    """The breaker is open; trying again at once is of no use."""


_SCHEMAS: dict[type[BaseModel], tuple[dict[str, Any], dict[str, Any] | None]] = {}


def _schemas(answer: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The form of the answer, whole and reduced. Made once: it takes pydantic milliseconds, and every call needs it."""
    if answer not in _SCHEMAS:
        whole = answer.model_json_schema()
        _SCHEMAS[answer] = whole, schemas.reduced(whole)
    return _SCHEMAS[answer]


def _size(prompt: Prompt) -> int:
    """Bytes of the prompt, the form of the answer included: no tokenizer makes more tokens of them than that.

    With o200k code has some 4 bytes to a token, digits 3, base64 1.5, rare ideographs 1.0.
    """
    form = len(json.dumps(prompt.reduced or prompt.schema))
    return form + sum(len(message["content"].encode()) for message in prompt.messages)


def _dollars(value: float) -> Decimal:
    return Decimal(str(value))


def _first_line(error: ValueError) -> str:
    return str(error).split("\n")[0][:300]
