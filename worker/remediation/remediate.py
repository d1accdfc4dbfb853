"""One attempt at a remediation: from where its rows say that it stands to where it has to wait, or is done.

    issues ─▶ root causes ─▶ steps ─▶ proposed and tried ─▶ policy ─▶ applied ─▶ judged again ─▶ kept or taken back
       ▲                                                     │ CONFIRM            │ a run like any other     │
       │                                                     ▼                    ▼                          │
       └──────────────────────────────────────────── somebody decides      next iteration ◀──────────────────┘

Whoever waits holds no worker: an approval, and the end of the run that judges, wake the work item. What was proposed is
a row, what was answered is on the ledger, what is applied is a diff: an attempt that ends anywhere is made again from
there.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace

import structlog

from worker.core.failure import FailureCode, RunFailure
from worker.core.queue.jobs import Remediate, enqueue
from worker.core.remediation.audit import Audited
from worker.core.runs import submission
from worker.core.telemetry import logs
from worker.core.vocabulary import FixAction, FixStatus, RemediationStatus, RunMode, SourceKind
from worker.llm import ledger
from worker.remediation import ending, guard, issues, plan, records, root_causes
from worker.remediation.guard import Ended
from worker.remediation.issues import Issue
from worker.remediation.plan import Step
from worker.remediation.proposing import Proposing
from worker.remediation.records import FixRow
from worker.remediation.settling import settle
from worker.remediation.work import Copy, Work, opened, pinned
from worker.remediation.worktree import Surroundings, Tested, Worktree
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.runtime.work_items import GaveUp, Item

log = logs.get(__name__)

_MAX_FAILURES = 8
_BACKOFF = 4.0


async def remediate(remediation_id: uuid.UUID, resources: Resources) -> str:
    """Take the remediation up, if it is due; returns how that ended, for the log."""
    async with resources.slot() as free:
        if not free or resources.controls.closed:
            async with resources.db.transaction() as session:
                await enqueue(session, Remediate(remediation_id), priority=Remediate.PRIORITY)
            return "left to another worker"
        subject = str(remediation_id)

        async def do(item: Item) -> None:
            await _attempt(item, resources)

        await work_items.expect(resources, Remediate.NAME, subject)
        try:
            return await work_items.perform(
                resources, Remediate.NAME, subject, do, max_failures=_MAX_FAILURES, backoff=_BACKOFF
            )
        except GaveUp:
            await ending.give_up(remediation_id, resources)
            raise


async def _attempt(item: Item, resources: Resources) -> None:
    remediation_id = uuid.UUID(item.subject)
    async with resources.db.transaction() as session:
        loaded = await records.load(session, remediation_id)
    if loaded is None or (loaded.status.is_final and loaded.has_result):
        return
    work = Work(item, loaded, resources)
    run = loaded.run
    with structlog.contextvars.bound_contextvars(
        remediation_id=str(remediation_id), run_id=str(run.id), request_id=run.request_id
    ):
        try:
            await _go_on(work)
        except Ended as ended:
            await ending.stop(work, ended)
        except RunFailure as error:
            if error.transient:
                raise
            await ending.fail(work, error.code, str(error))


async def _go_on(work: Work) -> None:
    if work.loaded.status.is_final:
        # Somebody took fixes back: what is left is put together anew.
        async with opened(work) as copy:
            await ending.keep_result(work, copy)
        return
    await ledger.release_following(work.resources.db, work.loaded.run.id)
    if work.loaded.status is RemediationStatus.VERIFYING:
        if not await settle(work):
            return
        work = await _again(work)
    else:
        async with work.step() as session:
            iteration = max(1, work.loaded.iteration)
            await records.set_status(session, work.id, RemediationStatus.RUNNING, iteration=iteration)
        work = await _again(work)
    async with opened(work) as copy:
        await _iterate(work, copy)


async def _again(work: Work) -> Work:
    async with work.resources.db.transaction() as session:
        loaded = await records.load(session, work.id)
    assert loaded is not None
    return Work(work.item, loaded, work.resources)


async def _iterate(work: Work, copy: Copy) -> None:
    """One iteration, up to where it waits or nothing is left to do."""
    iteration = work.loaded.iteration
    kept = [fix for fix in work.loaded.fixes if fix.status is FixStatus.VERIFIED]
    await _drop(work, await copy.at(kept))
    unjudged = await _unjudged(work, copy)
    if unjudged is not None:
        # Something was taken back: what is left has to stand by itself before anything is built on it.
        await _verify(work, unjudged)
        return
    if _goes_on(work):
        await _propose(work, copy, iteration)
        if not await _decide(work, iteration):
            return
    fixes = await work.fixes()
    standing = [fix for fix in fixes if fix.status in (FixStatus.VERIFIED, FixStatus.APPLIED)]
    if len(standing) > len(kept):
        await _drop(work, await copy.at(standing))
    if await _tests_fail(work):
        standing = [fix for fix in standing if fix.status is FixStatus.VERIFIED]
        await copy.at(standing)
    unjudged = await _unjudged(work, copy)
    if unjudged is not None or any(fix.status is FixStatus.APPLIED for fix in standing):
        await _verify(work, unjudged or await copy.patch())
        return
    await ending.keep_result(work, copy)


def _goes_on(work: Work) -> bool:
    """Whether another iteration may find more: the one before had something judged, and the limit is not reached."""
    iteration = work.loaded.iteration
    judged = (FixStatus.VERIFIED, FixStatus.REVERTED)
    before = [fix for fix in work.loaded.fixes if fix.iteration == iteration - 1]
    progress = iteration == 1 or any(fix.status in judged for fix in before)
    return progress and iteration <= work.settings.remediation_iterations


async def _issues(work: Work) -> list[Issue]:
    """What is to be mended: by the run itself or, once something is kept, by the run that judged exactly that."""
    run = work.loaded.run
    kept = any(fix.status is FixStatus.VERIFIED for fix in work.loaded.fixes)
    source = work.loaded.verification_run_id if kept else run.id
    assert source is not None
    async with work.resources.db.transaction() as session:
        accepted = await records.accepted(session, run)
        failed, _ = await records.results(session, source, accepted)
        found = await records.findings(session, source)
    return issues.of_run([issues.with_rules(one, found) for one in failed], found, accepted)


async def _propose(work: Work, copy: Copy, iteration: int) -> None:
    wanted = await _issues(work)
    bare = work.settings.contained()
    places = [place for issue in wanted for place in issue.places]
    around: Surroundings = await copy.process.call(Worktree.around, places, bare)
    symbols = {(path, line): name for path, line, name in around.symbols}
    causes = root_causes.group(wanted, symbols, dict(around.imports))
    steps = plan.steps(causes, frozenset(around.by_tool), most_files=work.settings.remediation_files)
    async with work.step() as session:
        ids = await records.keep_causes(session, work.id, iteration, causes)
        if iteration == 1 and not work.loaded.fixes:
            await work.note(
                session,
                Audited.ISSUES,
                issues=len(wanted),
                without_a_place=sum(not issue.fixable for issue in wanted),
                root_causes=len(causes),
                steps=len(steps),
                by_tools=sum(step.tool for step in steps),
                most_usd=work.settings.remediation_budget_usd,
            )
    await Proposing(work, copy, iteration, _rules(places)).all(_worth_asking(steps, work.loaded.fixes, iteration), ids)


def _worth_asking(steps: Sequence[Step], fixes: Sequence[FixRow], iteration: int) -> list[Step]:
    """Those that nobody has answered in vain before. One whose fix was judged and taken back is asked about anew, with
    the reason."""
    before = {fix.key: fix for fix in fixes if fix.iteration < iteration}
    found = []
    for step in steps:
        fix = before.get(step.key)
        if fix is None:
            found.append(step)
        elif fix.status is FixStatus.REVERTED:
            found.append(replace(step, complaint=fix.outcome))
    return found


def _rules(places: Sequence[issues.Place]) -> dict[str, list[str]]:
    """The rules that the analyzers shall know beyond their own: those that found something."""
    rules: dict[str, set[str]] = {}
    for place in places:
        name, _, rule = (place.rule or "").partition(":")
        if rule:
            rules.setdefault(name, set()).add(rule)
    return {name: sorted(own) for name, own in rules.items()}


async def _decide(work: Work, iteration: int) -> bool:
    """Apply what may be applied; False when somebody has to decide first."""
    async with work.step() as session:
        allowance = await guard.allowance(session, work.loaded.whose, work.settings)
        waiting = False
        for fix in await records.fixes(session, work.id):
            if fix.iteration != iteration or fix.status not in (FixStatus.PROPOSED, FixStatus.APPROVED):
                continue
            if fix.status is FixStatus.PROPOSED and fix.action in (FixAction.AUTO, FixAction.REVIEW):
                if not allowance.left:
                    await records.confirm(session, fix, str(allowance.why))
                    waiting = True
                    continue
                allowance.left -= 1
            elif fix.status is FixStatus.PROPOSED:
                waiting = waiting or fix.action is FixAction.CONFIRM
                continue
            await records.apply_fix(session, fix)
            await work.note(session, Audited.APPLIED, fix_id=fix.id, needed=fix.action.value)
        if waiting:
            await records.set_status(session, work.id, RemediationStatus.AWAITING_APPROVAL)
    return not waiting


async def _drop(work: Work, lost: Sequence[FixRow]) -> None:
    """Take back fixes that no longer apply without what they were built on."""
    if not lost:
        return
    why = "It was built on a fix that is not there any more."
    async with work.step() as session:
        for fix in lost:
            await work.revert(session, fix, why)


async def _tests_fail(work: Work) -> bool:
    """Whether the repository's own tests fail with the applied fixes and pass without: then these are taken back.

    They run in rooms of their own, which are thrown away: what code of the repository has had its hands on proves
    nothing any more.
    """
    fixes = await work.fixes()
    fresh = [fix for fix in fixes if fix.status is FixStatus.APPLIED]
    if not work.settings.remediation_test_command or not fresh:
        return False
    kept = [fix for fix in fixes if fix.status is FixStatus.VERIFIED]
    tested = await _tested(work, [*kept, *fresh])
    without = tested if tested.passed else await _tested(work, kept)
    fail = without.passed and not tested.passed
    said = "passed" if tested.passed else f"failed: {tested.reason}"
    if not without.passed:
        said = f"failed, and do without the fixes as well: {without.reason}"
    async with work.step() as session:
        for fix in fresh:
            await records.set_fix(session, fix.id, fix.status, proof={**fix.proof, "tests": said[:300]})
            if fail:
                why = f"The repository's own tests pass without it and fail with it ({tested.reason[:200]})."
                await work.revert(session, fix, why)
    return fail


async def _tested(work: Work, fixes: Sequence[FixRow]) -> Tested:
    command = list(work.settings.remediation_test_command)
    seconds, memory = work.settings.remediation_test_seconds, work.settings.contained_memory_bytes
    async with opened(work) as copy:
        await copy.at(fixes)
        tested: Tested = await copy.process.call(Worktree.test, command, seconds, memory, seconds=seconds + 60)
    return tested


async def _unjudged(work: Work, copy: Copy) -> str | None:
    """The patch of what is applied, unless it is none, or exactly what the last run judged."""
    patch = await copy.patch()
    if not patch or work.loaded.verification_run_id is None:
        return patch or None
    async with work.resources.db.transaction() as session:
        judged = await records.patch_of(session, work.loaded.verification_run_id)
    return None if judged == patch else patch


async def _verify(work: Work, patch: str) -> None:
    """Have what is applied judged by a run like any other, and wait for its end without a worker."""
    run = work.loaded.run
    if run.constitution_version_id is None:
        raise NothingToJudgeBy("The run's constitution was removed: nobody can judge the fixes by it.")
    new = submission.NewRun(
        source_kind=SourceKind(run.source_kind),
        source=pinned(run),
        constitution_version_id=run.constitution_version_id,
        upload_id=run.upload_id,
        repo_id=run.repo_id,
        repo_full_name=run.repo_full_name,
        branch=run.branch,
        mode=RunMode(run.mode),
        base=run.base,
        patch=patch,
        labels={"event": "remediation", "remediation": str(work.id)},
        created_by=run.created_by,
        request_id=run.request_id,
        traceparent=run.traceparent,
        priority=run.priority,
    )
    async with work.step() as session:
        run_id, _ = await submission.accept(session, new)
        await records.set_status(session, work.id, RemediationStatus.VERIFYING, verification_run_id=run_id)
        await work.note(session, Audited.VERIFYING, run_id=str(run_id), files=patch.count("\n+++ "))


class NothingToJudgeBy(RunFailure):
    """The constitution is gone."""

    code = FailureCode.CONSTITUTION_REJECTED
