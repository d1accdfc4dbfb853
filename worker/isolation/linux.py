"""What Linux has to hold a process in: the system calls that Python's library does not wrap.

Sources: prctl(2), unshare(2), capset(2), landlock(7) and the kernel's `include/uapi/linux/landlock.h`, seccomp(2) and
`include/uapi/linux/seccomp.h`. Every function raises OSError where the kernel says no.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option: int, value: int, more: object = 0) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), more, 0, 0))


def die_with_parent(number: int) -> None:
    """Be sent the signal when the parent ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    """No program that is run from here on gains a right by being run."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def unshare(flags: int) -> None:
    """Leave the namespaces that are named by CLONE_NEW… flags for new ones."""
    _checked(_libc.unshare(flags))


def mount_proc() -> None:
    """Put a `/proc` that shows this process-id namespace alone over the old one, in a mount namespace of one's own."""
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _checked(_libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(flags), None))


def mount_empty(place: Path) -> None:
    """Put a small empty folder over the place, which everybody may pass through."""
    options = b"mode=0755,size=1m"
    flags = _MS_NOSUID | _MS_NODEV
    _checked(_libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", ctypes.c_ulong(flags), options))


def mount_bound(descriptor: int, place: Path) -> None:
    """Show at the place what the descriptor was opened on."""
    source = f"/proc/self/fd/{descriptor}".encode()
    _checked(_libc.mount(source, os.fsencode(place), None, ctypes.c_ulong(_MS_BIND | _MS_REC), None))


def drop_capabilities() -> None:
    """Give up every capability, for good with no_new_privileges."""
    version = 0x20080522
    header = struct.pack("=Ii", version, 0)
    _checked(_libc.capset(header, bytes(24)))


# --- Landlock -----------------------------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH, _RULE_PORT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
"""What may be said of a file: also truncating it, and ioctl on a device."""
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_CONNECT, _BIND = 2, 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


def landlock_version() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, 1)))


def _rights(version: int) -> int:
    """All rights over files that this version knows."""
    known = (1 << 13) - 1
    if version >= 2:
        known |= 1 << 13
    if version >= 3:
        known |= _TRUNCATE
    if version >= 5:
        known |= _IOCTL
    return known


def landlock(readable: Iterable[Path], writable: Iterable[Path], ports: Sequence[int] | None) -> None:
    """Allow nothing of the file system but to read and run what is `readable` and to change what is `writable`, and no
    TCP connection but to `ports` (None: connections are not looked at). Paths that are not there are passed over."""
    version = landlock_version()
    if not version:
        raise OSError(errno.ENOSYS, "there is no Landlock")
    rights = _rights(version)
    network = _CONNECT | _BIND if version >= 4 and ports is not None else 0
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= 6 else 0
    attributes = struct.pack("=QQQ", rights, network, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for path in readable:
            _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, rights)
        for port in ports or () if network else ():
            _checked(_libc.syscall(_ADD_RULE, ruleset, _RULE_PORT, struct.pack("=QQ", _CONNECT, port), 0))
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def scope_signals() -> None:
    """Let this process, and those that it starts from here on, signal none but each other."""
    if landlock_version() < 6:
        raise OSError(errno.ENOSYS, "this Landlock knows no signals")
    attributes = struct.pack("=QQQ", 0, 0, _SCOPE_SIGNALS)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & _ALL_OF_FILES
        _checked(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH, struct.pack("=Qi", allowed, place), 0))
    finally:
        os.close(place)


# --- seccomp ------------------------------------------------------------------------------------------------------

_CALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "shmget": 29, "socket": 41, "sendto": 44, "sendmsg": 46, "listen": 50, "socketpair": 53, "clone": 56,
        "semget": 64, "msgget": 68, "ptrace": 101, "syslog": 103, "pivot_root": 155, "acct": 163, "settimeofday": 164,
        "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170,
        "init_module": 175, "delete_module": 176, "quotactl": 179, "clock_settime": 227, "kexec_load": 246,
        "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
        "open_by_handle_at": 304, "setns": 308, "io_setup": 206, "sendmmsg": 307, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "memfd_create": 319, "kexec_file_load": 320,
        "bpf": 321, "userfaultfd": 323,
    },
    "aarch64": {
        "io_setup": 0, "umount2": 39, "mount": 40, "pivot_root": 41, "quotactl": 60, "acct": 89, "unshare": 97,
        "kexec_load": 104,
        "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117, "reboot": 142,
        "sethostname": 161, "settimeofday": 170, "msgget": 186, "semget": 190, "shmget": 194,
        "socket": 198, "socketpair": 199, "listen": 201, "sendto": 206, "sendmsg": 211, "add_key": 217,
        "request_key": 218, "keyctl": 219,
        "clone": 220, "swapon": 224, "swapoff": 225, "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268,
        "sendmmsg": 269, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273,
        "memfd_create": 279, "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
    },
}  # fmt: skip
# The same everywhere: io_uring would do what the filter never sees.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438,
    "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_NEW_NAMESPACES = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | 0x06000000
# Refused by `no_sockets`, or looked at by their arguments.
_BY_ARGUMENTS = ("clone", "socket", "socketpair", "sendto", "sendmsg", "sendmmsg")
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCH_AT = 0, 4
_AF_INET, _AF_INET6, _AF_NETLINK = 2, 10, 16
_SOCK_STREAM, _SOCK_TYPES = 1, 0xF
_IPPROTO_TCP, _IPPROTO_UDP = 6, 17
_MSG_FASTOPEN = 0x20000000
_FLAGS_OF = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _argument(number: int) -> bytes:
    """Load the lower half of an argument, counted from 0."""
    return _instruction(_LOAD, 16 + 8 * number)


def _install(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(filter_))


def _begin() -> list[bytes]:
    """Refuse calls of another architecture, whose numbers would mean something else."""
    machine = platform.machine()
    if machine not in _CALLS:
        raise OSError(errno.ENOSYS, f"the system calls of {machine} are not known here")
    start = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_EQUAL, _AUDIT_ARCH[machine], yes=1),
        _refuse(errno.EPERM),
        _instruction(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        start += [_instruction(_AT_LEAST, _X32, no=1), _refuse(errno.EPERM)]
    return start


def no_system_powers() -> None:
    """Refuse the calls that look into other processes, mount, load, make namespaces or go round the other filters, and
    those that make memory which no process is seen to have (System V IPC, memfd)."""
    calls = {**_CALLS.get(platform.machine(), {}), **_COMMON}
    program = _begin()
    for name, number in calls.items():
        if name in _BY_ARGUMENTS:
            continue
        # The C library tries clone3 first, and takes clone, whose flags a filter can see, where there is none.
        refused = errno.ENOSYS if name.startswith(("clone3", "io_uring")) else errno.EPERM
        program += [_instruction(_EQUAL, number, no=1), _refuse(refused)]
    program += [
        _instruction(_EQUAL, calls.get("clone", -1), no=3),
        _argument(0),
        _instruction(_ANY_BIT, _NEW_NAMESPACES, no=1),
        _refuse(errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    _install(b"".join(program))


def no_sockets(*, but_internet: bool = False) -> None:
    """Refuse every new socket, a stream pair of one's own apart; `but_internet` leaves IPv4 and IPv6, and what looks
    names up.

    Sockets of the machine itself (AF_UNIX), where databases and agents listen, are refused in both cases. One of a pair
    of datagram sockets could be sent to them; and Landlock sees no connection that MPTCP or a first packet with data
    (MSG_FASTOPEN) makes.
    """
    calls = _CALLS[platform.machine()]
    program = _begin()
    for name, number in _FLAGS_OF.items():
        program += [_instruction(_EQUAL, calls[name], no=4), _argument(number)]
        program += [_instruction(_ANY_BIT, _MSG_FASTOPEN, no=1), _refuse(errno.EACCES), _instruction(_RETURN, _ALLOW)]
    program += [
        _instruction(_EQUAL, calls["socketpair"], no=5),
        _argument(1),
        _instruction(_AND, _SOCK_TYPES),
        _instruction(_EQUAL, _SOCK_STREAM, no=1),
        _instruction(_RETURN, _ALLOW),
        _refuse(errno.EACCES),
        _instruction(_EQUAL, calls["socket"], yes=1),
        _instruction(_RETURN, _ALLOW),
    ]
    if but_internet:
        program.append(_argument(0))
        program.append(_instruction(_EQUAL, _AF_NETLINK, yes=6))
        program.append(_instruction(_EQUAL, _AF_INET, yes=1))
        program.append(_instruction(_EQUAL, _AF_INET6, no=5))
        program.append(_argument(2))
        for left, protocol in ((2, 0), (1, _IPPROTO_TCP), (0, _IPPROTO_UDP)):
            program.append(_instruction(_EQUAL, protocol, yes=left, no=int(not left)))
        program.append(_instruction(_RETURN, _ALLOW))
    program.append(_refuse(errno.EACCES))
    _install(b"".join(program))
