"""The ledger in the database: look up, reserve, settle. Every step is one short transaction around no call.

An answer that was paid is kept under the hash of all that determines it and never paid again. A reservation
holds the key, so that two identical calls at once are one, and holds its maximum cost against the run's and
the day's budget, so that what is spent and what is reserved together never pass a limit.
"""

import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import IntegrityError

from worker.core.db.database import Database
from worker.llm import breaker
from worker.llm.errors import OverBudget

# Without a run's attempt, nothing tells that a reservation's holder is alive but its age.
_ALIVE = """
    (CASE WHEN c.attempt IS NULL THEN c.created_at > clock_timestamp() - interval '10 minutes'
     ELSE EXISTS (SELECT FROM runs r WHERE r.id = c.run_id AND r.attempt = c.attempt
                  AND r.status = 'running' AND r.lease_until > clock_timestamp()) END)
"""


@dataclass(frozen=True)
class Caller:
    """On whose behalf a call is made: the attempt that holds the run, or without an attempt what follows from it.

    `allowance` is what may be spent beyond the run's own budget, in US dollars.
    """

    run_id: uuid.UUID | None
    attempt: int | None
    allowance: float = 0.0


@dataclass(frozen=True)
class Limits:
    """US dollars that the budgets may come to: of a run, of its user's day, of everybody's day."""

    run: Decimal
    user: Decimal
    day: Decimal


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a call. `cost` in US dollars."""

    key: str
    role: str
    purpose: str
    provider: str
    model: str
    prompt_version: str
    cost: Decimal


@dataclass(frozen=True)
class Stored:
    """A completed answer."""

    key: str
    response: dict[str, Any]
    outcome: str


@dataclass(frozen=True)
class Reserved:
    """The right to make the call. `ailing`: the provider's last call failed."""

    id: uuid.UUID
    ailing: bool


class Busy(Exception):
    """An identical call is under way elsewhere."""


class Doubtful(Exception):
    """The breaker has to be asked before a call goes out to this provider."""


class Full(Exception):
    """The budget would hold the call if what others reserved came back."""


# A completed answer, noted as used by the run.
_FOUND = """
    WITH found AS (
        SELECT id, key, response, outcome FROM llm_calls WHERE state = 'completed' AND key = :key
    ), used AS (
        INSERT INTO llm_uses (run_id, call_id, reused)
        SELECT CAST(:run_id AS uuid), id, true FROM found
        WHERE CAST(:run_id AS uuid) IS NOT NULL
        ON CONFLICT DO NOTHING
    )
"""
_ANSWER = "{found} SELECT key, response, outcome FROM found"
_LOOKUP = text(_ANSWER.format(found=_FOUND))


async def lookup(db: Database, key: str, caller: Caller) -> Stored | None:
    """The completed answer to the call, noted as used by the caller's run."""
    async with db.single_statement() as connection:
        row = (await connection.execute(_LOOKUP, {"key": key, "run_id": caller.run_id})).first()
    return None if row is None else Stored(row.key, row.response, row.outcome)


_KNOWN = text("SELECT key FROM llm_calls WHERE state = 'completed' AND key = ANY(:keys)")


async def known(db: Database, keys: list[str]) -> set[str]:
    """Those of `keys` that have a completed answer."""
    async with db.single_statement() as connection:
        return set((await connection.execute(_KNOWN, {"keys": keys})).scalars())


# The function of the database (revision 011) is called only where CASE comes to it.
_ANSWER_OR_RIGHT = """
    {found}, health AS (
        SELECT failures > 0 AS ailing, failures >= :threshold OR limited_until > clock_timestamp() AS doubtful
        FROM llm_providers WHERE provider = :provider
    )
    SELECT found.key, found.response, found.outcome, coalesce(health.ailing, false) AS ailing,
        CASE WHEN found.key IS NOT NULL THEN 'found'
            WHEN health.doubtful AND NOT :cleared THEN 'doubtful'
            ELSE llm_reserve(CAST(:id AS uuid), :key, CAST(:run_id AS uuid), CAST(:attempt AS int), :role, :purpose,
                :provider, :model, :prompt_version, CAST(:cost AS numeric), CAST(:run_limit AS numeric),
                CAST(:day_limit AS numeric), CAST(:user_limit AS numeric))
        END AS said
    FROM (SELECT) AS always LEFT JOIN found ON true LEFT JOIN health ON true
"""
_TAKE = text(_ANSWER_OR_RIGHT.format(found=_FOUND))
_OVER = {
    "over run": ("run's", "CVA_RUN_BUDGET_USD"),
    "over user": ("user's", "CVA_USER_DAILY_BUDGET_USD"),
    "over day": ("day's", "CVA_DAILY_BUDGET_USD"),
}
_REFUSED: dict[str, type[Exception]] = {"busy": Busy, "full": Full, "doubtful": Doubtful}


async def take(
    db: Database, entry: Entry, caller: Caller, *, call: uuid.UUID, limits: Limits, cleared: bool
) -> Stored | Reserved:
    """The completed answer to the call, or the right to make it: the key and the money are then reserved, as `call`.

    Raises Busy, Full, Doubtful unless the breaker has `cleared` the call, or OverBudget when the budget cannot hold
    it even if every reservation came back. One statement: the calls of a run share its budget's row, whose lock must
    not be held while this process is busy with something else.
    """
    values = {
        "id": call,
        "key": entry.key,
        "run_id": caller.run_id,
        "attempt": caller.attempt,
        "role": entry.role,
        "purpose": entry.purpose,
        "provider": entry.provider,
        "model": entry.model,
        "prompt_version": entry.prompt_version,
        "cost": entry.cost,
        "run_limit": limits.run,
        "user_limit": limits.user,
        "day_limit": limits.day,
        "threshold": breaker.THRESHOLD,
        "cleared": cleared,
    }
    row = await _one(db, _TAKE, values)
    # Completed by somebody else in this very moment, or held by an attempt that is gone: once more.
    lost = row.said == "busy" and (await _one(db, _RELEASE_KEY, {"key": entry.key})).count
    if row.said == "completed" or lost:
        row = await _one(db, _TAKE, values)
    if row.said == "found":
        return Stored(row.key, row.response, row.outcome)
    if row.said == "reserved":
        return Reserved(call, row.ailing)
    if row.said in _OVER:
        whose, variable = _OVER[row.said]
        limit: Decimal = getattr(limits, row.said.removeprefix("over "))
        raise OverBudget(f"The {whose} budget of ${limit:.2f} is used up ({variable}).")
    raise _REFUSED[row.said]


async def _one(db: Database, statement: TextClause, values: dict[str, Any]) -> Row[Any]:
    async with db.single_statement() as connection:
        return (await connection.execute(statement, values)).one()


# The reservation's day is the day it was made on, whatever day it ends on. The run's row is updated before the user's,
# and that before the day's, as in llm_reserve: two statements that take them never wait for each other in a circle. The
# day's asks for both that come before it: where there is no user, nobody else would have asked for the run's.
_RELEASE = """
    WITH lost AS (
        UPDATE llm_calls c SET state = 'failed', outcome = 'lost', cost_usd = c.reserved_usd,
            error = 'The worker that made the call was lost; its cost is counted as reserved.',
            finished_at = clock_timestamp()
        WHERE c.state = 'reserved' AND {which} AND NOT {alive}
        RETURNING 'run:' || c.run_id AS run, c.reserved_usd AS cost,
            to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
            (SELECT r.created_by FROM runs r WHERE r.id = c.run_id) AS user_name
    ), of_runs AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.cost, spent_usd = b.spent_usd + s.cost
        FROM (SELECT run, sum(cost) AS cost FROM lost GROUP BY run) s WHERE b.scope = s.run RETURNING 1
    ), of_users AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.cost, spent_usd = b.spent_usd + s.cost
        FROM (SELECT 'user:' || day || ':' || user_name AS scope, sum(cost) AS cost
              FROM lost, (SELECT count(*) FROM of_runs) AS after GROUP BY 1) s
        WHERE b.scope = s.scope RETURNING 1
    ), of_days AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.cost, spent_usd = b.spent_usd + s.cost
        FROM (SELECT day, sum(cost) AS cost
              FROM lost, (SELECT count(*) FROM of_runs) AS first, (SELECT count(*) FROM of_users) AS after
              GROUP BY day) s
        WHERE b.scope = 'day:' || s.day RETURNING 1
    )
    SELECT count(*) AS count FROM of_days
"""
_RELEASE_KEY = text(_RELEASE.format(which="c.key = :key", alive=_ALIVE))
_RELEASE_ALL = text(_RELEASE.format(which="true", alive=_ALIVE))


_RELEASE_FOLLOWING = text(_RELEASE.format(which="c.run_id = :run_id AND c.attempt IS NULL", alive="false"))


async def release_following(db: Database, run_id: uuid.UUID) -> None:
    """As `release_lost`, for what followed from a run: by who has just begun to go on with it, alone."""
    async with db.single_statement() as connection:
        await connection.execute(_RELEASE_FOLLOWING, {"run_id": run_id})


async def release_lost(db: Database) -> None:
    """End the reservations whose holder is gone. What they may have cost is counted at its maximum."""
    async with db.single_statement() as connection:
        await connection.execute(_RELEASE_ALL)


# An entry that was given up as lost, whose answer arrives after all, becomes what it is; unless the same call
# was completed by somebody else meanwhile.
_SETTLE = text(
    """
    WITH before AS (
        SELECT id, state, reserved_usd, cost_usd FROM llm_calls
        WHERE id = :id AND (state = 'reserved' OR state = 'failed' AND outcome = 'lost')
        FOR UPDATE
    ), settled AS (
        UPDATE llm_calls c SET
            state = CASE WHEN :state = 'completed' AND EXISTS (
                SELECT FROM llm_calls o WHERE o.key = c.key AND o.state = 'completed') THEN 'failed' ELSE :state END,
            outcome = :outcome, error = :error, response = CAST(:response AS jsonb),
            cost_usd = coalesce(CAST(:cost AS numeric), c.reserved_usd),
            prompt_tokens = :prompt_tokens, cached_tokens = :cached_tokens, completion_tokens = :completion_tokens,
            latency_ms = :latency_ms, finished_at = clock_timestamp()
        FROM before WHERE c.id = before.id
        RETURNING c.id, c.run_id, c.state, c.cost_usd AS cost,
            to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
            (SELECT r.created_by FROM runs r WHERE r.id = c.run_id) AS user_name,
            CASE before.state WHEN 'reserved' THEN before.reserved_usd ELSE 0 END AS held,
            CASE before.state WHEN 'reserved' THEN 0 ELSE before.cost_usd END AS counted
    ), of_run AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.held, spent_usd = b.spent_usd + s.cost - s.counted
        FROM settled s WHERE b.scope = 'run:' || s.run_id RETURNING 1
    ), of_user AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.held, spent_usd = b.spent_usd + s.cost - s.counted
        FROM settled s, (SELECT count(*) FROM of_run) AS after
        WHERE b.scope = 'user:' || s.day || ':' || s.user_name RETURNING 1
    ), of_day AS (
        UPDATE llm_budgets b SET reserved_usd = b.reserved_usd - s.held, spent_usd = b.spent_usd + s.cost - s.counted
        FROM settled s, (SELECT count(*) FROM of_run) AS first, (SELECT count(*) FROM of_user) AS after
        WHERE b.scope = 'day:' || s.day RETURNING 1
    ), used AS (
        INSERT INTO llm_uses (run_id, call_id, reused)
        SELECT run_id, id, false FROM settled WHERE run_id IS NOT NULL AND state = 'completed'
        ON CONFLICT DO NOTHING
    )
    SELECT state FROM settled
    """
)


@dataclass(frozen=True)
class Settlement:
    """How a call ended. `cost` None: nobody knows, and what was reserved is counted. `latency` in seconds."""

    completed: bool
    outcome: str
    error: str | None = None
    response: dict[str, Any] | None = None
    cost: Decimal | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    latency: float | None = None


async def settle(db: Database, call: Reserved, how: Settlement) -> None:
    """Write down how the call ended and give back what it did not cost. Safe to repeat."""
    values = {
        "id": call.id,
        "state": "completed" if how.completed else "failed",
        "outcome": how.outcome,
        "error": how.error,
        "response": None if how.response is None else json.dumps(how.response),
        "cost": how.cost,
        "prompt_tokens": how.prompt_tokens,
        "cached_tokens": how.cached_tokens,
        "completion_tokens": how.completion_tokens,
        "latency_ms": None if how.latency is None else round(how.latency * 1000),
    }
    async with db.single_statement() as connection:
        try:
            await connection.execute(_SETTLE, values)
        except IntegrityError:
            # Given up as lost, and made again: both answers came in the same moment. Now the other one is seen.
            await connection.execute(_SETTLE, values)
