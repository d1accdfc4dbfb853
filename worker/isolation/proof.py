"""What holds is tried, not believed: a contained process attempts what it must not do, and says how far it got."""

import asyncio
import contextlib
import os
import resource
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.isolation import linux
from worker.isolation.contained import Isolation
from worker.isolation.room import Bounds, Layer, Room

_SECONDS = 20.0
_MEMORY = 512 << 20
_HELD = 1 << 31


@dataclass(frozen=True)
class Bait:
    """What the process is told of, and must not reach."""

    outside: str
    """A folder of the worker's, with a file in it that everybody may read."""
    port: int
    """Where the worker listens on loopback."""
    worker: int
    """The worker's process id."""
    user: int


@dataclass(frozen=True)
class Standing:
    """The walls that stand, and those that the system does not offer."""

    layers: tuple[Layer, ...]
    missing: tuple[Layer, ...]

    @property
    def words(self) -> str:
        """For a log."""
        absent = f"; not here: {', '.join(self.missing)}" if self.missing else ""
        return f"{', '.join(self.layers) or 'a process of its own'}{absent}"


def held_back(bait: Bait) -> list[Layer]:
    """The layers that held: everything that each must prevent was tried, and failed."""
    tries: dict[Layer, tuple[Callable[[], object], ...]] = {
        Layer.USER: (lambda: _same_user(bait.user),),
        Layer.PROCESSES: (
            lambda: os.kill(_another(bait.worker), 0),
            lambda: Path(f"/proc/{_another(bait.worker)}/status").read_bytes(),
        ),
        Layer.FILES: (
            lambda: list(Path(bait.outside).iterdir()),
            lambda: Path(bait.outside, "readable").read_bytes(),
            lambda: Path(tempfile.gettempdir(), f"invariant-proof-{os.getpid()}").write_bytes(b"x"),
        ),
        Layer.CALLS: (lambda: os.chroot("/"), _new_namespace),
        Layer.SOCKETS: (
            lambda: socket.create_connection(("127.0.0.1", bait.port), timeout=2).close(),
            lambda: socket.socket(socket.AF_UNIX).close(),
            # One of a pair can be sent to whatever listens on the machine.
            lambda: socket.socketpair(type=socket.SOCK_DGRAM),
        ),
        Layer.LIMITS: (_takes_memory,),
    }
    return [layer for layer, attempts in tries.items() if not any(map(_succeeds, attempts))]


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return False
    return True


def _another(process: int) -> int:
    """Its id, unless this process has it: both may be the first of a namespace, the worker that of a container."""
    if process == os.getpid():
        raise ProcessLookupError
    return process


def _same_user(user: int) -> None:
    if os.getuid() != user:
        raise PermissionError


def _new_namespace() -> None:
    linux.unshare(linux.CLONE_NEWUSER)


def _takes_memory() -> None:
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if limit == resource.RLIM_INFINITY or limit > _HELD:
        return
    bytearray(_HELD)


async def prove(isolation: Isolation, folder: Path) -> Standing:
    """Try the walls from within; `folder` is where snapshots are made. Raises ContainmentFailed when no process can be
    contained at all."""
    async with _bait() as bait:
        work = await asyncio.to_thread(_made, folder)
        try:
            async with isolation.open(Room(work, bounds=Bounds(memory=_MEMORY)), seconds=_SECONDS) as process:
                layers: list[Layer] = await process.call(held_back, bait)
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(work.rmdir)
    return Standing(tuple(layers), tuple(layer for layer in Layer if layer not in layers))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="proof-", dir=folder))


@asynccontextmanager
async def _bait() -> AsyncIterator[Bait]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="invariant-bait-") as outside:
        try:
            Path(outside, "readable").write_bytes(b"x")  # noqa: ASYNC240  a byte
            os.chmod(outside, 0o755)  # noqa: PTH101, S103  so that nothing but the wall keeps it from being read
            yield Bait(outside, server.sockets[0].getsockname()[1], os.getpid(), os.getuid())
        finally:
            server.close()
