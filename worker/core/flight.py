"""One making of a value for all who want it at once, and a few values kept for those who come later."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Flights:
    """Keeps at most `kept` values, the least recently used one goes. For one event loop."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, asyncio.Event] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]], keep: Callable[[T], bool]) -> T:
        """The value under `key`. When the one who makes it fails or is cancelled, the next one makes it."""
        while (other := self._making.get(key)) is not None:
            await other.wait()
        if key in self._values:
            self._values.move_to_end(key)
            found: T = self._values[key]
            return found
        mine = self._making[key] = asyncio.Event()
        try:
            value = await make()
            if keep(value):
                self._values[key] = value
                while len(self._values) > self._kept:
                    self._values.popitem(last=False)
            return value
        finally:
            del self._making[key]
            mine.set()
