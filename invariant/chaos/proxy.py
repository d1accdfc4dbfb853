"""A proxy between workers and Postgres that can swallow every packet, in both directions, and close nothing."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 16


class Proxy:
    """Listens on 127.0.0.1:`port` and passes on to a Unix socket. `open` cleared: nothing passes any more."""

    def __init__(self, socket: Path) -> None:
        self.port = 0
        self.open = threading.Event()
        self.open.set()
        self._socket = socket

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._until_open()
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._socket))
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._until_open()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _until_open(self) -> None:
        # Set by another thread: asyncio's own events are not for that.
        while not self.open.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


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
        for pending in asyncio.all_tasks(loop):
            pending.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
