"""The fork server: a small process without secrets that has loaded what contained processes need, and forks them.

    python -m worker.isolation DESCRIPTOR MODULE …

Over the socket of that descriptor comes a `Room` with two descriptors: the channel of the contained process, and the
lifeline of its warden. The warden stays outside, ends the room when the lifeline closes, and tells how it ended.
"""

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
from pathlib import Path

from worker.isolation import frames, layers, linux
from worker.isolation.inside import Inside
from worker.isolation.room import Room

_GRACE_MILLISECONDS = 50


def serve(control: socket.socket) -> None:
    """Fork a room for each message, until the worker is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (message := frames.receive(control)) is not None:
        _, body, descriptors = message
        if os.fork() == 0:
            control.close()
            room: Room = pickle.loads(body)  # noqa: S301  from the worker that started this process
            os._exit(_guard(room, *descriptors))
        for descriptor in descriptors:
            os.close(descriptor)


def _guard(room: Room, channel: int, lifeline: int) -> int:
    """The warden: fork the contained process, wait for its end or for the lifeline's."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    separate = bool(layers.leave_namespaces())
    if layers.LINUX:
        linux.adopt_orphans()
    warden = os.getpid()
    held = os.fork()
    if held == 0:
        os.close(lifeline)
        layers.enter(room, warden=warden, separate=separate)
        Inside(socket.socket(fileno=channel)).serve()
        os._exit(0)
    os.close(channel)
    with socket.socket(fileno=lifeline) as line:
        _wait(held, line)
        _end(held)
        status = os.waitpid(held, 0)[1]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        ending = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "memory": used.ru_maxrss * 1024}
        try:
            line.sendall(json.dumps(ending).encode())
        except OSError:
            return 1
    return 0


def _wait(held: int, line: socket.socket) -> None:
    """Until the process ends or the other end of the lifeline is closed."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    try:
        descriptor = os.pidfd_open(held)
    except (OSError, AttributeError):
        while (
            not poll.poll(_GRACE_MILLISECONDS)
            and os.waitid(os.P_PID, held, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            continue
        return
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    os.close(descriptor)


def _end(held: int) -> None:
    """Kill the process, its group, and whatever left the group and came to us as an orphan."""
    for kill, number in ((os.killpg, held), (os.kill, held)):
        try:
            kill(number, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    for orphan in _children():
        if orphan != held:
            os.kill(orphan, signal.SIGKILL)


def _children() -> list[int]:
    """This process's children: those of the room that left its group and lost their parent are ours now."""
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return []
    return [int(number) for number in listed]


def main() -> None:
    descriptor, *modules = sys.argv[1:]
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as control:
        serve(control)


if __name__ == "__main__":
    main()
