"""Every call to a model, what it cost, and what the providers' state is, shared by all workers."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Count, Created, Dollars, Id, one_of
from worker.core.vocabulary import CallState


class LlmCall(Base):
    """The ledger. `key` hashes all that determines the answer; one completed entry per key is reused.

    A reserved entry is alive as long as the run's `attempt` that made it holds its lease. `cost_usd` of an
    entry whose true cost nobody knows is what was reserved for it.
    """

    __tablename__ = "llm_calls"
    __table_args__ = (
        one_of("state", CallState),
        Index("llm_calls_run_id_idx", "run_id"),
        Index("llm_calls_created_at_idx", "created_at"),
        Index("llm_calls_completed_key", "key", unique=True, postgresql_where=text("state = 'completed'")),
        Index("llm_calls_reserved_key", "key", unique=True, postgresql_where=text("state = 'reserved'")),
    )

    id: Mapped[Id]
    key: Mapped[str]
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    attempt: Mapped[int | None]
    state: Mapped[str]
    role: Mapped[str]
    purpose: Mapped[str] = mapped_column(server_default="judge")
    provider: Mapped[str]
    model: Mapped[str]
    prompt_version: Mapped[str]
    response: Mapped[dict[str, Any] | None]
    outcome: Mapped[str | None]
    error: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    reserved_usd: Mapped[Dollars]
    cost_usd: Mapped[Decimal | None] = mapped_column()
    latency_ms: Mapped[int | None]
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]


class LlmUse(Base):
    """Which run rests on which answer. `reused`: the answer was there already, and nothing was paid for it."""

    __tablename__ = "llm_uses"
    __table_args__ = (Index("llm_uses_call_id_idx", "call_id"),)

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("llm_calls.id", ondelete="CASCADE"), primary_key=True)
    reused: Mapped[bool]
    created_at: Mapped[Created]


class LlmBudget(Base):
    """What was spent and what is reserved: per run (`run:<id>`), per UTC day (`day:2026-11-23`), and per user and day
    (`user:2026-11-23:<name>`)."""

    __tablename__ = "llm_budgets"
    __table_args__ = (CheckConstraint("spent_usd >= 0 AND reserved_usd >= 0", name="not_negative"),)

    scope: Mapped[str] = mapped_column(primary_key=True)
    spent_usd: Mapped[Dollars]
    reserved_usd: Mapped[Dollars]
    created_at: Mapped[Created]


class LlmProvider(Base):
    """The breaker and the rate limit of a provider. Tokens are those left of the minute's allowance."""

    __tablename__ = "llm_providers"

    provider: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[Count]
    open_until: Mapped[datetime | None]
    limited_until: Mapped[datetime | None]
    tokens: Mapped[float | None]
    refilled_at: Mapped[datetime | None]
