"""The procrastinate app that producers and workers share. It imports no task: a producer knows a job by name.

Without `import_paths` and without an open connector it costs the api nothing; the worker gives it a connector
of its own and the tasks that worker.tasks calls up.
"""

from collections.abc import Iterable
from typing import Any

import procrastinate
import psycopg
from procrastinate.connector import Notify

from worker.core.db.database import Database, connect_args
from worker.core.queue.wakes import Wakes

app = procrastinate.App(connector=procrastinate.PsycopgConnector())


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
