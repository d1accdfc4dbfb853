"""The warden of a room: it stays outside, ends the room when its lifeline closes, and tells how it ended."""

import contextlib
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


def guard(orders: socket.socket, *, separate: bool) -> int:
    """Fork a process that has left the namespaces, wait for its room, and then for its end or for the lifeline's.

    The room comes over `orders`, with the process's channel and the lifeline; nothing comes when it is not needed any
    more. Returns an exit status.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if separate:
        layers.leave_namespaces()
    if layers.LINUX:
        linux.adopt_orphans()
    warden = os.getpid()
    onwards, inner = socket.socketpair()
    held = os.fork()
    if held == 0:
        orders.close()
        onwards.close()
        _be_held(inner, warden, separate=separate)
        os._exit(0)
    inner.close()
    with orders, onwards:
        # Where memory runs out the process that waits is the first to go: then no room may come here.
        readable, _, _ = select.select([orders, onwards], [], [])
        message = None if onwards in readable else frames.receive(orders)
        if message is None:
            _end(held)
            return 0
        _, body, (channel, lifeline) = message
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(onwards, [frames.HEADER.pack(frames.CALL, len(body))], [channel])
            onwards.sendall(body)
    os.close(channel)
    room: Room = pickle.loads(body)  # noqa: S301  from the worker that started this process
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


def _be_held(orders: socket.socket, warden: int, *, separate: bool) -> None:
    """The contained process: put up what walls need no room, wait for the room, put up the rest, and serve."""
    # What it has to say it answers; the worker's log is not a stranger's.
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stderr.fileno())
    layers.prepare(separate=separate)
    message = frames.receive(orders)
    orders.close()
    if message is not None:
        _, body, (channel,) = message
        layers.enter(pickle.loads(body), warden=warden, separate=separate)  # noqa: S301  from its warden
        Inside(socket.socket(fileno=channel)).serve()


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
