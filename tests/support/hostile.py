"""Whoever means harm, over raw sockets, while somebody else asks the api whether it is well."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

_MEGA = 1 << 20


def peak_memory(pid: int) -> int:
    """The most memory that the process has held so far, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak_memory(pid: int) -> None:
    """From now on `peak_memory` speaks of what comes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Watch:
    """How long the api took to say that it is well, in seconds; whatever it said otherwise is in `failures`."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextlib.contextmanager
def watching(url: str, paths: Iterable[str] = ("/health", "/ready")) -> Iterator[Watch]:
    """Asks all the time, for as long as the block lasts, each time over a connection of its own.

    What this process is busy with meanwhile is not measured: another one asks.
    """
    watch = Watch()
    argv = [sys.executable, str(Path(__file__).with_name("asking.py")), str(httpx.URL(url).port), *paths]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        try:
            yield watch
        finally:
            out, _ = asking.communicate(timeout=60)
    said = json.loads(out)
    watch.seconds, watch.failures = said["seconds"], said["failures"]


def flood(port: int, head: bytes, piece: bytes, *, seconds: float, most: int = 64 * _MEGA) -> int:
    """Send `head`, and `piece` again and again without reading, until cut off; returns how many bytes went out."""
    sent = 0
    deadline = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        try:
            connection.sendall(head)
            while time.monotonic() < deadline and sent < most:
                connection.sendall(piece)
                sent += len(piece)
        except (ConnectionError, TimeoutError):
            pass
    return sent


def together(work: Callable[[int], object], count: int) -> None:
    """`work(number)` in `count` threads at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
