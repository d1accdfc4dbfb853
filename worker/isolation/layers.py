"""The walls, put up from within the process that they shall hold, outermost first.

What the system does not offer is left out; which walls stand is proven at start-up (`proof.py`), not believed.
"""

import contextlib
import os
import resource
import signal
import stat
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import worker
from worker.core import private
from worker.isolation import linux
from worker.isolation.room import Bounds, Room

LINUX = sys.platform == "linux"

# The range that systemd keeps for users who exist for the time of one process (systemd.exec, DynamicUser).
_FIRST_USER, _USERS = 61184, 4336
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/opt/homebrew")
_SETTINGS = (
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
    "/etc/gai.conf", "/etc/host.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group",
    "/etc/localtime", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
    "/run/systemd/resolve", "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/dev/urandom", "/dev/random",
    "/dev/zero",
)  # fmt: skip
_DEVICES = ("/dev/null",)


def separable() -> bool:
    """Whether a process may leave the namespaces; tried in one of its own, since a failure half-way is not undone."""
    if not LINUX:
        return False
    trial = os.fork()
    if trial == 0:
        try:
            leave_namespaces()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(trial, 0)[1] == 0


def leave_namespaces() -> None:
    """In the process that will fork the contained one: let its children see no process but themselves."""
    spaces = linux.CLONE_NEWPID | linux.CLONE_NEWIPC
    if os.geteuid() == 0:
        linux.unshare(spaces)
        return
    user, group = os.geteuid(), os.getegid()
    linux.unshare(spaces | linux.CLONE_NEWUSER)
    for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(line)


def prepare(*, separate: bool) -> None:
    """What is the same for every room. `separate`: the process is the first of a process-id namespace.

    Blocking; raises nothing for a wall that cannot be put up.
    """
    os.setsid()
    if not LINUX:
        return
    with contextlib.suppress(OSError):
        # Where memory runs out in spite of all bounds, it is not the worker that is ended.
        Path("/proc/self/oom_score_adj").write_text("1000")
    if separate:
        with contextlib.suppress(OSError):
            # Of its own, and not the warden's, who goes on looking at all processes.
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount_proc()


def enter(room: Room, *, warden: int, separate: bool) -> None:
    """Put up every wall of the room that the system offers, after `prepare`. `warden` is the process id that no other
    room has now.

    Blocking; raises nothing for a wall that cannot be put up.
    """
    _limit(room.bounds)
    if not LINUX:
        return
    if room.own_user:
        with contextlib.suppress(OSError):
            _become_another(_FIRST_USER + warden % _USERS, room, separate=separate)
    # Not before: becoming another takes it back (prctl(2), PR_SET_PDEATHSIG).
    linux.die_with_parent(signal.SIGKILL)
    with contextlib.suppress(OSError):
        linux.drop_capabilities()
    with contextlib.suppress(OSError):
        linux.no_new_privileges()
        linux.landlock(readable(room), writable(room), room.ports or None)
    with contextlib.suppress(OSError):
        linux.no_system_powers()
    # Programs that it starts are of the same user: they shall not write into its memory.
    private.keep_private()
    if room.ports:
        with contextlib.suppress(OSError):
            linux.no_sockets(but_internet=True)
    else:
        give_up_network()


def give_up_network() -> None:
    """From here on no socket can be made in this process or in any that it starts."""
    if LINUX:
        with contextlib.suppress(OSError):
            linux.no_sockets()


def keep_as_it_is(scratch: Path) -> None:
    """From here on only the scratch folder can be changed, by this process and any that it starts: what
    one run's analyzers do to the snapshot another run would read."""
    if LINUX:
        with contextlib.suppress(OSError):
            linux.landlock([Path("/")], [scratch, *map(Path, _DEVICES)], None)


def _limit(bounds: Bounds) -> None:
    """Limits of this process and, each for itself, of those it starts. RLIMIT_DATA counts private writable memory."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: bounds.file,
        resource.RLIMIT_NOFILE: bounds.open_files,
        resource.RLIMIT_CPU: bounds.cpu_seconds,
        resource.RLIMIT_DATA: bounds.memory,
    }
    if os.geteuid() == 0:
        # Of a user who has other processes too, their number is not ours to limit.
        limits[resource.RLIMIT_NPROC] = bounds.processes
    for name, most in limits.items():
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(name)[1]
            value = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(name, (value, value))


def _become_another(user: int, room: Room, *, separate: bool) -> None:
    """As root: become a user who owns nothing but the folder, unless that user could not work."""
    needed = [*ours(), *room.readable, *([room.folder] if room.folder is not None else [])]
    if os.geteuid() != 0 or not (separate or not any(map(_closed, needed))):
        return
    open_the_way(needed)
    if room.folder is not None:
        # With what is laid ready for it there; nothing of a stranger's is there yet.
        for place in (room.folder, *room.folder.iterdir()):
            os.chown(place, user, user, follow_symlinks=False)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _closed(place: Path) -> Path | None:
    """The first folder on the way to the place that another user does not get through."""
    return next((folder for folder in reversed(place.parents) if not folder.stat().st_mode & stat.S_IXOTH), None)


def open_the_way(places: Iterable[Path]) -> None:
    """In a mount namespace of one's own: where a folder is closed to others, as root's home is, put an empty one over
    it in which nothing is but these places."""
    behind: dict[Path, dict[Path, int]] = {}
    for place in dict.fromkeys(place.resolve() for place in places if place.exists()):
        if (closed := _closed(place)) is not None:
            behind.setdefault(closed, {})[place] = os.open(place, os.O_PATH | os.O_CLOEXEC)
    for closed, held in behind.items():
        linux.mount_empty(closed)
        for place, descriptor in held.items():
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                    place.mkdir()
                else:
                    place.touch()
                linux.mount_bound(descriptor, place)
            os.close(descriptor)


@cache
def ours() -> tuple[Path, ...]:
    """Where the interpreter, its libraries and our own packages are."""
    packages = Path(worker.__file__).resolve().parent
    known = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    return (*map(Path, sorted(known)), packages)


def readable(room: Room) -> list[Path]:
    """What a process in the room may read and run."""
    return [*map(Path, (*_SYSTEM, *_SETTINGS)), *ours(), *room.readable]


def writable(room: Room) -> list[Path]:
    """What a process in the room may change."""
    return [*map(Path, _DEVICES), *([room.folder] if room.folder is not None else [])]
