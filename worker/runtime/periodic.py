"""Chores: recurring work items that no job delivers. Whichever worker finds one due does it, under a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from worker.core.backoff import spread
from worker.core.db.database import is_unavailable
from worker.core.queue.work_items import add_recurring, due
from worker.core.telemetry import logs
from worker.runtime import work_items
from worker.runtime.resources import Resources

log = logs.get(__name__)

_LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Chore:
    """`do` may run twice at once, and may be killed half-way. `pause` gives the seconds until it is due again."""

    do: Callable[[Resources], Awaitable[None]]
    pause: Callable[[], float]


async def do_one(kind: str, chores: Mapping[str, Chore], resources: Resources) -> str:
    """Do one of the chores that is due, if there is any; returns how that ended, for the log."""
    if resources.controls.draining:
        return work_items.NOTHING

    async def do(item: work_items.Item) -> None:
        await chores[item.subject].do(resources)

    async with resources.db.transaction() as session:
        name = await due(session, kind, list(chores))
    if name is None:
        return work_items.NOTHING
    return await work_items.perform(resources, kind, name, do, again=chores[name].pause)


async def do_forever(
    kind: str, chores: Mapping[str, Chore], resources: Resources, *, look: float = _LOOK_SECONDS
) -> None:
    """Beside the queue in every worker, until cancelled. Every `look` seconds it is asked what is due."""
    known = False
    while True:
        await asyncio.sleep(spread(look, 0.2))
        try:
            if not known:
                async with resources.db.transaction() as session:
                    await add_recurring(session, kind, list(chores))
                known = True
            while await do_one(kind, chores, resources) != work_items.NOTHING:
                pass
        except Exception as error:
            if not is_unavailable(error):
                log.exception("the chores failed", kind=kind)
