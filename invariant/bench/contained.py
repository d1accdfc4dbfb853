"""`invariant bench contained`: what it costs that a repository is read in contained processes.

The same functions, in the order in which a run calls them, once in this process and once across the wall, in turns: the
constitution read, the snapshot made, its index, what the judges are shown. The analyzers are left out: they are
processes in both cases, and take longer than all the rest. Then which walls stand here.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from rich.console import Console
from rich.table import Table

from worker import isolated
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.telemetry.masking import mask_file
from worker.isolation import proof
from worker.isolation.contained import Contained, Isolation
from worker.isolation.room import Room
from worker.sources import make, take
from worker.sources.make import Request
from worker.verification.constitution import reading
from worker.verification.constitution.reading import Reading
from worker.verification.examination import Examination, checkable

_ROUNDS = 30
_WARM = 3
_MOST_MILLISECONDS = 60.0
_CONSTITUTION = "# Rules\n\n- Code MUST NOT call `eval()`.\n- Passwords MUST NOT be logged.\n"
_FILES = {f"part_{n}.py": f"import os\n\n\ndef part(x):\n    return x + {n}\n" for n in range(20)}
_ANALYSIS = Analysis((), (), ())


def command(_: argparse.Namespace) -> int:
    """Measure and print; returns 1 when a small run pays more than 60 ms."""
    return asyncio.run(_command())


async def _command() -> int:
    isolation = isolated.isolation()
    with tempfile.TemporaryDirectory(prefix="invariant-bench-") as name:
        settings = Settings.model_validate({"CVA_WORK_DIR": str(Path(name, "work"))})
        try:
            standing = await proof.prove(isolation, settings.snapshots_dir)
            here: list[float] = []
            across: list[float] = []
            for number in range(_WARM + _ROUNDS):
                for measured, run in ((here, _here(settings)), (across, _across(settings, isolation))):
                    began = time.perf_counter()
                    await run
                    if number >= _WARM:
                        measured.append(1000 * (time.perf_counter() - began))
        finally:
            isolation.close()
    added = statistics.median(across) - statistics.median(here)
    table = Table(title=f"contained: a small run of {len(_FILES)} files, {_ROUNDS} rounds in turns")
    for column in ("", "median", "p90"):
        table.add_column(column, justify="right" if column else "left")
    for title, times in (("in one process", here), ("contained", across)):
        table.add_row(title, f"{statistics.median(times):.1f} ms", f"{statistics.quantiles(times, n=10)[-1]:.1f} ms")
    console = Console()
    console.print(table)
    console.print(f"containment adds {added:.1f} ms to a run (at most {_MOST_MILLISECONDS:.0f} ms are wanted)")
    console.print(f"walls that stand here: {standing.words}")
    return 0 if added <= _MOST_MILLISECONDS else 1


def _request() -> Request:
    return Request(None, content=json.dumps(_FILES).encode(), content_format="files")


async def _here(settings: Settings) -> None:
    work = settings.snapshots_dir / uuid.uuid4().hex
    await asyncio.to_thread(work.mkdir, parents=True)
    try:
        read = reading.read(mask_file(_CONSTITUTION, "CONSTITUTION.md"))
        snapshot = await make.made(_request(), work, settings)
        examination = Examination()
        await asyncio.to_thread(examination.index, snapshot)
        await asyncio.to_thread(examination.open, checkable(read), _ANALYSIS, _CONSTITUTION, settings)
        await asyncio.to_thread(examination.show, settings)
    finally:
        await asyncio.to_thread(shutil.rmtree, work)


async def _across(settings: Settings, isolation: Isolation) -> None:
    async with isolation.open(Room()) as reader:
        criteria = asyncio.create_task(_read(reader))
        async with take.snapshot(
            _request(), settings=settings, run_id=uuid.uuid4(), attempt=1, isolation=isolation
        ) as taken:
            analysing = await taken.process.fork()
            await taken.process.call(Examination.index, taken.snapshot)
            judging = await taken.process.fork()
            read = await criteria
            reader.end()
            bare = settings.contained()
            await judging.call(Examination.open, checkable(read), _ANALYSIS, _CONSTITUTION, bare)
            await judging.call(Examination.show, bare)
            for forked in (judging, analysing):
                forked.end()


async def _read(reader: Contained) -> Reading:
    constitution = await reader.call(mask_file, _CONSTITUTION, "CONSTITUTION.md")
    read: Reading = await reader.call(reading.read, constitution)
    return read
