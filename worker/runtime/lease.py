"""Work under a lease: a heartbeat renews it, and ends the work when the right to do it is gone."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.core.db.database import is_unavailable
from worker.core.runs.lifecycle import Renewal
from worker.core.telemetry import logs
from worker.runtime.resources import Resources

log = logs.get(__name__)

T = TypeVar("T")

# A cancellation is noticed by polling within this many seconds where no notification arrives.
_POLL_SECONDS = 5.0


class WorkStopped(Exception):
    """The work was ended from outside; the message says by what.

    WorkStopped
    ├── Superseded        another attempt holds the work, or its lease could not be renewed in time
    ├── CancelRequested   somebody cancelled it
    └── Draining          this process is about to end
    """


class Superseded(WorkStopped):
    pass


class CancelRequested(WorkStopped):
    pass


class Draining(WorkStopped):
    pass


Renew = Callable[[AsyncConnection], Awaitable[Renewal]]
"""Prolongs the lease by CVA_LEASE_SECONDS, if the attempt still holds it."""


async def _heartbeat(key: Hashable, renew: Renew, resources: Resources) -> WorkStopped:
    """Renew until there is a reason to stop; returns the reason."""
    lease = resources.settings.lease_seconds
    interval = min(lease / 3, _POLL_SECONDS)
    held_until = time.monotonic() + lease
    poked = resources.controls.watch(key)
    while True:
        # Before the question, not after it: a poke that arrives while it is asked must be heard.
        poked.clear()
        if resources.controls.draining:
            return Draining("the worker drains")
        try:
            # Bounded, so that a half-open connection cannot outlast the lease.
            async with (
                asyncio.timeout(max(0.1, held_until - time.monotonic())),
                resources.db.vital_statement() as connection,
            ):
                asked = time.monotonic()
                renewal = await renew(connection)
        except Exception as error:
            if not (is_unavailable(error) or isinstance(error, TimeoutError)):
                raise
            log.warning("lease not renewed", work=str(key), error=str(error).split("\n")[0])
            if time.monotonic() >= held_until:
                return Superseded("the lease could not be renewed in time")
            await asyncio.sleep(min(1.0, interval))
            continue
        if not renewal.held:
            return Superseded("another attempt holds it, or it has ended")
        if renewal.cancel_requested:
            return CancelRequested("cancelled on request")
        held_until = asked + lease
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(poked.wait(), timeout=interval)


async def hold(key: Hashable, work: Coroutine[Any, Any, T], resources: Resources, *, renew: Renew) -> T:
    """Do `work` while the lease lasts; returns its result or raises its error. A poke of `key` is heard at once.

    Raises WorkStopped when the heartbeat ended it; the work has then been cancelled and has finished.
    """
    task = asyncio.create_task(work)
    heart = asyncio.create_task(_heartbeat(key, renew, resources))
    try:
        await asyncio.wait({task, heart}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            return task.result()
        raise heart.result()
    finally:
        resources.controls.unwatch(key)
        for pending in (task, heart):
            pending.cancel()
        await asyncio.gather(task, heart, return_exceptions=True)
