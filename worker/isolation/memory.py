"""How much memory the processes of a room take together: each has a limit of its own, and there may be many."""

import contextlib
import os
import resource
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SMALL = 128 << 20


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


def end_what_grows(held: int, most: int) -> None:
    """Kill each branch below `held`, the work of one run, whose processes take more than `most` bytes together, and
    `held` itself with everything when it does alone."""
    for top in children(held):
        processes = branch(top)
        if taken(processes) > most:
            _kill(processes)
    if taken([held]) > most:
        _kill([held])


def _kill(processes: Sequence[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def taken(processes: Sequence[int]) -> int:
    """Bytes of memory of their own; what several share counts for each by its part.

    Exact figures take the kernel some time: they are asked for where a cheap upper bound is not small.
    """
    bounds = {process: _resident(process) for process in processes}
    return sum(_exact(process, bound) if bound > _SMALL else bound for process, bound in bounds.items())


def _resident(process: int) -> int:
    """Resident pages that belong to no file."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE


def _exact(process: int, bound: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        return 1024 * sum(_kilobytes(process))
    return bound


def _kilobytes(process: int) -> Iterator[int]:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Pss_Anon", "Pss_Shmem", "SwapPss"):
            yield int(rest.split()[0])
