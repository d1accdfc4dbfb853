"""Hostile repositories through the contained processes of a run, by their thousands: each is refused with a reason or
read to its end, within time and memory.

A quarter come as archives with entries that no disk would hold, the rest with those of their paths alone that are safe.
Every tenth is analysed as well, which takes longer than all else.
"""

import asyncio
import contextlib
import io
import time
import uuid
import zipfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from invariant.fuzz import repositories
from worker import isolated
from worker.analyzers import analyze, catalog
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.untrusted.paths import UnsafePath, safe_path
from worker.isolation import memory
from worker.isolation.contained import Isolation
from worker.isolation.errors import ContainmentFailed
from worker.sources import take
from worker.sources.errors import SourceError
from worker.sources.take import Taken
from worker.verification import examination
from worker.verification.constitution import reading
from worker.verification.examination import Examination, Tools

_AT_ONCE = 4
_ANALYSED = 10
_SECONDS = 60.0
_MOST_BYTES = 1 << 30
_RULES = """# Rules

- Code MUST NOT call `eval()`.
- Passwords MUST NOT be logged.
- Every function MUST have a docstring.
- The repository MUST contain a LICENSE.
"""
_PATTERNS = (r"\beval\s*\(", r"(?:password|secret)\w*\s*[=:]", r"def \w+\(", r"LICENSE")
_TOOLS = Tools(("ruff", "bandit"), {})


@dataclass
class _Seen:
    """What came of all. `memory` in bytes, `slowest` in seconds, both with the number of their repository."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, 0)
    memory: tuple[int, int] = (0, 0)


def command(console: Console, *, first: int, count: int, work: Path) -> int:
    """Returns 1 when a process ended, hung or took more than it may, or when nothing was read at all."""
    seen = asyncio.run(_all(range(first, first + count), work))
    console.print(f"{count} repositories: {', '.join(f'{n} {what}' for what, n in seen.ends.most_common())}")
    console.print(f"slowest {seen.slowest[0]:.1f} s (number {seen.slowest[1]})")
    console.print(f"most memory of a process {seen.memory[0] >> 20} MiB (number {seen.memory[1]})")
    for number, why in sorted(seen.failures.items()):
        console.print(f"  {number}: {why}", markup=False)
    return int(bool(seen.failures) or not seen.ends["read"] or seen.memory[0] > _MOST_BYTES)


async def _all(numbers: range, work: Path) -> _Seen:
    seen = _Seen()
    isolation = isolated.isolation()
    settings = Settings.model_validate({"CVA_WORK_DIR": str(work), "CVA_CONTAINED_SECONDS": _SECONDS})
    left = iter(numbers)

    async def some() -> None:
        for number in left:
            began = time.monotonic()
            try:
                await _one(number, isolation, settings, seen)
                seen.ends["read"] += 1
            except SourceError as error:
                seen.ends[error.code] += 1
            except ContainmentFailed as error:
                seen.ends["FAILED"] += 1
                seen.failures[number] = str(error)
            seen.slowest = max(seen.slowest, (time.monotonic() - began, number))

    try:
        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
    finally:
        isolation.close()
    return seen


async def _one(number: int, isolation: Isolation, settings: Settings, seen: _Seen) -> None:
    kind, content = await asyncio.to_thread(_content, number)
    request = take.Request(None, content=content, content_format=kind, upload_id=uuid.uuid4())
    async with take.snapshot(request, settings=settings, run_id=uuid.uuid4(), attempt=1, isolation=isolation) as taken:
        await _read(number, taken, settings, seen)


async def _read(number: int, taken: Taken, settings: Settings, seen: _Seen) -> None:
    bare, snapshot = settings.contained(), taken.snapshot
    criteria = [replace(criterion, patterns=_PATTERNS) for criterion in examination.checkable(reading.read(_RULES))]
    aside = await taken.process.fork()
    analysis = Analysis((), (), ())
    if number % _ANALYSED == 0:
        analysers = catalog.all_analyzers(())
        analysis = await aside.call(analyze.analyze, snapshot, analysers, bare, {}, seconds=4 * _SECONDS)
    await aside.call(examination.decide_static, snapshot, analysis, _RULES, criteria, _TOOLS)
    await taken.process.call(Examination.index, snapshot)
    judging = await taken.process.fork()
    await judging.call(Examination.show, criteria, analysis, bare)
    await judging.call(Examination.hear, (), bare)
    for process in (aside, judging, taken.process):
        seen.memory = max(seen.memory, (await process.call(memory.peak), number))
        if process is not taken.process:
            await process.close()


def _content(number: int) -> tuple[str, bytes]:
    if number % 4 == 0:
        return repositories.archive(number)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for path, data in repositories.repository(number).items():
            with contextlib.suppress(UnsafePath):
                file.writestr(str(safe_path(path)), data)
    return "zip", target.getvalue()
