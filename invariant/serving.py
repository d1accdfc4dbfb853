"""A small server of ours in a thread of its own, beside whatever the main thread does."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# Requests with a whole repository in one line, and a thousand of them at once.
_LINE_BYTES = 1 << 26
_BACKLOG = 1024
_SECONDS = 10.0


@contextlib.contextmanager
def in_thread(handle: Handle) -> Iterator[int]:
    """`handle` gets every connection to 127.0.0.1:port, for as long as the block lasts; gives the port.

    At the end what is being handled is cancelled, and has ended when this returns.
    """
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    ports: list[int] = []

    async def serve() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=_LINE_BYTES, backlog=_BACKLOG)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await server.serve_forever()

    async def end_all() -> None:
        # Again and again: what is accepted at the last moment begins only now.
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left)
            # Transports that were closed are closed in the loop's next turn.
            await asyncio.sleep(0)

    serving = loop.create_task(serve())

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serving)
        loop.run_until_complete(end_all())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(_SECONDS)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(_SECONDS)
