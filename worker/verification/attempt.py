"""One attempt at a run: claim it, do the work under a lease, and end it in one of the ways a run can end.

completed      recorded with its verdict
failed         ERROR, when the work cannot be completed and trying again would not help
cancelled      somebody asked for it
handed back    to the queue: the worker drains, or trying again may help
left alone     another attempt holds the run; this one writes nothing
"""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import undefer

from worker.core import models
from worker.core.backoff import full_jitter
from worker.core.db.database import is_unavailable
from worker.core.failure import FailureCode, RunFailure
from worker.core.ids import new_id
from worker.core.monitoring.announce import job_of
from worker.core.monitoring.repository import RepositorySettings
from worker.core.queue import work_items
from worker.core.queue.jobs import ReportCheck, VerifyRun, enqueue
from worker.core.runs import events, lifecycle
from worker.core.runs.lifecycle import Claim
from worker.core.telemetry import logs, tracing
from worker.core.telemetry.masking import mask, mask_file
from worker.core.vocabulary import Depth, RunStatus
from worker.isolation.errors import ProcessEnded
from worker.isolation.room import Bounds, Room
from worker.llm.errors import RateLimited
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.runtime import lease
from worker.runtime.resources import Resources
from worker.runtime.single_flight import Flights
from worker.sources import requests, take
from worker.sources.shared import Snapshots
from worker.sources.snapshot import Snapshot
from worker.verification import history, pipeline, record
from worker.verification.calibration import Calibration
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.constitution.reading import Reading
from worker.verification.outcome import RunOutcome, Subject

log = logs.get(__name__)


class _Gone(Exception):
    """A write found that the attempt no longer holds the run."""


class _DeadlineExceeded(Exception):
    pass


async def verify_run(run_id: uuid.UUID, resources: Resources) -> str:
    """Take up the run whose turn it is, if there is any; returns how that ended, for the log.

    `run_id` is the one that the job was made for.
    """
    async with resources.slot() as free:
        if not free or resources.controls.closed:
            # Fetched just before the worker stopped: somebody else's, then.
            async with resources.db.transaction() as session:
                await enqueue(session, VerifyRun(run_id))
            return "left to another worker"
        return await _verify_next(run_id, resources)


async def _verify_next(run_id: uuid.UUID, resources: Resources) -> str:
    settings = resources.settings
    claim = await resources.dispatch.claim_next(run_id)
    if claim is None:
        return "nothing to do"
    with (
        structlog.contextvars.bound_contextvars(
            run_id=str(claim.run_id), attempt=claim.attempt, request_id=claim.request_id
        ),
        tracing.span("verify run", kind="CONSUMER", parent=claim.traceparent, run_id=str(claim.run_id)) as span,
    ):
        log.info("run claimed", lost_before=claim.lost_before)
        ended = await _attempt(claim, resources)
        log.info("run left", ended=ended)
        span.note(attempt=claim.attempt, ended=ended)
        if settings.repo_concurrency:
            # While this one ran, a job may have come for another of its repository and found it full.
            async with resources.db.transaction() as session:
                await enqueue(session, VerifyRun(claim.run_id))
        return ended


async def _attempt(claim: Claim, resources: Resources) -> str:
    if claim.cancel_requested:
        return await _cancelled(claim, resources)
    if claim.failures >= resources.settings.max_attempts:
        message = f"Gave up after {claim.failures} attempts whose worker disappeared (CVA_MAX_ATTEMPTS)."
        return await _error(claim, resources, FailureCode.ATTEMPTS_EXHAUSTED, message)
    renew = partial(_renew, claim, resources)
    try:
        return await lease.hold(claim.run_id, _work(claim, resources), resources, renew=renew)
    except lease.CancelRequested:
        return await _cancelled(claim, resources)
    except lease.Draining:
        async with resources.db.transaction() as session:
            status = await lifecycle.hand_back(session, claim, reason="the worker was stopped", spend=False)
        return _left(status, "the worker was stopped")
    except (lease.Superseded, _Gone) as stopped:
        log.warning("run left to another attempt", reason=str(stopped))
        return "left alone"
    except Exception as error:
        return await _failed(error, claim, resources)


async def _failed(error: Exception, claim: Claim, resources: Resources) -> str:
    """End an attempt that an error ended: for good, or to be made again where that may help."""
    match error:
        case _DeadlineExceeded():
            limit = f"{resources.settings.run_deadline_seconds:.0f} s"
            return await _error(claim, resources, FailureCode.DEADLINE_EXCEEDED, f"The run took longer than {limit}.")
        case RateLimited():
            return await _later(claim, resources, error)
        case ProcessEnded() if claim.failures == 0:
            # Somebody may have ended it, or the machine ran out of memory. The repository may do so once.
            return await _again(claim, resources, error.code, str(error))
        case RunFailure(transient=True):
            return await _again(claim, resources, error.code, str(error), provider=error.provider)
        case RunFailure():
            return await _error(claim, resources, error.code, str(error))
    if is_unavailable(error):
        # Nothing can be written now; the lease lapses, and the reaper gives the run a fresh job.
        raise error
    log.exception("the attempt failed", exc_info=error)
    message = f"An internal error ended the attempt ({type(error).__name__}). The worker's log has the details."
    return await _again(claim, resources, FailureCode.INTERNAL_ERROR, message)


async def _renew(claim: Claim, resources: Resources, connection: AsyncConnection) -> lifecycle.Renewal:
    return await lifecycle.renew(connection, claim, lease=resources.settings.lease_seconds)


async def _work(claim: Claim, resources: Resources) -> str:
    try:
        async with asyncio.timeout(resources.settings.run_deadline_seconds) as deadline:
            outcome = await _verify(claim, resources)
    except TimeoutError:
        if deadline.expired():
            raise _DeadlineExceeded from None
        raise
    files = await asyncio.to_thread(record.artifacts, outcome)
    async with resources.db.transaction() as session:
        held = await record.completed(session, claim, outcome, files)
    return outcome.verdict.verdict.value if held else "left alone"


@dataclass(frozen=True)
class _Loaded:
    """The rows an attempt starts from, read in one transaction."""

    run: models.Run
    constitution: models.ConstitutionVersion
    request: take.Request
    history: history.History
    allowance: float
    """What its repository lets it spend beyond the budget of runs; never more than nothing, in US dollars."""
    depth: Depth


async def _load(claim: Claim, resources: Resources) -> _Loaded:
    async with resources.db.transaction() as session:
        run = await session.get_one(models.Run, claim.run_id, options=[undefer(models.Run.patch)])
        constitution = (
            await session.get(models.ConstitutionVersion, run.constitution_version_id)
            if run.constitution_version_id
            else None
        )
        if constitution is None:
            raise ConstitutionRejected("The run's constitution was removed before it was taken up.")
        known = await history.load(session, run, constitution.sha256)
        request = await requests.of_run(session, run)
        if run.repo_id is not None and (job := await job_of(session, run.id)) is not None:
            await work_items.wake(session, ReportCheck(str(job)))
        repository = None if run.repo_id is None else await session.get(models.RepoConnection, run.repo_id)
    wishes = RepositorySettings.model_validate({} if repository is None else repository.settings)
    settings = resources.settings
    allowance = wishes.allowance(settings.run_budget_usd)
    return _Loaded(run, constitution, request, known, allowance, wishes.depth or settings.depth)


async def _verify(claim: Claim, resources: Resources) -> RunOutcome:
    started_at = datetime.now(UTC)
    settings = resources.settings

    async def step(name: str, data: dict[str, object]) -> None:
        told = {"step": name, "number": pipeline.STEPS.index(name) + 1, "of": len(pipeline.STEPS), **data}
        async with resources.db.single_statement() as connection:
            if await events.append(connection, claim.run_id, "step", told, attempt=claim.attempt, step=name) is None:
                raise _Gone(f"the fence closed before the step {name}")

    loaded = await _load(claim, resources)
    settings = settings.model_copy(update={"depth": loaded.depth})
    llm = _llm(claim, resources, loaded.allowance)
    # It is shown in reports and sent to a model, and people have written passwords into theirs.
    room = Room(bounds=Bounds(memory=settings.contained_memory_bytes))
    async with resources.isolation.open(room, seconds=settings.contained_seconds) as reader:
        masking = asyncio.create_task(reader.call(mask_file, loaded.constitution.content, "CONSTITUTION.md"))
        reading = asyncio.create_task(pipeline.read_constitution(masking, llm, reader))
        try:
            await step("snapshot", {"source": loaded.run.source_kind})
            snapshots = resources.shared(Snapshots, Snapshots)
            async with snapshots.use(
                loaded.request,
                settings=settings,
                run_id=claim.run_id,
                attempt=claim.attempt,
                isolation=resources.isolation,
                tokens=resources.tokens,
            ) as taken:
                snapshot = taken.snapshot
                await step("criteria", {"files": len(snapshot.files), "commit": snapshot.commit})
                work = pipeline.Work(
                    constitution=await masking,
                    taken=taken,
                    reader=reader,
                    accepted=frozenset(loaded.history.accepted),
                    models=llm,
                    flights=resources.shared(Flights, lambda: Flights(kept=8)),
                )
                judged = await pipeline.verify(work, reading, settings=settings, step=step)
        finally:
            for task in (masking, reading):
                task.cancel()
            await asyncio.gather(masking, reading, return_exceptions=True)
    await _keep_criteria(loaded.constitution.id, judged.reading, resources)
    await step("recording", {"verdict": judged.verdict.verdict.value})
    async with resources.db.transaction() as session:
        calls = await history.calls(session, claim.run_id)
    return RunOutcome(
        subject=_subject(loaded, snapshot),
        snapshot=snapshot,
        analysis=judged.analysis,
        results=judged.results,
        verdict=judged.verdict,
        tribunal=judged.mode,
        tribunal_why=judged.why,
        reading=judged.reading,
        remarks=(*judged.reading.notes, *judged.notes),
        calls=calls,
        previous=loaded.history.previous,
        calibration=Calibration(settings.calibration, loaded.history.agreement),
        accepted=loaded.history.accepted,
        started_at=started_at,
        finished_at=datetime.now(UTC),
    )


def _llm(claim: Claim, resources: Resources, allowance: float) -> pipeline.Models | None:
    if not resources.settings.has_provider:
        return None
    gateway = resources.shared(Gateway, lambda: Gateway(resources.settings, resources.db))
    return pipeline.Models(gateway, Caller(claim.run_id, claim.attempt, allowance))


async def _keep_criteria(version: uuid.UUID, read: Reading, resources: Resources) -> None:
    """Store what was read, once per constitution and method."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "constitution_version_id": version,
            "method": read.method,
            "key": criterion.key,
            "position": position,
            "category": criterion.category.value,
            "severity": criterion.severity.value,
            "statement": criterion.statement,
            "section": criterion.section,
            "line": criterion.line,
        }
        for position, criterion in enumerate(read.criteria, start=1)
    ]
    async with resources.db.transaction() as session:
        await session.execute(insert(models.Criterion).on_conflict_do_nothing(), rows)


def _subject(loaded: _Loaded, snapshot: Snapshot) -> Subject:
    run = loaded.run
    return Subject(
        run_id=str(run.id),
        repo_full_name=run.repo_full_name,
        branch=run.branch or snapshot.branch,
        source=run.source,
        mode=run.mode,
        base=run.base,
        constitution_id=str(loaded.constitution.id),
        constitution_sha256=loaded.constitution.sha256,
        web_url=_web_url(run.source.get("url")),
        created_at=run.created_at,
    )


def _web_url(url: object) -> str | None:
    """Where the repository's host shows files, for hosts whose addresses look like GitHub's."""
    if not isinstance(url, str):
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname not in ("github.com", "gitlab.com", "codeberg.org"):
        return None
    return f"https://{parts.hostname}{parts.path.removesuffix('/').removesuffix('.git')}"


async def _cancelled(claim: Claim, resources: Resources) -> str:
    async with resources.db.transaction() as session:
        held = await lifecycle.finish(session, claim, status=RunStatus.CANCELLED)
    return "cancelled" if held else "left alone"


async def _error(claim: Claim, resources: Resources, code: FailureCode, message: str) -> str:
    message = mask(message, resources.settings.secrets())
    async with resources.db.transaction() as session:
        held = await record.errored(session, claim, code=code, message=message)
    return f"ERROR ({code})" if held else "left alone"


async def _later(claim: Claim, resources: Resources, error: RateLimited) -> str:
    """Hand the run back until the provider takes calls again; that is nobody's failure and spends no attempt."""
    async with resources.db.transaction() as session:
        waited = await session.scalar(
            text("SELECT extract(epoch FROM clock_timestamp() - created_at) FROM runs WHERE id = :run_id"),
            {"run_id": claim.run_id},
        )
    seconds = float(waited or 0)
    if seconds + error.seconds > resources.settings.llm_wait_seconds:
        message = f"{error} Gave up after {seconds:.0f} s (CVA_LLM_WAIT_SECONDS)."
        return await _error(claim, resources, error.code, message)
    async with resources.db.transaction() as session:
        status = await lifecycle.hand_back(
            session,
            claim,
            reason=error.code,
            spend=False,
            delay=error.seconds + full_jitter(1),
            error_code=error.code,
            error_message=str(error),
            provider=error.provider,
        )
    return _left(status, error.code)


async def _again(
    claim: Claim, resources: Resources, code: FailureCode, message: str, *, provider: str | None = None
) -> str:
    """Hand the run back for another attempt, or give up when this was the last one."""
    failures = claim.failures + 1
    if failures >= resources.settings.max_attempts:
        return await _error(claim, resources, code, f"{message} Gave up after {failures} attempts.")
    async with resources.db.transaction() as session:
        status = await lifecycle.hand_back(
            session,
            claim,
            reason=code,
            spend=True,
            delay=full_jitter(failures),
            error_code=code,
            error_message=mask(message, resources.settings.secrets()),
            provider=provider,
        )
    return _left(status, code)


def _left(status: RunStatus | None, why: str) -> str:
    """How an attempt ended that gave its run back, for the log."""
    if status is None:
        return "left alone"
    return f"handed back ({why})" if status is RunStatus.QUEUED else status.value
