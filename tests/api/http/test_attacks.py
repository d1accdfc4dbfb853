"""What anybody who reaches the port may try, with no token, against a real api process."""

import base64
import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from invariant.postgres import Server
from tests.support import hostile, processes

MOST_MEMORY = 300 << 20
SLOWEST = 1.0
SECONDS = 3.0

CHUNKED = b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = (
    b"GET /ws?token=" + processes.TOKEN.encode() + b" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# FIN and opcode; then the masking bit, the length, the mask.
PING = b"\x89\x80\0\0\0\0"
EMPTY_START = b"\x01\x80\0\0\0\0"
EMPTY_MORE = b"\x00\x80\0\0\0\0"
TEXT = b"\x81\xfe\x10\x00\0\0\0\0" + b"a" * 4096

FLOODS = {
    "endless trailers": (CHUNKED + b"0\r\n", b"a: b\r\n" * 10_000),
    "one endless trailer": (CHUNKED + b"0\r\na: ", b"b" * 65536),
    "endless chunk extension": (CHUNKED + b"1", b";a=b" * 10_000),
    "a chunk extension each": (CHUNKED, b"1;" + b"a" * 5000 + b"\r\nx\r\n"),
    "endless body": (b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", b"x" * 65536),
    "endless headers": (b"GET /health HTTP/1.1\r\n", b"a: b\r\n" * 10_000),
    "one endless header": (b"GET /health HTTP/1.1\r\na: ", b"b" * 65536),
    "endless request line": (b"GET /", b"a" * 65536),
    "endless pipeline": (b"", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2000),
    "endless empty lines": (b"", b"\r\n" * 30_000),
    "upgrade to nothing": (b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", b"x" * 65536),
    "tunnel": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 65536),
    "pings, pongs not read": (UPGRADE, PING * 10_000),
    "a message in pieces without end": (UPGRADE + EMPTY_START, EMPTY_MORE * 10_000),
    "messages without end": (UPGRADE, TEXT * 16),
    "a huge frame": (UPGRADE + b"\x82\xff\0\0\0\x7f\xff\xff\xff\xff\0\0\0\0", b"x" * 65536),
}  # fmt: skip


@pytest.fixture(scope="module")
def api(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Process]:
    with server.database() as url, processes.api(url, tmp_path_factory.mktemp("api")) as (client, running):
        running.base_url = str(client.base_url)
        yield running


@contextlib.contextmanager
def unharmed(api: processes.Process) -> Iterator[int]:
    """The api's port; afterwards: it always answered in time, and its memory stayed what it may be."""
    port = httpx.URL(api.base_url).port
    assert port
    hostile.forget_peak_memory(api.popen.pid)
    with hostile.watching(api.base_url) as watch:
        yield port
    assert watch.failures == []
    assert max(watch.seconds) <= SLOWEST
    assert hostile.peak_memory(api.popen.pid) <= MOST_MEMORY
    assert "Traceback" not in api.log


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_over_one_connection_is_cut_off(api: processes.Process, name: str) -> None:
    head, piece = FLOODS[name]
    with unharmed(api) as port:
        sent = hostile.flood(port, head, piece, seconds=SECONDS)
    assert sent < 32 << 20


def test_a_path_that_costs_the_masker_dear_is_refused(api: processes.Process) -> None:
    request = b"GET /" + b"-eyJ" * 15_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = []

    def ask(_: int) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)
                answers.append(connection.recv(1000).split(b"\r\n")[0])

    with unharmed(api) as port:
        hostile.together(ask, 4)
    assert {answer[:13] for answer in answers} == {b"HTTP/1.1 414 "}


def test_a_head_that_never_ends_is_cut_off_in_time(api: processes.Process) -> None:
    with contextlib.ExitStack() as stack, unharmed(api) as port:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=40)) for _ in range(300)
        ]
        for connection in connections:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        ends = [connection.recv(100) for connection in connections]
    assert time.monotonic() - began < 30
    assert set(ends) == {b""}


def test_thousands_of_idle_connections_keep_nobody_out(api: processes.Process) -> None:
    with contextlib.ExitStack() as stack:
        port = httpx.URL(api.base_url).port
        with unharmed(api):
            for _ in range(3000):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            # What is to be borne is that they stay for a while.
            time.sleep(1)
