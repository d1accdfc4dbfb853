"""A proxy between workers and Postgres that can swallow every packet, in both directions, and close nothing."""

import asyncio
import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from invariant import serving

_CHUNK = 1 << 16


@dataclass(eq=False)
class _Connection:
    """Both directions of one connection, which die together."""

    dead: bool

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What comes is passed on, or lost once the connection is dead; so is its end."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if not self.dead:
                    writer.write(data)
                    await writer.drain()
        if not self.dead:
            writer.close()


class Proxy:
    """Listens on 127.0.0.1:`port` and passes on to a Unix socket.

    Between `cut` and `restore` nothing passes. What is sent then is lost, and a connection that was there, or is made
    meanwhile, stays as it is and never says anything again: half-open.
    """

    def __init__(self, socket: Path) -> None:
        self.port = 0
        self._socket = socket
        self._away = False
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()

    def cut(self) -> None:
        self._away = True
        for connection in list(self._connections):
            connection.dead = True

    def restore(self) -> None:
        """For connections that are made from now on."""
        self._away = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self._away)
        self._connections.add(connection)
        writers = [writer]
        tasks: list[asyncio.Task[None]] = []
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if connection.dead:
                    # To nobody: it is read and lost until the client gives up.
                    await connection.carry(reader, writer)
                    return
                far_reader, far_writer = await asyncio.open_unix_connection(str(self._socket))
                writers.append(far_writer)
                tasks.append(asyncio.create_task(connection.carry(far_reader, writer)))
                # Until the client goes: that the server went is not told while the network is away.
                await connection.carry(reader, far_writer)
        finally:
            for one in writers:
                one.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def running(socket: Path) -> Iterator[Proxy]:
    """The proxy in a thread of its own, for as long as the block lasts."""
    proxy = Proxy(socket)
    with serving.in_thread(proxy.handle) as port:
        proxy.port = port
        yield proxy
