"""What a stranger's code would try from within a contained process. Each gives what it got, or raises."""

import ctypes
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from worker.isolation import layers


class Declared(Exception):
    """An error that may be raised across the wall."""

    code = "declared"


class Counter:
    """An object that the process keeps."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, number: int) -> int:
        self._count += number
        return self._count


def prepare() -> None:
    """Nothing but that the module is loaded."""


def without_namespaces() -> None:
    """In the fork server: as where the system offers none."""
    layers.separable = lambda: False


def process_id() -> int:
    return os.getpid()


def open_sockets() -> int:
    """How many descriptors of this process are sockets."""
    return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())


def double(number: int) -> int:
    return 2 * number


def lie(_: int) -> int:
    return "three"  # type: ignore[return-value]  # the lie


def flood(megabytes: int) -> str:
    return "x" * (megabytes << 20)


def fail(words: str) -> int:
    raise Declared(words)


def leak(words: str) -> int:
    raise RuntimeError(words)


def spin(_: int) -> int:
    """The interpreter's lock is held for ever: no thread, no signal handler runs."""
    re.match("(a|a)*b", "a" * 64)
    return 0


def end(number: int) -> int:
    os.kill(os.getpid(), number) if os.getpid() != 1 else os._exit(number)
    return 0


def hog(gigabytes: int) -> int:
    return len(bytearray(gigabytes << 30))


def hog_together(processes: int, megabytes: int) -> int:
    """Children each of which takes less than it may."""
    for _ in range(processes):
        if os.fork() == 0:
            held = bytearray(os.urandom(1 << 20) * megabytes)
            time.sleep(30)
            os._exit(len(held) == 0)
    time.sleep(30)
    return processes


def hog_shared(megabytes: int) -> int:
    """Memory that no limit of a process counts."""
    with mmap.mmap(-1, megabytes << 20) as held:
        for place in range(0, megabytes << 20, 4096):
            held[place] = 1
        time.sleep(30)
    return megabytes


def hog_as_orphans(processes: int, megabytes: int) -> int:
    """As `hog_together`, in processes that left who started them."""
    block = os.urandom(1 << 20)
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                held = block * megabytes
                time.sleep(30)
                os._exit(len(held) == 0)
            os._exit(0)
        os.waitpid(child, 0)
    time.sleep(30)
    return processes


def environments() -> str:
    """Every environment that can be read, the parent's among them."""
    seen = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            seen.append(place.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    try:
        seen.append(Path(f"/proc/{os.getppid()}/environ").read_bytes().decode(errors="replace"))
    except OSError:
        seen.append("")
    return "\n".join([*seen, *os.environ.values()])


def by_a_program(code: str) -> str:
    """What a program prints that the process starts, as analyzers are."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout


def read(path: str) -> str:
    return Path(path).read_text()


def listed(path: str) -> list[str]:
    return [place.name for place in Path(path).iterdir()]


def write(path: str) -> int:
    return Path(path).write_bytes(b"x")


def connect(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=3):
        return "connected"


def connect_local(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return "connected"


def send_local(path: str) -> int:
    """A datagram to a socket of the machine, from one of a pair of one's own."""
    ours, _ = socket.socketpair(type=socket.SOCK_DGRAM)
    return ours.sendto(b"x", path)


def connect_beside(host: str, port: int) -> list[str]:
    """Ways to connect that Landlock does not look at, and to be connected to."""
    multipath, fast_open = 262, 0x20000000

    def by_multipath() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, multipath) as client:
            client.settimeout(3)
            client.connect((host, port))

    def by_first_packet() -> None:
        with socket.socket() as client:
            client.sendto(b"x", fast_open, (host, port))

    def by_listening() -> None:
        with socket.socket() as server:
            server.listen()

    got = []
    for way in (by_multipath, by_first_packet, by_listening):
        try:
            way()
        except OSError:
            continue
        got.append(way.__name__)
    return got


def signal_process(number: int) -> str:
    os.kill(number, signal.SIGTERM)
    return "sent"


def kill_by_a_program(number: int) -> int:
    """The exit code of a program that shall kill the process."""
    return subprocess.run(["/bin/sh", "-c", f"kill -9 {number}"], capture_output=True, check=False).returncode


def fork_many(number: int) -> int:
    """How many of so many processes could be started; they stay for a while."""
    started = 0
    for _ in range(number):
        try:
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
        except OSError:
            return started
        started += 1
    return started


def leave_behind(path: str) -> int:
    """A grandchild in a session of its own, which writes as long as it lives; it has begun."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        while not Path(path).exists():
            time.sleep(0.01)
        return child
    os.setsid()
    if os.fork() == 0:
        while True:
            Path(path).write_text(str(time.monotonic()))
            time.sleep(0.02)
    os._exit(0)


def leave_behind_and_spin(path: str) -> int:
    """The same, and then an explosion."""
    leave_behind(path)
    return spin(0)


def fill_nameless(folder: str, megabytes: int) -> int:
    """Write into files that no folder has any more."""
    held = []
    for number in range(megabytes // 16):
        place = Path(folder, f"gone-{number}")
        file = place.open("wb")
        place.unlink()
        file.write(b"x" * (16 << 20))
        file.flush()
        held.append(file)
    time.sleep(20)
    return len(held)


def fill(folder: str, megabytes: int) -> int:
    """Write files of 16 MiB each."""
    block = b"x" * (16 << 20)
    for number in range(megabytes // 16):
        Path(folder, f"part-{number}").write_bytes(block)
    time.sleep(5)
    return megabytes


def fill_with_folders(folder: str, number: int) -> int:
    """Folders with nothing in them."""
    for name in range(number):
        Path(folder, str(name)).mkdir()
    time.sleep(30)
    return number


def fill_below(folder: str, depth: int, name: str) -> int:
    """A file below so many folders, for which a path may be too short."""
    os.chdir(folder)
    for _ in range(depth):
        Path(name).mkdir()
        os.chdir(name)
    Path("file").write_bytes(b"x" * (16 << 20))
    time.sleep(30)
    return depth


def one_file(folder: str, megabytes: int) -> int:
    """Write a single file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Path(folder, "large").open("wb") as file:
        for _ in range(megabytes):
            file.write(b"x" * (1 << 20))
    return megabytes


MEMORY_OF_THE_FIRST = """
try:
    open("/proc/1/mem", "r+b")
    print("had")
except OSError:
    print("held")
import os
print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
"""


def hidden_memory(_: int) -> list[str]:
    """Kinds of memory that is seen at no process."""
    libc = ctypes.CDLL(None)
    got = [name for name in ("shmget", "semget", "msgget") if getattr(libc, name)(0, 4096, 0o1600) >= 0]
    try:
        os.close(os.memfd_create("x"))
    except OSError:
        return got
    return [*got, "memfd"]
