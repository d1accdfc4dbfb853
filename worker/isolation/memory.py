"""How much memory the processes of a room take together: each has a limit of its own, and there may be many."""

import contextlib
import os
import resource
import signal
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from worker.isolation.room import Bounds

_SECTOR = 512
_RUNS = 4
"""So many times what one run may take is what a room may, however many runs share it: programs that leave the branch
of their run count as runs of their own."""


def peak() -> int:
    """The most that this process, or one that it started and waited for, has had resident at once; bytes."""
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return 1024 * max(used)


def children(process: int) -> list[int]:
    """Direct children; none where the system does not tell (proc(5), CONFIG_PROC_CHILDREN)."""
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [int(number) for number in listed]


def branch(process: int) -> list[int]:
    """The process and all that came from it and is not an orphan."""
    found = [process]
    for one in found:
        found += children(one)
    return found


def end_what_grows(held: int, bounds: Bounds) -> None:
    """Kill each branch below `held`, the work of one run, whose processes take more memory together than one may, or
    hold more in files without a name than the folder may; and `held` itself with everything when it does alone, or
    when all together take several times as much."""
    most = bounds.memory
    everything = branch(held)
    for top in children(held):
        processes = branch(top)
        if _take_more(processes, most) or _nameless(processes) > bounds.folder:
            _kill(processes)
    if _take_more([held], most) or _take_more(everything, _RUNS * most, unknown=0) or _nameless([held]) > bounds.folder:
        _kill([held])


def _nameless(processes: Sequence[int]) -> int:
    """Bytes on disk of open files that were removed: nobody who looks at the folder sees them."""
    sizes: dict[tuple[int, int], int] = {}
    for process in processes:
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    about = entry.stat()
                    if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                        sizes[about.st_dev, about.st_ino] = about.st_blocks * _SECTOR
    return sum(sizes.values())


def _kill(processes: Sequence[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def _take_more(processes: Sequence[int], most: int, *, unknown: int = 1) -> bool:
    """Whether they have more memory of their own than that; what several share counts for each by its part.

    Exact figures take the kernel some time, and it does not tell them to everybody: they are asked for where an upper
    bound is not enough. Times `unknown` the bound counts where they are not told.
    """
    bounds = {process: _bound(process) for process in processes}
    if sum(bounds.values()) <= most:
        return False
    return sum(_exact(process, unknown * bound) for process, bound in bounds.items()) > most


def _bound(process: int) -> int:
    """Resident memory that belongs to no file, and the tables of all pages."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return _sum(lines, ("RssAnon", "RssShmem", "VmPTE"))


def _exact(process: int, otherwise: int) -> int:
    try:
        tables = _sum(Path(f"/proc/{process}/status").read_text().splitlines(), ("VmPTE",))
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return otherwise
    return tables + _sum(lines, ("Pss_Anon", "Pss_Shmem", "SwapPss"))


def _sum(lines: Iterable[str], names: Sequence[str]) -> int:
    """Bytes of the named lines, which are in kB (proc(5))."""
    parts = (line.partition(":") for line in lines)
    return 1024 * sum(int(rest.split()[0]) for name, _, rest in parts if name in names)
