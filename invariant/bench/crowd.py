"""A crowd with one user's token, in a process of its own: uploads, sockets and runs, as fast as they are answered.

    python -m invariant.bench.crowd HOST PORT TOKEN CLIENTS SECONDS

Nobody of it listens to a refusal. At the end it says in JSON how often it was answered with which status.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import sys
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_UPLOAD_BYTES = 4 << 20
_SILENT_SECONDS = 30.0
_AGAIN_SECONDS = 0.05


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data", os.urandom(_UPLOAD_BYTES))
    return buffer.getvalue()


@dataclass
class _Crowd:
    host: str
    port: int
    token: str
    deadline: float
    answers: Counter[str] = field(default_factory=Counter)
    upload: bytes = field(default_factory=_zip)

    async def one(self, number: int) -> None:
        """One client, until the time is over."""
        ask = (self._upload, self._socket, self._run)[number % 3]
        while time.monotonic() < self.deadline:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
                async with asyncio.timeout(self.deadline - time.monotonic() + 1):
                    await ask()
            await asyncio.sleep(_AGAIN_SECONDS)

    def _head(self, line: str, *more: str) -> bytes:
        headers = [line, f"Host: {self.host}", f"Authorization: Bearer {self.token}", *more]
        return "\r\n".join([*headers, "", ""]).encode()

    async def _status(self, reader: asyncio.StreamReader, kind: str) -> int:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SILENT_SECONDS)
        status = int(head.split(b" ", 2)[1])
        self.answers[f"{kind} {status}"] += 1
        return status

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _upload(self) -> None:
        async with self._connected() as (reader, writer):
            writer.write(self._head("POST /api/uploads HTTP/1.1", f"Content-Length: {len(self.upload)}"))
            sending = asyncio.create_task(self._send(writer))
            try:
                await self._status(reader, "upload")
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(self.upload), 1 << 16):
            writer.write(self.upload[start : start + (1 << 16)])
            await writer.drain()

    async def _socket(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        async with self._connected() as (reader, writer):
            writer.write(
                self._head(
                    "GET /ws HTTP/1.1",
                    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
                    f"Sec-WebSocket-Key: {key}",
                )
            )
            if await self._status(reader, "socket") == 101:
                while await reader.read(65536):
                    pass

    async def _run(self) -> None:
        source = {"kind": "files", "files": {"a.py": "x = 1\n"}}
        body = json.dumps({"source": source, "constitution": "- Code MUST NOT call eval().\n"}).encode()
        async with self._connected() as (reader, writer):
            while time.monotonic() < self.deadline:
                head = self._head(
                    "POST /api/runs HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}"
                )
                writer.write(head + body)
                header = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SILENT_SECONDS)
                self.answers[f"run {int(header.split(b' ', 2)[1])}"] += 1
                length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)


async def _main(host: str, port: int, token: str, clients: int, seconds: float) -> Counter[str]:
    crowd = _Crowd(host, port, token, time.monotonic() + seconds)
    await asyncio.gather(*(crowd.one(number) for number in range(clients)))
    return crowd.answers


if __name__ == "__main__":
    answers = asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
    sys.stdout.write(json.dumps(dict(answers)))
