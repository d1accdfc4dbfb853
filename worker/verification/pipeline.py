"""The steps from a snapshot to a verdict. Values in, values out: nothing of a run is read or written from here, and
the models are asked through the gateway, which keeps its own books."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.analyzers import analyze, catalog, rules
from worker.analyzers.analyze import Analysis
from worker.analyzers.catalog import Analyzer
from worker.analyzers.finding import Finding
from worker.core.settings import Settings
from worker.core.vocabulary import CriterionKind, Severity, TribunalMode
from worker.llm.errors import LlmError
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.runtime.single_flight import Flights
from worker.sources.snapshot import Snapshot
from worker.verification import consensus, search
from worker.verification.constitution import extraction, reading
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.reading import Reading
from worker.verification.context.index import Index
from worker.verification.hearing import Hearing
from worker.verification.panel import Panel
from worker.verification.result import CriterionResult
from worker.verification.static import decide, hints, titles, topics
from worker.verification.tribunal import Case
from worker.verification.verdict import RunVerdict, conclude

STEPS = ("snapshot", "criteria", "analysis", "judging", "debate", "consensus", "recording")

Step = Callable[[str, dict[str, object]], Awaitable[None]]
"""Told the name of each step as it begins, with what is known by then."""

_KEPT_BYTES = 10_000_000
_NO_PROVIDER = "No LLM provider is configured."
_FAIL_FAST = "Static analysis found something critical, so no judge was asked (CVA_FAIL_FAST)."
_JUDGED = "Each criterion was judged by three LLM judges apart from each other."


class NobodyJudged(LlmError):
    """No judge gave a single answer that could be used."""

    code = "no_usable_answer"


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
    reading: Reading
    results: Sequence[CriterionResult]
    verdict: RunVerdict
    mode: TribunalMode
    why: str
    """In one sentence, why it was decided in this mode."""
    panel: Panel | None
    notes: tuple[str, ...] = ()


def start_reading(constitution: str, models: Models | None) -> Coroutine[Any, Any, Reading]:
    """Criteria need the constitution alone, so they are read while the snapshot is made and analysed."""
    if models is not None:
        return extraction.by_model(constitution, models.gateway, models.caller)
    return asyncio.to_thread(reading.read, constitution)


async def verify(work: Work, reading_task: "asyncio.Task[Reading]", *, settings: Settings, step: Step) -> Judged:
    """Bring a snapshot to its verdict. Raises ConstitutionRejected, or the LlmError that ended the work."""
    analyzers = catalog.all_analyzers(settings.analyzers)
    names = [analyzer.name for analyzer in analyzers]
    known = await asyncio.to_thread(rules.known, names)
    await step("analysis", {"files": len(work.snapshot.files), "analyzers": names})
    if work.models is None:
        # Without models a constitution that says nothing checkable ends the run before anything is analysed.
        await reading_task
    indexing = asyncio.create_task(_index(work)) if work.models is not None else None
    try:
        by_rules = _by_rules(work.constitution)
        wanted = _checkable(by_rules) if by_rules else []
        around = titles.around(work.constitution)
        meanings = [topics.meaning(c, names, known, around.get(c.line)) for c in wanted]
        extra = topics.extra_rules(meanings, [hints.rules(criterion.statement) for criterion in wanted])
        analysis = await _analysis(work, analyzers, extra, settings)
        critical = _critical(work, analysis)
        stops = settings.fail_fast and bool(critical) and by_rules is not None
        # Where something critical ends the run, no judge is asked, and no model more: the rules' reading serves.
        read = by_rules if stops and by_rules is not None else await reading_task
        index = await indexing if indexing is not None and not stops else None
    finally:
        if indexing is not None:
            indexing.cancel()
            await asyncio.gather(indexing, return_exceptions=True)
    criteria = _checkable(read)
    mode = TribunalMode.LLM if work.models is not None and index is not None else TribunalMode.STATIC
    await step("judging", {"findings": len(analysis.findings), "tribunal": mode.value})
    panel: Panel | None = None
    notes: tuple[str, ...] = ()
    if work.models is not None and index is not None:
        panel = Panel(work.models.gateway, work.models.caller, settings)
        results, notes = await _judge(work, criteria, analysis, index, panel, settings=settings, step=step)
        why = _JUDGED
    else:
        meanings = [topics.meaning(c, names, known, around.get(c.line)) for c in criteria]
        results = await asyncio.to_thread(decide.decide_all, work.snapshot, analysis, criteria, meanings)
        why = _FAIL_FAST if stops else _NO_PROVIDER
    await step("consensus", {"criteria": len(results)})
    results = [consensus.accept(result, work.accepted) for result in results]
    return Judged(
        analysis=analysis,
        reading=read,
        results=results,
        verdict=conclude(
            results,
            veto_confidence=settings.veto_confidence,
            critical=critical if settings.fail_fast else (),
            process=len(read.criteria) - len(criteria),
            unread=len(read.unread),
            accepted=work.accepted,
        ),
        mode=mode,
        why=why,
        panel=panel,
        notes=notes,
    )


def _checkable(read: Reading) -> list[Criterion]:
    return [criterion for criterion in read.criteria if criterion.kind is not CriterionKind.PROCESS]


def _by_rules(constitution: str) -> Reading | None:
    try:
        return reading.read(constitution)
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
        lambda analysis: all(tool.problem is None for tool in analysis.tools),
    )


def _critical(work: Work, analysis: Analysis) -> list[Finding]:
    """Findings that end a run by themselves: critical, by a rule whose precision its tool states, in what is
    verified."""
    changed = work.snapshot.changed
    return [
        finding
        for finding in analysis.findings
        if finding.verified
        and finding.precise
        and finding.severity is Severity.CRITICAL
        and (changed is None or finding.path in changed)
        and finding.fingerprint not in work.accepted
    ]


async def _judge(
    work: Work,
    criteria: Sequence[Criterion],
    analysis: Analysis,
    index: Index,
    panel: Panel,
    *,
    settings: Settings,
    step: Step,
) -> tuple[list[CriterionResult], tuple[str, ...]]:
    """What the judges decide, and notes on judges who were set aside. Raises LlmError."""
    scoped = await asyncio.to_thread(search.scoped, work.snapshot, criteria)
    case = Case(work.snapshot, analysis, criteria, index, scoped)

    async def progress(done: int, of: int) -> None:
        await step("judging", {"criteria_judged": done, "criteria": of})

    given = await panel.judge(case, progress)
    if given and all(opinion.failure is not None for opinion in given):
        raise NobodyJudged(f"No judge gave an answer that could be used. {given[0].rationale}")
    hearing = await asyncio.to_thread(Hearing, case, panel.contexts, given, settings)
    results = hearing.results
    contested = [result for result in results if result.split or _vetoing(result, settings)]
    if contested:
        await step("debate", {"criteria": len(contested)})
        again = await panel.debate(contested)
        results = await asyncio.to_thread(hearing.after, again)
    if results and not hearing.usable:
        raise NobodyJudged(
            "Nothing that the judges answered can be used: they cite what stands nowhere in what they were shown, or "
            "contradict themselves."
        )
    aside = tuple(f"The judge {role.value} was set aside: {why}" for role, why in hearing.aside.items())
    return results, aside


def _vetoing(result: CriterionResult, settings: Settings) -> bool:
    """The security judge would veto, and is alone with it: the others shall look at what it cites."""
    objection = result.objection
    return objection is not None and (objection.confidence or 0) >= settings.veto_confidence
