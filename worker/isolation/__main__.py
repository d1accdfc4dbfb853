"""The fork server: a small process without secrets that has loaded what contained processes need, and forks them.

    python -m worker.isolation DESCRIPTOR MODULE:FUNCTION

Over the socket of that descriptor comes a `Room` with two descriptors: the channel of the contained process, and the
lifeline of its warden. The warden stays outside, ends the room when the lifeline closes, and tells how it ended.
"""

import contextlib
import gc
import importlib
import json
import os
import pickle
import resource
import select
import signal
import socket
import sys

from worker.isolation import frames, layers, linux, memory
from worker.isolation.inside import Inside
from worker.isolation.room import Bounds, Room

_LOOK_MILLISECONDS = 500


def serve(control: socket.socket, *, separate: bool) -> None:
    """Fork a room for each message, until the worker is gone. `separate`: each in namespaces of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (message := frames.receive(control)) is not None:
        _, body, descriptors = message
        if os.fork() == 0:
            control.close()
            room: Room = pickle.loads(body)  # noqa: S301  from the worker that started this process
            channel, lifeline = descriptors
            os._exit(_guard(room, channel, lifeline, separate=separate))
        for descriptor in descriptors:
            os.close(descriptor)


def _guard(room: Room, channel: int, lifeline: int, *, separate: bool) -> int:
    """The warden: fork the contained process, wait for its end or for the lifeline's."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if separate:
        layers.leave_namespaces()
    if layers.LINUX:
        linux.adopt_orphans()
    warden = os.getpid()
    held = os.fork()
    if held == 0:
        os.close(lifeline)
        # What it has to say it answers; the worker's log is not a stranger's.
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stderr.fileno())
        layers.enter(room, warden=warden, separate=separate)
        Inside(socket.socket(fileno=channel)).serve()
        os._exit(0)
    os.close(channel)
    with socket.socket(fileno=lifeline) as line:
        _wait(held, line, room.bounds)
        status = _end(held)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        ending = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "memory": used.ru_maxrss * 1024}
        try:
            line.sendall(json.dumps(ending).encode())
        except OSError:
            return 1
    return 0


def _wait(held: int, line: socket.socket, bounds: Bounds) -> None:
    """Until the process ends or the other end of the lifeline is closed; what takes too much memory is ended."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    try:
        descriptor = os.pidfd_open(held)
        poll.register(descriptor, select.POLLIN)
    except (OSError, AttributeError):
        descriptor = None
    while not poll.poll(_LOOK_MILLISECONDS):
        if descriptor is None and os.waitid(os.P_PID, held, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        memory.end_what_grows(held, bounds)
        for orphan in memory.children(os.getpid()):
            # Without a namespace they come to us, when their run has ended.
            if orphan != held:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)
    if descriptor is not None:
        os.close(descriptor)


def _end(held: int) -> int:
    """Kill the process, its group, and whatever left the group and comes to us as an orphan; returns its status."""
    for kill, number in ((os.killpg, held), (os.kill, held)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(number, signal.SIGKILL)
    status = os.waitpid(held, 0)[1]
    while orphans := memory.children(os.getpid()):
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(orphan, signal.SIGKILL)
            # Its own children are our orphans then.
            os.waitpid(orphan, 0)
    return status


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
