"""What a contained process may do: the folder it works in, what it may read, and its limits."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Layer(StrEnum):
    """One of the walls around a contained process. Which of them stand depends on the system, and is proven."""

    USER = "another user"
    PROCESSES = "no view of other processes"
    FILES = "no files but its own"
    CALLS = "no system powers"
    SOCKETS = "no connections"
    LIMITS = "limits"


@dataclass(frozen=True)
class Bounds:
    """Limits of each process in the room; sizes in bytes."""

    memory: int = 1 << 30
    """Memory of its own, of each process; and of a fork with all that it started together, looked at twice a second."""
    file: int = 256 << 20
    """The largest file that may be written."""
    folder: int = 2 << 30
    """All that may lie in the folder; looked at from outside every second."""
    processes: int = 256
    """Processes and threads at once; holds where the room has a user of its own."""
    open_files: int = 1024
    cpu_seconds: int = 1800


@dataclass(frozen=True)
class Room:
    """A place for one contained process and what it starts."""

    folder: Path | None = None
    """The only folder it may change; None: none at all."""
    readable: tuple[Path, ...] = ()
    """What it may read besides the programs and libraries of the system and of ours."""
    ports: tuple[int, ...] = ()
    """TCP ports it may connect to until it gives that up; none: it has no network from the start."""
    own_user: bool = True
    """Whether it becomes another user where that is possible. Not where it reads what only our user may."""
    bounds: Bounds = field(default_factory=Bounds)
