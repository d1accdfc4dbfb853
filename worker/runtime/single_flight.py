"""Turns per key, and values that are made once for all who want them at once. For one event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """One at a time per key. A key that nobody holds takes no memory."""

    def __init__(self) -> None:
        self._taken: dict[Hashable, asyncio.Event] = {}

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for the turn at `key`, and hold it for the block."""
        while (other := self._taken.get(key)) is not None:
            await other.wait()
        mine = self._taken[key] = asyncio.Event()
        try:
            yield
        finally:
            del self._taken[key]
            mine.set()


class Flights:
    """Keeps at most `kept` values; the least recently used one goes."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._turns = Turns()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]], keep: Callable[[T], bool]) -> T:
        """The value under `key`. When the one who makes it fails or is cancelled, the next one makes it."""
        async with self._turns.take(key):
            if key in self._values:
                self._values.move_to_end(key)
                found: T = self._values[key]
                return found
            value = await make()
            if keep(value):
                self._values[key] = value
                while len(self._values) > self._kept:
                    self._values.popitem(last=False)
            return value
