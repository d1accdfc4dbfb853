"""How procrastinate's worker reaches the database: a pool of its own, and the process's one listening connection.

By itself it would listen on another one (`Connector.listen_notify`). Whoever notifies wakes every listening connection
of the database, whatever it listens to.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import procrastinate
import psycopg
from procrastinate.connector import Notify
from procrastinate.manager import get_channel_for_queues

from worker.core.db.database import Database, connect_args
from worker.core.db.notify import Handler
from worker.core.queue.jobs import QUEUES

# As procrastinate's trigger sends it; its worker reads the type alone.
_LOOK = json.dumps({"type": "job_inserted", "job_id": 0})


class Wakes:
    """`handlers` are for worker.core.db.notify.listen."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Queue[tuple[str, str]]]] = {
            channel: set() for channel in get_channel_for_queues(QUEUES)
        }

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {channel: partial(self._wake, channel) for channel in self._listening}

    @contextlib.contextmanager
    def hear(self, channels: Iterable[str]) -> Iterator[asyncio.Queue[tuple[str, str]]]:
        """What comes on the channels while the block lasts, as (channel, payload)."""
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        heard = [self._listening[channel] for channel in channels]
        for queues in heard:
            queues.add(queue)
        try:
            yield queue
        finally:
            for queues in heard:
                queues.discard(queue)

    def _wake(self, channel: str, payload: str) -> None:
        """Without a payload something may have come while nobody listened."""
        for queue in self._listening[channel]:
            queue.put_nowait((channel, payload or _LOOK))


class _Connector(procrastinate.PsycopgConnector):
    """Hears of jobs through `wakes`."""

    def __init__(self, wakes: Wakes, **pool: Any) -> None:
        super().__init__(**pool)
        self._wakes = wakes

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        with self._wakes.hear(channels) as heard:
            while True:
                channel, payload = await heard.get()
                await on_notification(channel=channel, payload=payload)


def connector(
    db: Database, *, application: str, pool_size: int, wakes: Wakes | None = None
) -> procrastinate.PsycopgConnector:
    """A connector with a pool of its own, whose connections are among the database's lines. Statements are short here,
    so a lost one is noticed early. Without `wakes` it listens on a connection of its own.
    """

    async def register(connection: psycopg.AsyncConnection[Any]) -> None:
        db.lines.add(connection)

    pool: dict[str, Any] = {
        "conninfo": db.url,
        "min_size": 1,
        "max_size": pool_size,
        "timeout": 10,
        "kwargs": connect_args(application, statement_timeout=15, pooled=db.is_pooled),
        "configure": register,
    }
    return procrastinate.PsycopgConnector(**pool) if wakes is None else _Connector(wakes, **pool)
