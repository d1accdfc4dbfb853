"""Run a program that is not ours: fixed arguments, bounded in time, memory and output, gone with its children."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TAIL = 8192
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Completed:
    """`returncode` is negative for a signal. `stderr` is the last 8 KiB. `failure` says why it was ended."""

    returncode: int
    stdout: bytes
    stderr: str
    failure: str | None = None

    @property
    def reason(self) -> str:
        """One line for a report."""
        last = self.stderr.strip().splitlines()[-1:] or [""]
        return self.failure or f"exit code {self.returncode}" + (f": {last[0][:300]}" if last[0] else "")


async def _read_limited(stream: asyncio.StreamReader, limit: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    while chunk := await stream.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            return b"".join(parts), False
        parts.append(chunk)
    return b"".join(parts), True


async def _read_tail(stream: asyncio.StreamReader) -> str:
    tail = b""
    while chunk := await stream.read(_CHUNK):
        tail = (tail + chunk)[-_TAIL:]
    return tail.decode(errors="replace")


def _limit(pid: int, memory: int | None, file_size: int | None) -> None:
    if sys.platform != "linux":
        return
    import resource

    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_FSIZE: file_size, resource.RLIMIT_CORE: 0}
    for name, most in limits.items():
        if most is None:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            hard = resource.prlimit(pid, name)[1]
            value = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, name, (value, value))


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """The program leads a session of its own, so its group holds every child that did not leave it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    memory: int | None = None,
    file_size: int | None = None,
    output: int = 64 << 20,
) -> Completed:
    """Run `argv` without a shell and without standard input; sizes in bytes.

    A program that runs too long or writes too much is killed with its group and reported in `failure`, as is
    one that cannot be started. Cancelling the call kills it too.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        return Completed(127, b"", "", f"could not be started: {error.strerror}")
    except OSError as error:
        return Completed(126, b"", "", f"could not be started: {error.strerror}")
    _limit(process.pid, memory, file_size)
    assert process.stdout and process.stderr
    stderr = asyncio.create_task(_read_tail(process.stderr))
    stdout = b""
    failure = None
    try:
        async with asyncio.timeout(seconds):
            stdout, whole = await _read_limited(process.stdout, output)
            if whole:
                await process.wait()
            else:
                failure = f"wrote more than {output} bytes"
    except TimeoutError:
        failure = f"took longer than {seconds:.0f} s"
    finally:
        _kill_group(process)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), timeout=5)
        # A child that left the group may hold the pipe open for ever.
        done, _ = await asyncio.wait([stderr], timeout=1)
        if not done:
            stderr.cancel()
    text = stderr.result() if stderr.done() and not stderr.cancelled() else ""
    return Completed(process.returncode if process.returncode is not None else -9, stdout, text, failure)


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without any of ours: no keys, no database address, no proxies, no user's settings."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        **more,
    }
