"""The steps from a snapshot to a verdict. Values in, values out; the database is not spoken to from here."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from worker.analyzers import analyze, catalog, rules
from worker.core.settings import Settings
from worker.core.vocabulary import Severity, TribunalMode
from worker.sources.snapshot import Snapshot
from worker.verification import consensus, evidence, topics
from worker.verification.consensus import CriterionResult
from worker.verification.criteria import METHOD, Criterion
from worker.verification.opinion import Opinion
from worker.verification.outcome import RunOutcome, Subject
from worker.verification.static import StaticTribunal
from worker.verification.tribunal import Case, Tribunal
from worker.verification.verdict import conclude

STEPS = ("snapshot", "criteria", "analysis", "judging", "consensus", "recording")

Step = Callable[[str, dict[str, object]], Awaitable[None]]
"""Told the name of each step as it begins, with what is known by then."""


@dataclass(frozen=True)
class Work:
    """What is verified against what."""

    subject: Subject
    snapshot: Snapshot
    criteria: tuple[Criterion, ...]
    started_at: datetime


def choose_tribunal(settings: Settings, critical_findings: int) -> Tribunal:
    """Who judges. Critical findings end the run before any judge is paid (CVA_FAIL_FAST)."""
    if settings.fail_fast and critical_findings:
        return StaticTribunal("Static analysis found something critical, so no judge was asked (CVA_FAIL_FAST).")
    if settings.has_provider_key:
        return StaticTribunal("This version judges in static mode only; the provider keys that are set are not used.")
    return StaticTribunal("No LLM provider is configured.")


async def verify(work: Work, *, settings: Settings, step: Step) -> RunOutcome:
    """Bring a snapshot to its verdict."""
    analyzers = catalog.all_analyzers(settings.analyzers)
    names = [analyzer.name for analyzer in analyzers]
    known = await asyncio.to_thread(rules.known, names)
    coverages = [topics.coverage(criterion, names, known) for criterion in work.criteria]

    await step("analysis", {"files": len(work.snapshot.files), "analyzers": names})
    analysis = await analyze.analyze(
        work.snapshot, analyzers, settings=settings, extra_rules=topics.extra_rules(coverages)
    )
    changed = work.snapshot.changed
    critical = sum(
        finding.verified and finding.severity is Severity.CRITICAL and (changed is None or finding.path in changed)
        for finding in analysis.findings
    )

    tribunal = choose_tribunal(settings, critical)
    await step("judging", {"findings": len(analysis.findings), "tribunal": tribunal.mode.value})

    async def progress(done: int, of: int) -> None:
        await step("judging", {"criteria_judged": done, "criteria": of})

    case = Case(work.snapshot, analysis, work.criteria, coverages)
    opinions = await tribunal.judge(case, progress)

    await step("consensus", {"opinions": len(opinions)})
    results = await asyncio.to_thread(_decide, work, opinions, settings)
    return RunOutcome(
        subject=work.subject,
        snapshot=work.snapshot,
        analysis=analysis,
        results=results,
        verdict=conclude(
            results,
            veto_confidence=settings.veto_confidence,
            critical_findings=critical if settings.fail_fast else 0,
        ),
        tribunal=TribunalMode(tribunal.mode),
        tribunal_why=tribunal.why,
        extraction=METHOD,
        started_at=work.started_at,
        finished_at=datetime.now(UTC),
    )


def _decide(work: Work, opinions: list[Opinion], settings: Settings) -> list[CriterionResult]:
    cache: dict[str, list[str] | None] = {}

    def lines_of(path: str) -> list[str] | None:
        if path not in cache:
            cache[path] = work.snapshot.lines(path)
        return cache[path]

    checked = [replace(o, evidence=evidence.verify_all(o.evidence, lines_of)) for o in opinions]
    return consensus.decide_all(work.criteria, checked, pass_score=settings.pass_score)
