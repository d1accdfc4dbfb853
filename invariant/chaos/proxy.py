"""A proxy between workers and Postgres that can swallow every packet, in both directions, and close nothing."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 16


class Proxy:
    """Listens on 127.0.0.1:`port` and passes on to a Unix socket.

    While `open` is cleared nothing passes; what was sent then is lost, and a connection that was there, or was made
    meanwhile, stays as it is and never says anything again: half-open.
    """

    def __init__(self, socket: Path) -> None:
        self.port = 0
        self.open = threading.Event()
        self.open.set()
        self._socket = socket

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self.open)
        writers = [writer]
        tasks: list[asyncio.Task[None]] = []
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if connection.is_dead():
                    await _swallow(reader)
                    return
                far_reader, far_writer = await asyncio.open_unix_connection(str(self._socket))
                writers.append(far_writer)
                back = asyncio.create_task(connection.carry(far_reader, writer))
                tasks.append(back)
                # Until the client goes: that the server went is not told while the network is away.
                await connection.carry(reader, far_writer)
        finally:
            for one in writers:
                one.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    """Both directions of one connection, which die together."""

    def __init__(self, network: threading.Event) -> None:
        self._network = network
        self._dead = False

    def is_dead(self) -> bool:
        self._dead = self._dead or not self._network.is_set()
        return self._dead

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watching = asyncio.create_task(self._watch())
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(_CHUNK):
                    if not self.is_dead():
                        writer.write(data)
                        await writer.drain()
        finally:
            watching.cancel()
        if not self.is_dead():
            writer.close()

    async def _watch(self) -> None:
        """A connection that is silent while the network is away dies as well."""
        while not self.is_dead():  # noqa: ASYNC110  another thread says when
            await asyncio.sleep(0.2)


async def _swallow(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_CHUNK):
            pass


async def _end_all() -> None:
    """Until nothing is left: what is accepted at the last moment begins only now."""
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left)
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def running(socket: Path) -> Iterator[Proxy]:
    """The proxy in a thread of its own, for as long as the block lasts."""
    proxy = Proxy(socket)
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await server.serve_forever()

    task = loop.create_task(serve())

    def run() -> None:
        loop.run_until_complete(task)
        loop.run_until_complete(_end_all())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
