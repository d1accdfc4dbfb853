"""Wakes the streams of this process when there is something to read.

That a run has ended is announced. What happens before is not: a commit that notifies waits for the one before it, and
wakes every listener of the database, workers too. Instead one statement looks for all streams of this process, several
times a second, while there are any.
"""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from api.auth import Principal
from worker.core.db.database import Database, is_unavailable
from worker.core.telemetry import logs

log = logs.get(__name__)

_LOOK_SECONDS = 0.25
# The streams of all runs that a user holds look no more often than this together (seconds): where much happens, each
# gets more at a time.
_SPACING_SECONDS = 0.2

# How far each run's events have come and, without an id, those of all runs.
_LOOK = text(
    """
    SELECT id, event_seq AS last FROM runs WHERE id = ANY(:runs)
    UNION ALL SELECT NULL, (SELECT max(id) FROM run_events)
    """
)


@dataclass
class Hub:
    """Who waits for what. `run_id` None stands for any run."""

    _waiting: dict[uuid.UUID | None, set[asyncio.Event]] = field(default_factory=dict)
    _last: Mapping[uuid.UUID | None, int] = field(default_factory=dict)
    _of_all_runs: Counter[str] = field(default_factory=Counter)
    _somebody: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def subscribe(self, run_id: uuid.UUID | None) -> Iterator[asyncio.Event]:
        """An event that is set when `run_id` has something new."""
        event = asyncio.Event()
        self._waiting.setdefault(run_id, set()).add(event)
        self._somebody.set()
        try:
            yield event
        finally:
            self._waiting[run_id].discard(event)
            if not self._waiting[run_id]:
                del self._waiting[run_id]
            if not self._waiting:
                self._somebody.clear()

    @contextlib.contextmanager
    def subscribe_to_all(self, principal: Principal) -> Iterator[asyncio.Event]:
        """As `subscribe` to any run; the principal's streams share how often they look."""
        user = principal.name or ""
        self._of_all_runs[user] += 1
        try:
            with self.subscribe(None) as wake:
                yield wake
        finally:
            self._of_all_runs[user] -= 1
            if not self._of_all_runs[user]:
                del self._of_all_runs[user]

    def spacing(self, principal: Principal) -> float:
        """Seconds between two looks of one of the principal's streams of all runs; the service's are everybody's."""
        return _SPACING_SECONDS * (1 if principal.name is None else max(1, self._of_all_runs[principal.name]))

    def notify(self, payload: str) -> None:
        """A notification's payload: a run's id; empty when anything may have happened."""
        try:
            run_id = uuid.UUID(payload) if payload else None
        except ValueError:
            return
        for waiting in list(self._waiting) if run_id is None else (run_id, None):
            self._wake(waiting)

    async def look_forever(self, db: Database) -> None:
        """Look for those who wait, until cancelled."""
        while True:
            await self._somebody.wait()
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._look(db)
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("the streams cannot be woken")

    async def _look(self, db: Database) -> None:
        runs = [run_id for run_id in self._waiting if run_id is not None]
        async with db.single_statement() as connection:
            rows = (await connection.execute(_LOOK, {"runs": runs})).all()
        before, self._last = self._last, {row.id: row.last for row in rows}
        for run_id, last in self._last.items():
            if before.get(run_id) != last:
                self._wake(run_id)

    def _wake(self, run_id: uuid.UUID | None) -> None:
        for event in self._waiting.get(run_id, ()):
            event.set()

    @property
    def streams(self) -> int:
        return sum(len(group) for group in self._waiting.values())
