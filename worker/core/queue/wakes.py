"""That a job has come, for procrastinate's worker, through the one connection on which a process listens.

procrastinate would open one of its own: https://procrastinate.readthedocs.io, `Connector.listen_notify`. Whoever
notifies wakes every listening connection of the database, whatever it listens to.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from procrastinate.manager import get_channel_for_queues

from worker.core.db.notify import Handler
from worker.core.queue.jobs import QUEUES

# What procrastinate's trigger sends.
_LOOK = json.dumps({"type": "job_inserted", "job_id": 0})


class Wakes:
    """`handlers` are for worker.core.db.notify.listen."""

    def __init__(self) -> None:
        self._heard: dict[str, set[asyncio.Queue[tuple[str, str]]]] = {
            channel: set() for channel in get_channel_for_queues(QUEUES)
        }

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {channel: partial(self._wake, channel) for channel in self._heard}

    @contextlib.contextmanager
    def hear(self, channels: Iterable[str]) -> Iterator[asyncio.Queue[tuple[str, str]]]:
        """What comes on the channels while the block lasts, as (channel, payload)."""
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        heard = [self._heard[channel] for channel in channels]
        for queues in heard:
            queues.add(queue)
        try:
            yield queue
        finally:
            for queues in heard:
                queues.discard(queue)

    def _wake(self, channel: str, payload: str) -> None:
        """Without a payload something may have come while nobody listened."""
        for queue in self._heard[channel]:
            queue.put_nowait((channel, payload or _LOOK))
