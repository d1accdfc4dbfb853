"""Listen to Postgres notifications for as long as the process lives, through any loss of the connection.

One connection for all that a process listens to: whoever notifies wakes every listening connection of the database.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import psycopg.sql

from worker.core.backoff import full_jitter
from worker.core.db.database import Database, Lines, connect_args
from worker.core.telemetry import logs

log = logs.get(__name__)

# The connection is asked for a sign of life this often (seconds); a half-open one is found by its silence.
_SIGN_OF_LIFE_SECONDS = 8.0
_BACKOFF_MAX_SECONDS = 5.0

Handler = Callable[[str], None]


async def listen(db: Database, handlers: Mapping[str, Handler], *, application: str) -> None:
    """Call `handlers[channel](payload)` for every notification, until cancelled.

    After each (re)connection every handler is called once with an empty payload: something may have been
    announced while nobody listened, so look. When this connection is found dead without a word, the others of the
    process are no better: all lines are cut, unless they go another way, to a pooler.
    """
    lines = Lines() if db.is_pooled else db.lines
    failures = 0
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                db.direct_url, autocommit=True, **connect_args(application)
            ) as connection:
                lines.add(connection)
                for channel, handler in handlers.items():
                    await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                    handler("")
                failures = 0
                while True:
                    async for notification in connection.notifies(timeout=_SIGN_OF_LIFE_SECONDS):
                        handlers[notification.channel](notification.payload)
                    await _sign_of_life(connection, lines)
        except (psycopg.Error, OSError, TimeoutError) as error:
            failures += 1
            delay = full_jitter(failures, base=0.2, cap=_BACKOFF_MAX_SECONDS, floor=0.1)
            log.warning("listener lost its connection", error=str(error).strip(), retry_seconds=round(delay, 2))
            await asyncio.sleep(delay)


async def _sign_of_life(connection: psycopg.AsyncConnection[Any], lines: Lines) -> None:
    """Raises psycopg.Error when there is none."""
    asked = asyncio.ensure_future(connection.execute("SELECT 1"))
    try:
        done, _ = await asyncio.wait({asked}, timeout=_SIGN_OF_LIFE_SECONDS)
        if not done:
            log.warning("the database fell silent: all connections are cut")
            lines.cut()
        await asked
    finally:
        asked.cancel()
