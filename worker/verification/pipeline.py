"""The steps from a snapshot to a verdict. Values in, values out: nothing of a run is read or written from here, and
the models are asked through the gateway, which keeps its own books."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worker.analyzers import analyze, catalog, rules
from worker.analyzers.analyze import Analysis
from worker.analyzers.catalog import Analyzer
from worker.core.settings import Settings
from worker.core.vocabulary import Severity
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.runtime.single_flight import Flights
from worker.sources.snapshot import Snapshot
from worker.verification import consensus, evidence, extraction, topics
from worker.verification.consensus import CriterionResult
from worker.verification.context import select
from worker.verification.context.index import Index
from worker.verification.criteria import ConstitutionRejected
from worker.verification.extraction import Extracted
from worker.verification.opinion import Opinion
from worker.verification.panel import LlmTribunal
from worker.verification.static import StaticTribunal
from worker.verification.tribunal import Case, Tribunal
from worker.verification.verdict import RunVerdict, conclude

STEPS = ("snapshot", "criteria", "analysis", "judging", "debate", "consensus", "recording")

Step = Callable[[str, dict[str, object]], Awaitable[None]]
"""Told the name of each step as it begins, with what is known by then."""

_KEPT_BYTES = 10_000_000


@dataclass(frozen=True)
class Models:
    """The door to the models, and who pays."""

    gateway: Gateway
    caller: Caller


@dataclass(frozen=True)
class Work:
    """What is verified against what. `accepted` are fingerprints that people let be; `models` None: static mode."""

    constitution: str
    snapshot: Snapshot
    accepted: frozenset[str]
    models: Models | None
    flights: Flights


@dataclass(frozen=True)
class Judged:
    """What came of it, before it is told and kept."""

    analysis: Analysis
    extracted: Extracted
    results: Sequence[CriterionResult]
    verdict: RunVerdict
    tribunal: Tribunal


def start_extraction(constitution: str, models: Models | None) -> Coroutine[Any, Any, Extracted]:
    """Criteria need the constitution alone, so they are read while the snapshot is made and analysed."""
    if models is not None:
        return extraction.by_model(constitution, models.gateway, models.caller)
    return asyncio.to_thread(extraction.by_rules, constitution)


async def verify(work: Work, extracting: "asyncio.Task[Extracted]", *, settings: Settings, step: Step) -> Judged:
    """Bring a snapshot to its verdict. Raises ConstitutionRejected, or the LlmError that ended the work."""
    analyzers = catalog.all_analyzers(settings.analyzers)
    names = [analyzer.name for analyzer in analyzers]
    known = await asyncio.to_thread(rules.known, names)
    await step("analysis", {"files": len(work.snapshot.files), "analyzers": names})
    if work.models is None:
        # Without models a constitution that says nothing checkable ends the run before anything is analysed.
        await extracting
    indexing = asyncio.create_task(_index(work)) if work.models is not None else None
    try:
        read = _read(work.constitution)
        coverages = [topics.coverage(criterion, names, known) for criterion in (read.criteria if read else ())]
        analysis = await _analysis(work, analyzers, topics.extra_rules(coverages), settings)
        critical = _critical(work, analysis)
        if settings.fail_fast and critical and read is not None:
            # No judge is asked, and no model more: the rules' reading serves.
            extracted = read
        else:
            extracted = await extracting
            coverages = [topics.coverage(criterion, names, known) for criterion in extracted.criteria]
        tribunal = choose_tribunal(work.models, settings, critical)
        index = await indexing if indexing is not None and isinstance(tribunal, LlmTribunal) else None
    finally:
        if indexing is not None:
            indexing.cancel()
            await asyncio.gather(indexing, return_exceptions=True)

    await step("judging", {"findings": len(analysis.findings), "tribunal": tribunal.mode.value})

    async def progress(done: int, of: int) -> None:
        await step("judging", {"criteria_judged": done, "criteria": of})

    case = Case(work.snapshot, analysis, extracted.criteria, coverages, index)
    opinions = await tribunal.judge(case, progress)
    results = await asyncio.to_thread(_decide, case, opinions, settings)
    contested = [result for result in results if result.split or _vetoing(result, settings)]
    if contested:
        await step("debate", {"criteria": len(contested)})
        again = await tribunal.debate(case, contested)
        results = await asyncio.to_thread(_after_debate, case, results, again, settings)
    await step("consensus", {"opinions": len(opinions)})
    results = [consensus.accept(result, work.accepted) for result in results]
    return Judged(
        analysis=analysis,
        extracted=extracted,
        results=results,
        verdict=conclude(
            results,
            veto_confidence=settings.veto_confidence,
            critical_findings=critical if settings.fail_fast else 0,
        ),
        tribunal=tribunal,
    )


def choose_tribunal(models: Models | None, settings: Settings, critical_findings: int) -> Tribunal:
    """Who judges. Critical findings end the run before any judge is paid (CVA_FAIL_FAST)."""
    if settings.fail_fast and critical_findings:
        return StaticTribunal("Static analysis found something critical, so no judge was asked (CVA_FAIL_FAST).")
    if models is None:
        return StaticTribunal("No LLM provider is configured.")
    return LlmTribunal(models.gateway, models.caller, settings)


def _read(constitution: str) -> Extracted | None:
    try:
        return extraction.by_rules(constitution)
    except ConstitutionRejected:
        return None


async def _index(work: Work) -> Index:
    return await work.flights.get(
        ("index", work.snapshot.digest),
        lambda: asyncio.to_thread(Index.of, work.snapshot),
        lambda _: work.snapshot.total <= _KEPT_BYTES,
    )


async def _analysis(
    work: Work, analyzers: Sequence[Analyzer], extra_rules: Mapping[str, Iterable[str]], settings: Settings
) -> Analysis:
    """The same files are analysed once, however many runs want it; a tool that failed is tried again."""
    key = ("analysis", work.snapshot.digest, tuple((name, tuple(sorted(extra_rules[name]))) for name in extra_rules))
    return await work.flights.get(
        key,
        lambda: analyze.analyze(work.snapshot, analyzers, settings=settings, extra_rules=extra_rules),
        lambda found: all(tool.problem is None for tool in found.tools),
    )


def _critical(work: Work, analysis: Analysis) -> int:
    changed = work.snapshot.changed
    return sum(
        finding.verified
        and finding.severity is Severity.CRITICAL
        and (changed is None or finding.path in changed)
        and finding.fingerprint not in work.accepted
        for finding in analysis.findings
    )


def _vetoing(result: CriterionResult, settings: Settings) -> bool:
    """The security judge would veto, and is alone with it: the others shall look at what it cites."""
    objection = result.objection
    return objection is not None and (objection.confidence or 0) >= settings.veto_confidence


def _checked(case: Case, opinions: Sequence[Opinion]) -> list[Opinion]:
    """Citations looked up in the snapshot, absences searched for in the index."""
    cache: dict[str, list[str] | None] = {}
    criteria = {criterion.key: criterion for criterion in case.criteria}

    def lines_of(path: str) -> list[str] | None:
        if path not in cache:
            cache[path] = case.snapshot.lines(path)
        return cache[path]

    found = []
    for opinion in opinions:
        verified = evidence.verify_all(opinion.evidence, lines_of)
        checked = replace(opinion, evidence=verified, unresolved=len(opinion.evidence) - len(verified))
        if opinion.absent and case.index is not None and opinion.key in criteria:
            paths = [file.path for file in case.snapshot.files]
            searched = select.absent(case.index, paths, opinion.absent, criteria[opinion.key])
            checked = replace(checked, absence=searched, absence_confirmed=searched is not None)
        found.append(checked)
    return found


def _decide(case: Case, opinions: Sequence[Opinion], settings: Settings) -> list[CriterionResult]:
    return consensus.decide_all(case.criteria, _checked(case, opinions), pass_score=settings.pass_score)


def _after_debate(
    case: Case, results: Sequence[CriterionResult], again: Sequence[Opinion], settings: Settings
) -> list[CriterionResult]:
    """Decide anew what was debated; a judge who said nothing more keeps its word."""
    by_key: dict[str, list[Opinion]] = {}
    for opinion in _checked(case, again):
        by_key.setdefault(opinion.key, []).append(opinion)
    decided = []
    for result in results:
        said = by_key.get(result.criterion.key)
        if said is None:
            decided.append(result)
            continue
        roles = {opinion.role for opinion in said}
        kept = [opinion for opinion in result.opinions if opinion.role not in roles]
        anew = consensus.decide(result.criterion, [*kept, *said], pass_score=settings.pass_score)
        decided.append(replace(anew, earlier=tuple(o for o in result.opinions if o.role in roles)))
    return decided
