"""Run the analyzers over a snapshot. A tool that is missing, fails or runs too long is told of, never silent."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.analyzers import sarif
from worker.analyzers.catalog import FILES, OUTPUT, Analyzer
from worker.analyzers.finding import Finding, resolve
from worker.core.settings import Settings
from worker.runtime import process
from worker.sources.snapshot import Snapshot

# Linux takes 128 KiB for one argument and 2 MiB for all of them with the environment.
_FILES_ALONE = 40
_ARGUMENT_BYTES = 512 << 10
MAX_TRIES = 40
NOT_INSTALLED = "not installed"
# With one of these ruff says that it saw nothing else of the file.
_UNREADABLE = frozenset({"invalid-syntax", "E902"})


@dataclass(frozen=True)
class ToolReport:
    """What one analyzer did. `covered` are the files it analysed without an error; `problem` why it could not."""

    name: str
    version: str | None
    covered: frozenset[str]
    wanted: int
    findings: int
    problem: str | None = None
    whole: bool = True
    rules: frozenset[str] = frozenset()
    """The rules that it says it has."""

    @property
    def complete(self) -> bool:
        """Every file it should have seen was analysed, and every result was kept."""
        return self.problem is None and self.whole and len(self.covered) == self.wanted


@dataclass(frozen=True)
class Analysis:
    """Findings sorted by path and line; a report per tool; notes for the reader of the verdict."""

    findings: tuple[Finding, ...]
    tools: tuple[ToolReport, ...]
    notes: tuple[str, ...]

    def tool(self, name: str) -> ToolReport | None:
        return next((tool for tool in self.tools if tool.name == name), None)


async def analyze(
    snapshot: Snapshot,
    analyzers: Iterable[Analyzer],
    settings: Settings,
    extra_rules: Mapping[str, Iterable[str]],
) -> Analysis:
    """Run every analyzer on the files it wants; two at a time, as they are CPU-bound.

    `extra_rules` names, per analyzer, rules beyond its usual ones that the constitution asks for.
    """
    gate = asyncio.Semaphore(2)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_run(analyzer, snapshot, settings, sorted(extra_rules.get(analyzer.name, ())), gate))
            for analyzer in analyzers
        ]
    done = [task.result() for task in tasks]
    found = [finding for findings, _, _ in done for finding in findings]
    notes = [note for _, _, told in done for note in told]
    large = sum(file.size > settings.max_file_bytes for file in snapshot.files)
    if large:
        notes.append(f"{large} file(s) larger than {settings.max_file_bytes} bytes were not analysed")
    resolved = await asyncio.to_thread(resolve, found, snapshot)
    return Analysis(tuple(resolved), tuple(report for _, report, _ in done), tuple(notes))


async def _run(
    analyzer: Analyzer, snapshot: Snapshot, settings: Settings, extra_rules: list[str], gate: asyncio.Semaphore
) -> tuple[list[Finding], ToolReport, list[str]]:
    wanted = [file for file in snapshot.files if analyzer.wants(file.path)]
    files = [file.path for file in wanted if file.size <= settings.max_file_bytes]
    if not files:
        return [], ToolReport(analyzer.name, None, frozenset(), len(wanted), 0), []
    snapshot.scratch.mkdir(exist_ok=True)
    environment = process.bare_environment(snapshot.scratch)
    if shutil.which(analyzer.command[0], path=environment["PATH"]) is None:
        note = f"{analyzer.name} is not installed: {len(files)} file(s) were not analysed by it"
        return [], ToolReport(analyzer.name, None, frozenset(), len(wanted), 0, NOT_INSTALLED), [note]
    batches = list(_batches(files)) if FILES in analyzer.command else [files]
    tool = _Tool(analyzer, snapshot, settings, extra_rules, settings.analyzer_seconds)

    async def one(batch: list[str]) -> list[_Done]:
        async with gate:
            return await _run_batch(tool, batch)

    done = [part for parts in await asyncio.gather(*map(one, batches)) for part in parts]
    findings = [finding for part in done for finding in part.reading.findings]
    notes = list(dict.fromkeys(note for part in done for note in part.reading.notes))
    failed = {path for part in done for path in part.reading.failed_files}
    failed |= {finding.path for finding in findings if finding.rule_id in _UNREADABLE}
    version = next((part.reading.version for part in done if part.reading.version), None)
    named = frozenset[str]().union(*(part.reading.rules for part in done))
    lost = {path: part.problem for part in done if part.problem for path in part.files}
    if lost:
        why = lost[min(lost)]
        notes.append(f"{analyzer.name} did not finish ({why}): {len(lost)} file(s) were not analysed by it")
    if failed:
        notes.append(f"{analyzer.name} could not read {len(failed)} file(s), such as {min(failed)}")
    covered = frozenset(files) - failed - set(lost)
    problem = lost[min(lost)] if len(lost) == len(files) else None
    whole = all(part.reading.whole for part in done)
    report = ToolReport(analyzer.name, version, covered, len(wanted), len(findings), problem, whole, named)
    return findings, report, notes


@dataclass(frozen=True)
class _Done:
    """What came of some files: a reading, or why there is none."""

    files: list[str]
    reading: sarif.Reading
    problem: str | None = None


@dataclass
class _Tool:
    """An analyzer at work. Where some files break it, it is tried again on half of them each time."""

    analyzer: Analyzer
    snapshot: Snapshot
    settings: Settings
    extra_rules: list[str]
    seconds: float
    """What all failed tries together may yet take."""
    tries: int = MAX_TRIES


async def _run_batch(tool: _Tool, files: list[str]) -> list[_Done]:
    """Run the analyzer; where some files break it, find out which, so that they hide nothing in the others."""
    begun = time.monotonic()
    try:
        return [_Done(files, await _run_once(tool, files))]
    except _ToolFailed as error:
        tool.seconds -= time.monotonic() - begun
        if FILES not in tool.analyzer.command or len(files) == 1 or tool.tries <= 0 or tool.seconds <= 0:
            return [_Done(files, sarif.NOTHING, str(error))]
    tool.tries -= 1
    half = len(files) // 2
    return [*await _run_batch(tool, files[:half]), *await _run_batch(tool, files[half:])]


class _ToolFailed(Exception):
    pass


async def _run_once(tool: _Tool, files: list[str]) -> sarif.Reading:
    analyzer, snapshot, settings, extra_rules = tool.analyzer, tool.snapshot, tool.settings, tool.extra_rules
    command = list(analyzer.command)
    if analyzer.takes_rules and extra_rules:
        # Before the `--` that ends the options.
        at = command.index("--") if "--" in command else len(command)
        command[at:at] = [f"{analyzer.takes_rules}={','.join(extra_rules)}"]
    with _output_file(snapshot.scratch) as output:
        argv: list[str] = []
        for part in command:
            if part == FILES:
                argv += [f"./{path}" for path in files]
            else:
                argv.append(part.replace(OUTPUT, str(output)))
        done = await process.run(
            argv,
            cwd=snapshot.root,
            env=process.bare_environment(snapshot.scratch),
            seconds=settings.analyzer_seconds,
            memory=settings.analyzer_memory_bytes,
            file_size=256 << 20,
        )
        if done.failure:
            raise _ToolFailed(done.failure)
        document = done.stdout
        if any(OUTPUT in part for part in command):
            document = await asyncio.to_thread(output.read_bytes)
    try:
        return await asyncio.to_thread(sarif.read, document, analyzer=analyzer.name, root=snapshot.root)
    except sarif.NotSarif as error:
        raise _ToolFailed(f"{error}; {done.reason}") from None


@contextlib.contextmanager
def _output_file(folder: Path) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".sarif") as file:
        yield Path(file.name)


def _batches(files: list[str]) -> Iterable[list[str]]:
    """As many files as a command line holds; of many files a half, so that two processes share them."""
    most = max(_FILES_ALONE, -(-len(files) // 2))
    batch: list[str] = []
    size = 0
    for path in files:
        size += len(path.encode()) + 3
        if batch and (size > _ARGUMENT_BYTES or len(batch) == most):
            yield batch
            batch, size = [], len(path.encode()) + 3
        batch.append(path)
    if batch:
        yield batch
