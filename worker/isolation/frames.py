"""Messages between a process and the contained one, over a socket pair.

Inwards goes pickle, since what is within may trust us; outwards comes JSON, which is looked at like any input.
"""

import os
import pickle
import socket
import struct
from typing import Any

CALL, FORK = b"C", b"F"
HEADER = struct.Struct("!cI")
MAX_ANSWER = 32 << 20


def call(function: Any, arguments: tuple[Any, ...]) -> bytes:
    """A call of `function`, which both sides import by its name."""
    body = pickle.dumps((function, arguments), protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(CALL, len(body)) + body


def answer(body: bytes) -> bytes:
    """An answer, or any message that is its body alone, as it is sent out."""
    return HEADER.pack(CALL, len(body)) + body


def receive(channel: socket.socket) -> tuple[bytes, bytes, list[int]] | None:
    """The next message's kind, body and file descriptors; None when the other side has closed. Blocking."""
    head, descriptors, _, _ = socket.recv_fds(channel, HEADER.size, 2)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if not head:
        return None
    while len(head) < HEADER.size:
        part = channel.recv(HEADER.size - len(head))
        if not part:
            return None
        head += part
    kind, size = HEADER.unpack(head)
    body = bytearray()
    while len(body) < size:
        part = channel.recv(min(1 << 20, size - len(body)))
        if not part:
            return None
        body += part
    return kind, bytes(body), list(descriptors)
