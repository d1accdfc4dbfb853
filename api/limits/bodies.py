"""Large bodies: few at once on their way, on disk until they are whole, and fewer still in memory."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from api.http.errors import TooManyRequests, Unavailable

# A body of at most this size is read into memory as it comes.
SMALL = 64 << 10
_OF_ONE = 4
_OF_ALL = 64
_IN_MEMORY = 2
_RETRY_SECONDS = 5.0


class Bodies:
    """The large bodies of one process."""

    def __init__(self) -> None:
        self._arriving: Counter[str | None] = Counter()
        self.in_memory = asyncio.Semaphore(_IN_MEMORY)

    @contextlib.contextmanager
    def arriving(self, user: str | None) -> Iterator[None]:
        """One more large body is on its way. Raises TooManyRequests, Unavailable."""
        if self._arriving.total() >= _OF_ALL:
            raise Unavailable("Too many large bodies are on their way. Try again shortly.")
        if user is not None and self._arriving[user] >= _OF_ONE:
            raise TooManyRequests(
                f"This user is sending {_OF_ONE} large bodies already; send one after the other.",
                seconds=_RETRY_SECONDS,
            )
        self._arriving[user] += 1
        try:
            yield
        finally:
            self._arriving[user] -= 1
            if not self._arriving[user]:
                del self._arriving[user]
