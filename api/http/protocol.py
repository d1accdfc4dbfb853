"""HTTP/1.1 with the bounds that uvicorn's fast parser leaves open: how large a request may be around its body, how long
its head may take, how many connections may wait.

What surrounds a body is its head, the frames of its chunks, and its trailers. The parser keeps a line of any of them
until it ends, so they are counted as bytes arrive, before anything is made of them.
"""

import asyncio
import json
import resource
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_AROUND = 300 << 10
MAX_TARGET = 8 << 10
MAX_PIPELINED = 16
MAX_CONNECTIONS = 2048
# What files, the database and the rest of the process need of its descriptors.
_OTHER_FILES = 256
# The size, its end and the chunk's end: what a chunk may have around it for nothing.
_CHUNK_FRAME = 16
_HEAD_SECONDS = 20.0


class _Refused(Exception):
    """The request is not read any further. `answer` is sent, unless another answer is on its way."""

    def __init__(self, status: HTTPStatus, slug: str, title: str, detail: str) -> None:
        super().__init__(detail)
        kind = f"urn:invariant:problem:{slug}"
        body = json.dumps({"type": kind, "title": title, "status": status.value, "detail": detail}).encode()
        self.answer = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
            f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body


def _too_large() -> _Refused:
    return _Refused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", "The head is too large", "Send fewer headers."
    )


def _target_too_long() -> _Refused:
    detail = f"Send an address of at most {MAX_TARGET} bytes."
    return _Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "target-too-long", "The address is too long", detail)


def _too_many_pipelined() -> _Refused:
    detail = "Wait for the answers before more is asked on one connection."
    return _Refused(HTTPStatus.TOO_MANY_REQUESTS, "pipelined-too-far", "Too many requests at once", detail)


def open_files() -> int:
    """Let the process open as many files as the system allows; returns how many connections that leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        wanted = MAX_CONNECTIONS + _OTHER_FILES
        soft = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(MAX_CONNECTIONS, soft - _OTHER_FILES))


class BoundedHttpProtocol(HttpToolsProtocol):
    """More than 300 KiB around a body get 431, an address above 8 KiB 414; a head that takes longer than 20 s is cut
    off. Where there are too many connections, the one goes that has waited longest without asking anything.
    """

    most = MAX_CONNECTIONS
    # Those that wait for a head, the longest first. One process serves one port.
    _waiting: ClassVar[dict["BoundedHttpProtocol", None]] = {}

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._around = 0
        self._in_head = True
        self._refused: _Refused | None = None
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > self.most:
            next(iter(self._waiting)).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._wait_for_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            raise self._refuse(_target_too_long())

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers are headers to the parser; nobody asks for them.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED:
            raise self._refuse(_too_many_pipelined())

    def on_body(self, body: bytes) -> None:
        self._around = max(0, self._around - len(body) - _CHUNK_FRAME)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._around = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        self._around += len(data)
        super().data_received(data)
        if self._around > MAX_AROUND and not self.transport.is_closing():
            self._refuse(_too_large())
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering:
            # Two answers would be mixed. What is being answered learns that nobody listens any more.
            self.transport.close()
        elif self._refused is not None:
            self.transport.write(self._refused.answer)
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _refuse(self, refused: _Refused) -> _Refused:
        self._refused = refused
        return refused

    def _wait_for_head(self) -> None:
        if self._slow is None:
            self._waiting[self] = None
            self._slow = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
