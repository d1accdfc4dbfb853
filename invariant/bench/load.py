"""A load generator that costs little: the request's bytes are made once, the answer is only looked at."""

import asyncio
import itertools
import time
from functools import partial
from typing import cast


class _Connection(asyncio.Protocol):
    """One keep-alive connection that sends the next request when the answer to the last one is whole."""

    def __init__(self, request: bytes, deadline: float, tally: list[int], done: asyncio.Future[None]) -> None:
        self._request = request
        self._deadline = deadline
        self._tally = tally
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at : head.index(b"\r", at) if b"\r" in head[at:] else None])
        if len(rest) < length:
            return
        self._tally[head.startswith(b"HTTP/1.1 202")] += 1
        self._buffer = b""
        assert self._transport is not None
        if time.perf_counter() < self._deadline:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def post(
    host: str, port: int, path: str, body: bytes, *, token: str, connections: int, seconds: float
) -> list[int]:
    """Send `body` again and again; returns [other answers, answers with status 202]."""
    request = _request(host, port, path, body, token)
    loop = asyncio.get_running_loop()
    tally = [0, 0]
    deadline = time.perf_counter() + seconds
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        await loop.create_connection(partial(_Connection, request, deadline, tally, done), host, port)
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*ends)
    return tally


async def paced(
    host: str, port: int, path: str, body: bytes, *, token: str, connections: int, rate: float, seconds: float
) -> list[int]:
    """As `post`, but so many a second: a request whose time has come waits for nothing but a free connection."""
    request = _request(host, port, path, body, token)
    tally = [0, 0]
    began = time.perf_counter()
    number = itertools.count()

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (at := next(number) / rate) < seconds:
            await asyncio.sleep(began + at - time.perf_counter())
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            tally[head.startswith(b"HTTP/1.1 202")] += 1
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return tally


def _request(host: str, port: int, path: str, body: bytes, token: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
