"""Many small repositories, decided after a single run of the analyzers over all of them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tests.support.app import settings
from worker.analyzers import analyze, catalog, rules
from worker.analyzers.analyze import Analysis, ToolReport
from worker.analyzers.catalog import Analyzer
from worker.core.vocabulary import CriterionKind
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification.constitution import reading
from worker.verification.result import CriterionResult
from worker.verification.static import decide, titles, topics

_LIMITS = SnapshotLimits(20_000, 256 << 20, 1 << 20)
NAMES = ("ruff", "bandit")

Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Small:
    """A small repository, analysed."""

    snapshot: Snapshot
    analysis: Analysis


def whole(constitution: str) -> str:
    """A constitution; a single sentence becomes a list of one item."""
    text = constitution if constitution.startswith(("#", "- ", "|")) or "\n" in constitution else f"- {constitution}"
    return f"{text}\n"


def decided(constitution: str, small: Small, names: Sequence[str] = NAMES) -> list[CriterionResult]:
    """What static mode says of each criterion of the constitution that is none about the process."""
    text = whole(constitution)
    stated = [c for c in reading.read(text).criteria if c.kind is not CriterionKind.PROCESS]
    known = rules.known(names)
    around = titles.around(text)
    meanings = [topics.meaning(c, names, known, around.get(c.line)) for c in stated]
    return decide.decide_all(small.snapshot, small.analysis, stated, meanings)


def analysed(
    folder: Path, repositories: Sequence[Files], *, analyzers: Iterable[Analyzer] = (catalog.RUFF,)
) -> list[Small]:
    """As `analyse`, where no event loop runs."""
    return asyncio.run(analyse(folder, repositories, analyzers=analyzers))


async def analyse(
    folder: Path, repositories: Sequence[Files], *, analyzers: Iterable[Analyzer] = (catalog.RUFF,)
) -> list[Small]:
    """Each of the repositories with the findings of its files, of every rule that a topic knows."""
    for number, files in enumerate(repositories):
        for path, content in files.items():
            target = folder / str(number) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        (folder / str(number)).mkdir(parents=True, exist_ok=True)
    wanted = topics.extra_rules([topics.Meaning((topic,)) for topic in topics.TOPICS])
    whole = await analyze.analyze(
        scan(folder, _LIMITS), analyzers, settings=settings(CVA_MAX_FILE_BYTES=1 << 16), extra_rules=wanted
    )
    by_number: dict[str, list[int]] = {}
    for index, finding in enumerate(whole.findings):
        by_number.setdefault(PurePosixPath(finding.path).parts[0], []).append(index)
    smalls = []
    for number in range(len(repositories)):
        snapshot = scan(folder / str(number), _LIMITS)
        prefix = f"{number}/"
        findings = [whole.findings[index] for index in by_number.get(str(number), ())]
        own = [replace(finding, path=finding.path.removeprefix(prefix)) for finding in findings]
        tools = [_part(tool, prefix, snapshot) for tool in whole.tools]
        smalls.append(Small(snapshot, Analysis(tuple(own), tuple(tools), whole.notes)))
    return smalls


def _part(tool: ToolReport, prefix: str, snapshot: Snapshot) -> ToolReport:
    covered = frozenset(path.removeprefix(prefix) for path in tool.covered if path.startswith(prefix))
    wanted = sum(catalog.RUFF.wants(file.path) for file in snapshot.files)
    return replace(tool, covered=covered, wanted=wanted)
