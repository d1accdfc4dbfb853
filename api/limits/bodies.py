"""Large bodies: few at once on their way, on disk until they are whole, and fewer still in memory."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from api.http.errors import TooManyRequests, Unavailable

# A body of at most this size is read into memory as it comes.
SMALL = 64 << 10
_OF_ONE = 4
# Of all whom nobody knows together, so that those whom somebody knows find room.
_OF_STRANGERS = 16
_OF_ALL = 64
_IN_MEMORY = 2
_RETRY_SECONDS = 5.0


@dataclass
class _Sender:
    bodies: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Bodies:
    """The large bodies of one process."""

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}
        self._arriving = 0
        self._strangers = 0
        self.in_memory = asyncio.Semaphore(_IN_MEMORY)

    @contextlib.contextmanager
    def from_a_stranger(self, address: str) -> Iterator[None]:
        """One more large body is on its way from an address that has shown no token. Raises TooManyRequests,
        Unavailable."""
        if self._strangers >= _OF_STRANGERS:
            raise Unavailable("Too many large bodies are on their way. Try again shortly.")
        self._strangers += 1
        try:
            with self.arriving(f"address {address}"):
                yield
        finally:
            self._strangers -= 1

    @contextlib.contextmanager
    def arriving(self, user: str | None) -> Iterator[asyncio.Lock]:
        """One more large body is on its way; gives the lock under which it is worked on once it is whole: the bodies
        of one user are, one after the other. Raises TooManyRequests, Unavailable."""
        if self._arriving >= _OF_ALL:
            raise Unavailable("Too many large bodies are on their way. Try again shortly.")
        sender = _Sender() if user is None else self._senders.setdefault(user, _Sender())
        if sender.bodies >= _OF_ONE:
            raise TooManyRequests(
                f"This user is sending {_OF_ONE} large bodies already; send one after the other.",
                seconds=_RETRY_SECONDS,
            )
        self._arriving += 1
        sender.bodies += 1
        try:
            yield sender.turn
        finally:
            self._arriving -= 1
            sender.bodies -= 1
            if user is not None and not sender.bodies:
                del self._senders[user]
