"""The steps from a snapshot to a verdict. Values in, values out: nothing of a run is read or written from here, and
the models are asked through the gateway, which keeps its own books."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from worker.analyzers import analyze, catalog, rules
from worker.analyzers.analyze import Analysis
from worker.analyzers.catalog import Analyzer
from worker.analyzers.finding import Finding
from worker.core.failure import FailureCode
from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole, Severity, TribunalMode
from worker.isolation.contained import Contained
from worker.isolation.errors import AnswerRejected
from worker.llm.errors import LlmError
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.runtime.single_flight import Flights
from worker.sources.snapshot import Snapshot
from worker.sources.take import Taken
from worker.verification import consensus, examination
from worker.verification.batching import Batch
from worker.verification.constitution import extraction, reading
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Reading
from worker.verification.context.looking import Look, Seen
from worker.verification.examination import Examination, Heard, Plan, Tools
from worker.verification.panel import Panel
from worker.verification.result import CriterionResult
from worker.verification.scouting import stage
from worker.verification.tribunal import Step
from worker.verification.verdict import RunVerdict, conclude

STEPS = ("snapshot", "criteria", "analysis", "scouting", "judging", "debate", "consensus", "recording")

# An analyzer that breaks on some files is tried again on parts of them, within as much time again, two at once.
_ANALYSES = 4
_NO_PROVIDER = "No LLM provider is configured."
_FAIL_FAST = "Static analysis found something critical, so no judge was asked (CVA_FAIL_FAST)."
_JUDGED = "Each criterion was judged by three LLM judges apart from each other."


class NobodyJudged(LlmError):
    """No judge gave a single answer that could be used."""

    code = FailureCode.NO_USABLE_ANSWER


@dataclass(frozen=True)
class Models:
    """The door to the models, and who pays."""

    gateway: Gateway
    caller: Caller


@dataclass(frozen=True)
class Work:
    """What is verified against what."""

    constitution: str
    taken: Taken
    reader: Contained
    """The process that reads the constitution."""
    accepted: frozenset[str]
    """Fingerprints that people let be."""
    models: Models | None
    """None: static mode."""
    flights: Flights

    @property
    def snapshot(self) -> Snapshot:
        return self.taken.snapshot


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
    notes: tuple[str, ...] = ()


async def read_constitution(constitution: Awaitable[str], models: Models | None, reader: Contained) -> Reading:
    """The criteria: they need the constitution alone, and are read while the snapshot is made and analysed."""
    text = await constitution
    if models is not None:
        return await extraction.by_model(text, models.gateway, models.caller, reader)
    criteria: Reading = await reader.call(reading.read, text)
    return criteria


async def verify(work: Work, reading_task: "asyncio.Task[Reading]", *, settings: Settings, step: Step) -> Judged:
    """Bring a snapshot to its verdict. Raises ConstitutionRejected, ContainmentFailed, or the LlmError that ended the
    work."""
    analyzers = catalog.all_analyzers(settings.analyzers)
    names = tuple(analyzer.name for analyzer in analyzers)
    tools = Tools(names, await asyncio.to_thread(rules.known, names))
    await step("analysis", {"files": len(work.snapshot.files), "analyzers": list(names)})
    if work.models is None:
        # Without models a constitution that says nothing checkable ends the run before anything is analysed.
        await reading_task
    planned: Plan = await work.reader.call(examination.plan, work.constitution, tools)
    # The analysis goes on in a process of its own, so that it and the index take a core each.
    async with _forked(work.taken.process) as aside:
        indexing = asyncio.create_task(_index(work)) if work.models is not None else None
        try:
            analysis = await _analysis(work, aside, analyzers, planned, settings)
            critical = _critical(work, analysis)
            stops = settings.fail_fast and bool(critical) and planned.by_rules is not None
            # Where something critical ends the run, no judge is asked, and no model more: the rules' reading serves.
            read = planned.by_rules if stops and planned.by_rules is not None else await reading_task
            work.reader.end()
            if indexing is not None and not stops:
                await indexing
        finally:
            if indexing is not None:
                indexing.cancel()
                await asyncio.gather(indexing, return_exceptions=True)
        criteria = examination.checkable(read)
        models = None if stops else work.models
        mode = TribunalMode.LLM if models is not None else TribunalMode.STATIC
        if models is None:
            await step("judging", {"findings": len(analysis.findings), "tribunal": mode.value})
        notes: tuple[str, ...] = ()
        if models is not None:
            # Judges take minutes, in which it would only hold memory.
            aside.end()
            results, notes = await _judge(work, criteria, analysis, models, settings=settings, step=step)
            why = _JUDGED
        else:
            decided: list[CriterionResult] = await aside.call(
                examination.decide_static, work.snapshot, analysis, work.constitution, criteria, tools
            )
            results = _own(decided, criteria)
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
        notes=notes,
    )


@asynccontextmanager
async def _forked(process: Contained) -> AsyncIterator[Contained]:
    """A process with what that one has read, for as long as the block lasts."""
    forked = await process.fork()
    try:
        yield forked
    finally:
        # Nobody need wait for its end: it ends with the process that it was forked from, at the latest.
        forked.end()


async def _index(work: Work) -> None:
    await work.taken.process.call(Examination.index, work.snapshot)


async def _analysis(
    work: Work, process: Contained, analyzers: Sequence[Analyzer], planned: Plan, settings: Settings
) -> Analysis:
    """The same files are analysed once, however many runs want it; a tool that failed is tried again."""
    extra = tuple((name, tuple(wanted)) for name, wanted in sorted(planned.extra_rules.items()))

    async def analysed() -> Analysis:
        analysis: Analysis = await process.call(
            analyze.analyze,
            work.snapshot,
            analyzers,
            settings.contained(),
            planned.extra_rules,
            seconds=settings.contained_seconds + _ANALYSES * settings.analyzer_seconds,
        )
        return analysis

    return await work.flights.get(
        # Not by the digest alone: a process that lies would answer for others' files.
        ("analysis", work.taken.of or work.taken.process, work.snapshot.digest, extra),
        analysed,
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
    models: Models,
    *,
    settings: Settings,
    step: Step,
) -> tuple[list[CriterionResult], tuple[str, ...]]:
    """What the judges decide, and notes on what they saw and on judges who were set aside. Raises LlmError."""

    panel = Panel(models.gateway, models.caller, settings)

    async def progress(done: int, of: int) -> None:
        await step("judging", {"criteria_judged": done, "criteria": of})

    bare = settings.contained()
    async with _forked(work.taken.process) as process:
        to_scout: examination.ToScout = await process.call(
            Examination.open, criteria, analysis, work.constitution, bare
        )
        scouted = await stage.scout(
            process, to_scout, criteria, models.gateway, models.caller, settings=settings, step=step
        )
        await step("judging", {"findings": len(analysis.findings), "tribunal": TribunalMode.LLM.value})
        shown: examination.Shown = await process.call(Examination.show, bare)
        by_key = {criterion.key: criterion for criterion in criteria}
        if sorted(key for batch in shown.batches for key in batch.keys) != sorted(by_key):
            raise AnswerRejected("The contained process chose what to show for other criteria than it was asked about.")
        if max(map(len, (shown.overview.text, *(batch.context.text for batch in shown.batches)))) > _most(settings):
            raise AnswerRejected("The contained process chose to show more than fits into CVA_CONTEXT_TOKENS.")
        batches = [Batch(tuple(by_key[key] for key in batch.keys), batch.context) for batch in shown.batches]

        async def show(keys: Sequence[str], role: JudgeRole, looks: Sequence[Look]) -> Seen:
            seen: Seen = await process.call(Examination.look, keys, role, looks, bare)
            if len(seen.text) > _most(settings):
                raise AnswerRejected("The contained process chose to show more than fits into CVA_CONTEXT_TOKENS.")
            return seen

        given = await panel.judge(shown.overview, batches, progress, show, fence=work.snapshot.digest)
        if given and all(opinion.failure is not None for opinion in given):
            raise NobodyJudged(f"No judge gave an answer that could be used. {given[0].rationale}")
        heard: Heard = await process.call(Examination.hear, given, bare)
        contested = [result for result in _own(heard.results, criteria) if result.split or _vetoing(result, settings)]
        if contested:
            await step("debate", {"criteria": len(contested)})
            heard = await process.call(Examination.hear_again, await panel.debate(contested))
    results = _own(heard.results, criteria)
    if results and not heard.usable:
        raise NobodyJudged(
            "Nothing that the judges answered can be used: they cite what stands nowhere in what they were shown, or "
            "contradict themselves."
        )
    aside = (f"The judge {role.value} was set aside: {why}" for role, why in heard.aside.items())
    # The prices of models are the library's, whose import takes seconds when every answer was there already.
    seen = await asyncio.to_thread(panel.notes, shown.left_out, changed=work.snapshot.changed is not None)
    return results, (*aside, *scouted, *seen)


def _most(settings: Settings) -> int:
    """Characters that no choice of what to show exceeds: three bytes a token, and lists of places and hints."""
    return 8 * settings.context_tokens + 100_000


def _own(results: Sequence[CriterionResult], criteria: Sequence[Criterion]) -> list[CriterionResult]:
    """The results, each of the criterion that was asked about. Raises AnswerRejected."""
    if [result.criterion.key for result in results] != [criterion.key for criterion in criteria]:
        raise AnswerRejected("The contained process decided other criteria than it was asked about.")
    return [replace(result, criterion=criterion) for result, criterion in zip(results, criteria, strict=True)]


def _vetoing(result: CriterionResult, settings: Settings) -> bool:
    """The security judge would veto, and is alone with it: the others shall look at what it cites."""
    objection = result.objection
    return objection is not None and (objection.confidence or 0) >= settings.veto_confidence
