"""How many streams (server-sent events and WebSockets) a user holds open, over all replicas.

Each is a row that counts for a minute; the process that holds it prolongs its rows, all of them in one statement. The
rows of a process that is gone are gone a minute later.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

from sqlalchemy import text

from api.auth import Principal
from api.http.errors import TooManyRequests
from worker.core.db.database import Database, is_unavailable
from worker.core.ids import new_id
from worker.core.telemetry import logs

log = logs.get(__name__)

_SECONDS = 60.0
_PROLONGED_EVERY = 20.0
_RETRY_SECONDS = 10.0

_OPEN = text("SELECT open_stream(CAST(:id AS uuid), :subject, :most, :seconds)")
_PROLONG = text(
    "UPDATE open_streams SET until = clock_timestamp() + make_interval(secs => :seconds) WHERE id = ANY(:ids)"
)
_CLOSE = text("DELETE FROM open_streams WHERE id = :id")


class Streams:
    """The open streams of one process."""

    def __init__(self, db: Database, *, most: int) -> None:
        self._db = db
        self._most = most
        self._held: set[uuid.UUID] = set()

    @contextlib.asynccontextmanager
    async def open(self, principal: Principal) -> AsyncIterator[None]:
        """A stream of the principal's, for as long as the block lasts. Raises TooManyRequests."""
        if principal.name is None or not self._most:
            yield
            return
        stream = new_id()
        values = {"id": stream, "subject": principal.name, "most": self._most, "seconds": _SECONDS}
        async with self._db.single_statement() as connection:
            granted = (await connection.execute(_OPEN, values)).scalar_one()
        if not granted:
            raise TooManyRequests(
                f"This user has {self._most} streams open, which is as many as may be (CVA_USER_STREAMS).",
                seconds=_RETRY_SECONDS,
            )
        self._held.add(stream)
        try:
            yield
        finally:
            self._held.discard(stream)
            await asyncio.shield(self._close(stream))

    async def _close(self, stream: uuid.UUID) -> None:
        try:
            async with self._db.single_statement() as connection:
                await connection.execute(_CLOSE, {"id": stream})
        except Exception as error:
            if not is_unavailable(error):
                raise
            # It counts until its minute is over.

    async def prolong(self) -> None:
        """Keep the rows of the open streams alive, until cancelled."""
        while True:
            await asyncio.sleep(_PROLONGED_EVERY)
            if not self._held:
                continue
            try:
                async with self._db.single_statement() as connection:
                    await connection.execute(_PROLONG, {"ids": list(self._held), "seconds": _SECONDS})
            except Exception as error:
                log.warning("open streams not prolonged", error=str(error).split("\n")[0])
