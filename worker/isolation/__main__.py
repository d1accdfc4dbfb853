"""The fork server: a small process without secrets that has loaded what contained processes need, and forks them.

    python -m worker.isolation DESCRIPTOR MODULE:FUNCTION

Over the socket of that descriptor comes a `Room` with two descriptors: the channel of the contained process, and the
lifeline of its warden. Some wardens wait for their room already, each with the process that it will guard: making two
processes and their namespaces is most of what a room costs.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections import deque

from worker.isolation import frames, layers, warden

_SPARE = 2
"""A run opens two rooms, one for its constitution and one for its repository."""
_LULL_SECONDS = 0.02
"""New ones are made when nothing was asked for so long: the rooms just opened need the processors."""

_FIRST = 3
"""The first descriptor that is no standard stream."""


def serve(control: socket.socket, *, separate: bool) -> None:
    """Give each room that comes to a warden, until the worker is gone. `separate`: each in namespaces of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    spares: deque[socket.socket] = deque()
    while True:
        while len(spares) < _SPARE and not select.select([control], [], [], _LULL_SECONDS)[0]:
            try:
                spares.append(_warden(control, spares, separate=separate))
            except OSError:
                # There is no process to be had; nobody has asked for one.
                break
        message = frames.receive(control)
        if message is None:
            return
        _, body, descriptors = message
        while not _given(
            spares.popleft() if spares else _warden(control, spares, separate=separate), body, descriptors
        ):
            # A spare can have been ended meanwhile, where memory ran out.
            continue
        for descriptor in descriptors:
            os.close(descriptor)


def _warden(control: socket.socket, spares: deque[socket.socket], *, separate: bool) -> socket.socket:
    """A new one; returns where its room is sent."""
    orders, theirs = socket.socketpair()
    if os.fork() == 0:
        # What is held may speak to its warden alone, never to the server, to other wardens or into other rooms.
        for end in (control, orders, *spares):
            end.detach()
        os.closerange(_FIRST, theirs.fileno())
        os.closerange(theirs.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        os._exit(warden.guard(theirs, separate=separate))
    theirs.close()
    return orders


def _given(orders: socket.socket, body: bytes, descriptors: list[int]) -> bool:
    """Whether the warden could be sent the room."""
    with orders, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        socket.send_fds(orders, [frames.HEADER.pack(frames.CALL, len(body))], descriptors)
        orders.sendall(body)
        return True
    return False


def main() -> None:
    descriptor, prepare = sys.argv[1:]
    module, _, function = prepare.partition(":")
    getattr(importlib.import_module(module), function)()
    separate = layers.separable()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as control:
        serve(control, separate=separate)


if __name__ == "__main__":
    main()
