"""A child of a contained process for work that may end the process that does it: a library in C that takes all memory,
or that crashes. Its end is an answer too."""

import contextlib
import faulthandler
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from worker.isolation import frames, linux


class Expendable:
    """Forked when it is first asked, and again after it has ended; it knows what its parent knew then.

    `work` has an answer of bytes for bytes. For each question it has so many `seconds` of processor time; `memory` is
    what it may take, in bytes, beyond what its parent has. It ends with its parent. Not thread-safe.
    """

    def __init__(self, work: Callable[[bytes], bytes], *, memory: int, seconds: float) -> None:
        self._work = work
        self._memory = memory
        self._seconds = seconds
        self._channel: socket.socket | None = None
        self._child = 0
        # Two processes cannot ask over one channel.
        os.register_at_fork(after_in_child=self._forget)

    def ask(self, question: bytes) -> bytes | None:
        """The answer; None when the child ended of it. Blocking. Raises OSError when there is no child to be had."""
        if not self._lives():
            self.close()
        channel = self._channel or self._fork()
        answer = None
        with contextlib.suppress(OSError):
            channel.sendall(frames.answer(question))
            answer = _receive(channel)
        if answer is None:
            self.close()
        return answer

    def _lives(self) -> bool:
        """Whether the child is there: it may have been ended between two questions."""
        try:
            return self._channel is not None and os.waitpid(self._child, os.WNOHANG)[0] == 0
        except ChildProcessError:
            return False

    def close(self) -> None:
        """End the child."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
            # Somebody else may have waited for it: its number could be another's by now.
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self._child, os.WNOHANG)[0] == 0:
                    os.kill(self._child, signal.SIGKILL)
                    os.waitpid(self._child, 0)

    def _forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            self._child = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if self._child == 0:
            ours.close()
            try:
                self._serve(theirs)
            finally:
                os._exit(1)
        theirs.close()
        self._channel = ours
        return ours

    def _serve(self, channel: socket.socket) -> None:
        faulthandler.disable()
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                linux.die_with_parent(signal.SIGKILL)
        _limit_data(self._memory)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        while (question := _receive(channel)) is not None:
            signal.setitimer(signal.ITIMER_PROF, self._seconds)
            answer = self._work(question)
            signal.setitimer(signal.ITIMER_PROF, 0)
            channel.sendall(frames.answer(answer))


def _limit_data(more: int) -> None:
    """Private writable memory, beyond what there is; where the system does not tell that, no limit of its own."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        held = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = held + more if soft == resource.RLIM_INFINITY else min(soft, held + more)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _receive(channel: socket.socket) -> bytes | None:
    """The next message's body; None when the other side is gone."""
    message = frames.receive(channel)
    return None if message is None else message[1]
