"""Read an archive through in a process of its own: a stranger's archive must not take the api's time or memory.

The process knows nothing (no environment, no other file than the archive, which it cannot write to), and is limited in
memory and in time; it says in one line of JSON what it read.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO

from worker.core.untrusted.archives import ArchiveLimits, ArchiveRejected, ArchiveSummary, inspect

_MEMORY = 256 << 20
_CPU_SECONDS = 60
_SECONDS = 120.0
_FILES = 16
_ANSWER_BYTES = 4096
_ROOT = Path(__file__).parents[3]


async def inspect_apart(file: IO[bytes], limits: ArchiveLimits) -> ArchiveSummary:
    """What `archives.inspect` says of `file`, a real one. Raises ArchiveRejected."""
    process = await asyncio.create_subprocess_exec(
        # Without site: it needs the standard library alone, and begins sooner.
        *(sys.executable, "-S", "-P", "-m", "worker.core.untrusted.inspection", str(limits.files), str(limits.total)),
        env={"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(_SECONDS):
            said = await process.stdout.read(_ANSWER_BYTES)
            code = await process.wait()
    except TimeoutError:
        code = None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code != 0:
        raise ArchiveRejected("The archive takes more time or memory to read than any archive may.")
    answer = json.loads(said)
    if "rejected" in answer:
        raise ArchiveRejected(answer["rejected"])
    return ArchiveSummary(**answer)


def _confine() -> None:
    """Bound what this process may take, for good."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    # Whoever waits for an answer of the api goes first.
    os.nice(10)


def main() -> int:
    """Inspect standard input; the limits are the arguments."""
    files, total = (int(argument) for argument in sys.argv[1:])
    _confine()
    try:
        answer = asdict(inspect(sys.stdin.buffer, ArchiveLimits(files, total)))
    except ArchiveRejected as error:
        answer = {"rejected": str(error)[:500]}
    except MemoryError:
        return 1
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
