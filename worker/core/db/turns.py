"""Who asks the database for something, and that nobody's questions keep all connections busy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

asker: ContextVar[str | None] = ContextVar("asker", default=None)
"""On whose behalf this task asks; None for the process itself, which always may."""

_holds: ContextVar[bool] = ContextVar("holds", default=False)


class Turns:
    """At most `most` connections at once for one asker; the rest of that asker's questions wait, and hold none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gates: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A turn of the present asker's; what is asked within it needs no other."""
        name = asker.get()
        if name is None or _holds.get():
            yield
            return
        gate, users = self._gates.get(name) or (asyncio.Semaphore(self._most), 0)
        self._gates[name] = gate, users + 1
        try:
            async with gate:
                token = _holds.set(True)
                try:
                    yield
                finally:
                    _holds.reset(token)
        finally:
            gate, users = self._gates.pop(name)
            if users > 1:
                self._gates[name] = gate, users - 1
