"""Live progress: events are read from the database, the hub only says when to look.

So it works on any replica, resumes from any event, and misses nothing while a listener reconnects.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text, true, tuple_

from api import access
from api.auth import Principal
from api.http import errors
from api.runs import horizon
from api.runs.hub import Hub
from worker.core.db.database import Database
from worker.core.models import Run, RunEvent
from worker.core.vocabulary import RunStatus, Scope

BATCH = 200
# Without a word of the hub the rows are looked at this often (seconds).
_POLL_SECONDS = 3.0
# Events of a transaction become visible to the stream of all runs when no older transaction is left open.
_SETTLE_SECONDS = 0.2

# How often a stream's reader is asked for a token that is still alive (seconds).
ASK_SECONDS = 60.0

FINAL = frozenset(status.value for status in RunStatus if status.is_final)


@dataclass(frozen=True)
class LiveEvent:
    """`cursor` resumes after this event: a number for one run's stream, `xact-id` for that of all runs."""

    cursor: str
    run_id: uuid.UUID
    type: str
    data: dict[str, Any]
    created_at: datetime

    def view(self) -> dict[str, Any]:
        """The event as JSON-ready values."""
        return {
            "id": self.cursor,
            "run_id": str(self.run_id),
            "type": self.type,
            "data": self.data,
            "created_at": self.created_at.isoformat(),
        }


class Reader:
    """Who reads a stream, for as long as they may. `authenticate` says who they are, or raises Unauthenticated."""

    def __init__(self, principal: Principal, authenticate: Callable[[], Awaitable[Principal]]) -> None:
        self._principal = principal
        self._authenticate = authenticate
        self._ask_at = time.monotonic() + ASK_SECONDS

    async def principal(self) -> Principal:
        """Asks again where the last time was more than a minute ago. Raises Unauthenticated, Forbidden."""
        if time.monotonic() >= self._ask_at:
            self._principal = await self._authenticate()
            self._principal.require(Scope.RUNS_READ)
            self._ask_at = time.monotonic() + ASK_SECONDS
        return self._principal


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), timeout=seconds)


async def follow_run(db: Database, hub: Hub, reader: Reader, run_id: uuid.UUID, after: int) -> AsyncIterator[LiveEvent]:
    """One run's events after number `after`, until the run has ended and all of them were given.

    Raises Unauthenticated and NotFound when the reader may not read on.
    """
    with hub.subscribe(run_id) as wake:
        while True:
            principal = await reader.principal()
            wake.clear()
            async with db.transaction() as session:
                status = await session.scalar(select(Run.status).where(Run.id == run_id, access.runs(principal)))
                if status is None:
                    raise errors.NotFound(f"There is no run {run_id}.")
                rows = (
                    await session.execute(
                        select(RunEvent)
                        .where(RunEvent.run_id == run_id, RunEvent.seq > after)
                        .order_by(RunEvent.seq)
                        .limit(BATCH)
                    )
                ).scalars()
                found = [LiveEvent(str(row.seq), row.run_id, row.type, row.data, row.created_at) for row in rows]
            for event in found:
                after = int(event.cursor)
                # How long the one before took is the other side's affair.
                await reader.principal()
                yield event
            if len(found) == BATCH:
                continue
            # The status was read first: with a final one every event was there to be read.
            if status in FINAL:
                return
            await _wait(wake, _POLL_SECONDS)


async def position(db: Database) -> tuple[int, int]:
    """Where the stream of all runs stands now."""
    return await horizon.settled(db), 0


@dataclass
class _Place:
    """Where a stream of all runs stands: after the event `row_id` of the transaction `xact`. What is older than `since`
    was there before, whatever its transaction's number: a restored database keeps the numbers of another one. `since`
    None: nobody knows any more when the event was."""

    xact: int
    row_id: int
    since: datetime | None
    settled: int = 0


_PLACE = text(
    """
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next, now() - interval '1 hour' AS lately,
        (SELECT created_at - interval '1 hour' FROM run_events WHERE id = :row_id) AS since
    """
)


async def _place(db: Database, after: tuple[int, int]) -> _Place:
    """`after`, or now where it is of another database."""
    async with db.single_statement() as connection:
        row = (await connection.execute(_PLACE, {"row_id": after[1]})).one()
    if after[0] > row.next:
        return _Place(await horizon.settled(db), 0, row.lately)
    return _Place(*after, since=row.since if after[1] else row.lately)


def _all_after(place: _Place, principal: Principal) -> Select[Any]:
    """The next events of all runs, and of each whether the principal may see its run: the cursor passes them all."""
    events = RunEvent.__table__.c
    ended = func.greatest(text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"), place.settled)
    lately = true() if place.since is None else RunEvent.created_at > place.since
    return (
        select(*events, access.runs(principal).label("visible"))
        .join_from(RunEvent, Run, Run.id == RunEvent.run_id)
        .where(tuple_(RunEvent.xact, RunEvent.id) > (place.xact, place.row_id), RunEvent.xact < ended)
        .where(lately)
        .order_by(RunEvent.xact, RunEvent.id)
        .limit(BATCH)
    )


async def follow_all(db: Database, hub: Hub, reader: Reader, after: tuple[int, int]) -> AsyncIterator[LiveEvent]:
    """The events after `after` of every run that the reader may see, for ever, each once.

    Ordered by transaction, and held back until no older transaction is open: one that commits late would
    otherwise fall behind the cursor and be lost. Raises Unauthenticated when the reader may not read on.
    """
    place = await _place(db, after)
    pause = _POLL_SECONDS
    with hub.subscribe_to_all(await reader.principal()) as wake:
        while True:
            principal = await reader.principal()
            woken = wake.is_set()
            wake.clear()
            async with db.transaction() as session:
                rows = (await session.execute(_all_after(place, principal))).all()
            for row in rows:
                place.xact, place.row_id = row.xact, row.id
                if row.visible:
                    await reader.principal()
                    yield LiveEvent(f"{row.xact}-{row.id}", row.run_id, row.type, row.data, row.created_at)
            if not rows:
                # They may be held back by what is open elsewhere in the cluster.
                place.settled = await horizon.settled(db)
            # An event may be held back by what is open elsewhere: it is looked for soon, and then later and later.
            pause = _SETTLE_SECONDS if woken or rows else min(_POLL_SECONDS, 2 * pause)
            if len(rows) < BATCH:
                await asyncio.sleep(hub.spacing(principal))
                await _wait(wake, pause)
