"""Requests below HTTP's good manners, over raw sockets."""

import contextlib
import socket
import time
from pathlib import Path

from tests.support import processes


def say(port: int, content: bytes, seconds: float = 10) -> bytes:
    """Send and read until the other side closes, or has said a whole head."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(content)
        found = b""
        try:
            while b"\r\n\r\n" not in found:
                chunk = connection.recv(65536)
                if not chunk:
                    break
                found += chunk
        except ConnectionResetError:
            pass
    return found


def test_heads_are_bounded(url: str, tmp_path: Path) -> None:
    with processes.api(url, tmp_path) as (client, api):
        port = client.base_url.port
        assert port
        began = time.monotonic()
        huge = say(port, b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (20 << 20) + b"\r\n\r\n")
        assert huge == b"" or huge.startswith(b"HTTP/1.1 431")
        many = say(port, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 200_000 + b"\r\n")
        assert many == b"" or many.startswith(b"HTTP/1.1 431")
        assert time.monotonic() - began < 10
        for content in (
            b"\x00\x01\x02\r\n\r\n",
            b"GET\r\n\r\n",
            b"POST /api/runs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        ):
            assert b" 500 " not in say(port, content).split(b"\r\n")[0]
        # Refused before the body was read: the rest of it is not swallowed.
        head = b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        refused = say(port, head + b"5\r\nhello\r\n")
        assert refused.startswith(b"HTTP/1.1 401")
        assert b"connection: close" in refused.lower()
        assert client.get("/health").status_code == 200
        assert "Traceback" not in api.log
        # A token in a WebSocket's address is not logged, in whatever way it is written.
        say(port, b"GET /ws?token=se%2Bcret%2Fin%3Dquery HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")  # fmt: skip
        assert "cret" not in api.log
