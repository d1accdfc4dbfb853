"""How long a page took, and how much of that it waited for the api: a browser's developer tools show it.

`Server-Timing`, https://www.w3.org/TR/server-timing/; milliseconds.
"""

import time
from collections.abc import Iterable
from contextvars import ContextVar

# Shared with the tasks that a page starts, whose contexts are copies.
_waits: ContextVar[list[tuple[float, float]] | None] = ContextVar("waits", default=None)


class Timer:
    """Begins with the request that it is made in."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._waits: list[tuple[float, float]] = []
        _waits.set(self._waits)

    def header(self) -> str:
        """`api` is the time in which at least one answer of the api was awaited, `total` all of it."""
        return f"api;dur={1000 * union(self._waits):.1f}, total;dur={self.milliseconds:.1f}"

    @property
    def milliseconds(self) -> float:
        return 1000 * (time.perf_counter() - self._began)


def waited(start: float, end: float) -> None:
    """Count a wait towards the page that is being made."""
    waits = _waits.get()
    if waits is not None:
        waits.append((start, end))


def union(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans lasted."""
    length, covered = 0.0, float("-inf")
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return length
