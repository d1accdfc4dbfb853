"""What a task of this process may use, and how the process speaks to the work that runs in it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from worker.core.db.database import Database
from worker.core.settings import Settings
from worker.isolation.contained import Isolation
from worker.runtime.dispatch import Dispatch

T = TypeVar("T")

Tokens = Callable[[int, int], Awaitable[str]]
"""Gives the token that reads one repository, at the moment when it is needed, for the numbers of the App's installation
and of the repository."""


@dataclass
class Controls:
    """Pokes the work of this process: «look at your row now», or «hand back what you hold»."""

    draining: bool = False
    _closed: asyncio.Event = field(default_factory=asyncio.Event)
    _events: dict[Hashable, asyncio.Event] = field(default_factory=dict)

    def watch(self, key: Hashable) -> asyncio.Event:
        """The event that is set when the work called `key`, a run's id or an item's name, should look at its row."""
        return self._events.setdefault(key, asyncio.Event())

    def unwatch(self, key: Hashable) -> None:
        self._events.pop(key, None)

    def poke(self, payload: str) -> None:
        """A notification's payload: a run's id, or nothing, which means all of them."""
        if not payload:
            for event in self._events.values():
                event.set()
            return
        try:
            run_id = uuid.UUID(payload)
        except ValueError:
            return
        if run_id in self._events:
            self._events[run_id].set()

    def drain(self) -> None:
        """Ask all work to hand itself back."""
        self.draining = True
        self.close()
        self.poke("")

    def close(self) -> None:
        """Take up nothing more; what is at work goes on."""
        self._closed.set()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    async def until_closed(self) -> None:
        await self._closed.wait()

    @property
    def holding(self) -> int:
        """How much work this process holds."""
        return len(self._events)


@dataclass(frozen=True)
class Resources:
    """One per worker process. `holder` names it in the rows it holds."""

    settings: Settings
    db: Database
    holder: str
    isolation: Isolation
    tokens: Tokens | None = None
    controls: Controls = field(default_factory=Controls)
    dispatch: Dispatch = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _shared: dict[type, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        dispatch = Dispatch(
            self.db, holder=self.holder, lease=settings.lease_seconds, repo_limit=settings.repo_concurrency
        )
        object.__setattr__(self, "dispatch", dispatch)
        object.__setattr__(self, "_slots", asyncio.Semaphore(settings.worker_concurrency))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[bool]:
        """One of the CVA_WORKER_CONCURRENCY places for runs, for as long as the block lasts; False, and no place, when
        the process takes up nothing more before one is free.

        The queue's worker counts its own jobs; one that was rebuilt does not know what the one before has at work.
        """
        if not self._slots.locked():
            async with self._slots:
                yield True
            return
        taking, closed = (
            asyncio.create_task(self._slots.acquire()),
            asyncio.create_task(self.controls.until_closed()),
        )
        try:
            await asyncio.wait({taking, closed}, return_when=asyncio.FIRST_COMPLETED)
            yield taking.done()
        finally:
            closed.cancel()
            if taking.done() and not taking.cancelled():
                self._slots.release()
            taking.cancel()

    def shared(self, kind: type[T], make: Callable[[], T]) -> T:
        """The process's one value of `kind`, made when it is first wanted."""
        if kind not in self._shared:
            self._shared[kind] = make()
        found: T = self._shared[kind]
        return found
