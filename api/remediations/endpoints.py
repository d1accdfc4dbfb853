"""Remediations: begin one, look at it, stop it, take back what it kept."""

import uuid

from sqlalchemy import func, select, update
from sqlalchemy.orm import InstrumentedAttribute
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.pagination import page
from api.http.routing import Answer, Call, Operations, json_response
from api.remediations import lookup
from api.remediations.lookup import actor, find_remediation
from api.remediations.schemas import (
    AuditList,
    AuditView,
    Decision,
    FixList,
    IssueList,
    IssueView,
    PlaceView,
    RemediationList,
    RemediationQuery,
    RemediationRequest,
    RemediationView,
    RollbackRequest,
    RootCauseView,
)
from worker.core.models import AuditEntry, CriterionResult, Fix, RemediationIssue, RemediationRun, RootCause, Run
from worker.core.queue import work_items
from worker.core.queue.jobs import OpenPullRequest, Remediate
from worker.core.remediation import audit, switch, weighing
from worker.core.remediation.audit import Audited
from worker.core.remediation.begin import begin
from worker.core.runs import events
from worker.core.vocabulary import FixStatus, Outcome, RemediationStatus, RunStatus, Scope

operations = Operations("remediations")

_MOST_AUDITED = 5000


@operations.add(
    "POST",
    "/api/remediations",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(RemediationView, headers={"Location": "where it is"})},
    problems=(errors.NotFound, errors.Conflict),
)
async def begin_remediation(call: Call, body: RemediationRequest) -> Response:
    """Begin to fix what a run found broken

    Everything happens on a copy. What comes of it is a patch, each part of which is proven; what needs an approval
    waits for it.
    """
    async with call.state.db.transaction() as session:
        run = await access.find_run(session, call.principal, body.run_id, access.WRITE)
        if run.status != RunStatus.COMPLETED:
            raise errors.Conflict(f"The run is {run.status}; only what a completed run has proven can be fixed.")
        if await session.scalar(select(Run.patch.is_not(None)).where(Run.id == run.id)):
            raise errors.Conflict("The run judged the fixes of a remediation; begin one for the run that it was of.")
        failed = select(CriterionResult.id).where(
            CriterionResult.run_id == run.id, CriterionResult.outcome == Outcome.FAIL.value
        )
        if await session.scalar(failed.limit(1)) is None:
            raise errors.Conflict("Nothing failed in the run, so there is nothing to fix.")
        engaged = await switch.engaged(session, call.state.settings)
        if engaged is not None:
            raise errors.Conflict(f"Remediation is stopped: {engaged.reason} By {engaged.by}.")
        remediation_id = await begin(session, run.id, by=call.principal.name, actor=actor(call.principal))
        if remediation_id is None:
            raise errors.Conflict("A remediation of the run is under way already.")
        await call.audit(session, f"remediation:{remediation_id}", run_id=run.id)
        row = await session.get_one(RemediationRun, remediation_id)
        (found,) = await lookup.views(session, [row])
    return json_response(found, 202, {"Location": f"/api/remediations/{remediation_id}"})


@operations.add("GET", "/api/remediations", scope=Scope.RUNS_READ, answers={200: Answer(RemediationList)})
async def list_remediations(call: Call, query: RemediationQuery) -> Response:
    """List remediations of runs that one may see"""
    wanted = select(RemediationRun).join(Run, Run.id == RemediationRun.run_id).where(access.runs(call.principal))
    if query.run_id is not None:
        wanted = wanted.where(RemediationRun.run_id == query.run_id)
    if query.status is not None:
        wanted = wanted.where(RemediationRun.status == query.status.value)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, RemediationRun.created_at, RemediationRun.id)
        items = await lookup.views(session, rows)
    return json_response(RemediationList(items=items, next_cursor=cursor))


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(RemediationView)},
    problems=(errors.NotFound,),
)
async def get_remediation(call: Call, remediation_id: uuid.UUID) -> Response:
    """Look at a remediation"""
    async with call.state.db.transaction() as session:
        row = await find_remediation(session, call.principal, remediation_id)
        (found,) = await lookup.views(session, [row])
    return json_response(found)


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}/issues",
    scope=Scope.RUNS_READ,
    answers={200: Answer(IssueList)},
    problems=(errors.NotFound,),
)
async def list_issues(call: Call, remediation_id: uuid.UUID) -> Response:
    """What is to be fixed, and which root causes it has"""
    async with call.state.db.transaction() as session:
        await find_remediation(session, call.principal, remediation_id)
        causes = (
            await session.scalars(
                select(RootCause).where(RootCause.remediation_run_id == remediation_id).order_by(RootCause.position)
            )
        ).all()
        rows = (
            await session.scalars(
                select(RemediationIssue)
                .where(RemediationIssue.remediation_run_id == remediation_id)
                .order_by(RemediationIssue.iteration, RemediationIssue.created_at, RemediationIssue.id)
            )
        ).all()
    place = {cause.id: number for number, cause in enumerate(causes)}
    ordered = sorted(rows, key=lambda row: (place.get(row.root_cause_id or row.id, -1), not row.is_primary))
    fields = [name for name in IssueView.model_fields if name != "places"]
    items = [
        IssueView(
            **{name: getattr(row, name) for name in fields},
            places=[PlaceView.model_validate(entry) for entry in row.evidence],
        )
        for row in ordered
    ]
    found = [RootCauseView.model_validate(cause, from_attributes=True) for cause in causes]
    return json_response(IssueList(items=items, root_causes=found))


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}/fixes",
    scope=Scope.RUNS_READ,
    answers={200: Answer(FixList)},
    problems=(errors.NotFound,),
)
async def list_fixes(call: Call, remediation_id: uuid.UUID) -> Response:
    """The fixes: proposed, waiting, applied, proven, taken back, and why"""
    async with call.state.db.transaction() as session:
        await find_remediation(session, call.principal, remediation_id)
        rows = await session.scalars(
            select(Fix).where(Fix.remediation_run_id == remediation_id).order_by(Fix.position, Fix.id)
        )
        items = [lookup.fix_view(row) for row in rows]
    return json_response(FixList(items=items))


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}/audit",
    scope=Scope.RUNS_READ,
    answers={200: Answer(AuditList)},
    problems=(errors.NotFound,),
)
async def list_audit(call: Call, remediation_id: uuid.UUID) -> Response:
    """Who did what, and when; nobody can change it"""
    async with call.state.db.transaction() as session:
        await find_remediation(session, call.principal, remediation_id)
        rows = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.remediation_run_id == remediation_id)
            .order_by(AuditEntry.id)
            .limit(_MOST_AUDITED)
        )
        items = [AuditView.model_validate(row, from_attributes=True) for row in rows]
    return json_response(AuditList(items=items))


async def _result(call: Call, remediation_id: uuid.UUID, column: InstrumentedAttribute[str | None]) -> str:
    async with call.state.db.transaction() as session:
        row = await find_remediation(session, call.principal, remediation_id)
        content = await session.scalar(select(column).where(RemediationRun.id == remediation_id))
    if content is None:
        if RemediationStatus(row.status).is_final:
            raise errors.Conflict("The remediation's result is being put together.")
        raise errors.Conflict(f"The remediation's result comes at its end: it is {row.status}.")
    return content


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}/patch",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="text/x-diff", description="for `git apply`; empty when nothing was kept")},
    problems=(errors.NotFound, errors.Conflict),
)
async def get_result(call: Call, remediation_id: uuid.UUID) -> Response:
    """All that was kept as one unified diff against what the run verified"""
    content = await _result(call, remediation_id, RemediationRun.patch)
    return Response(content.encode(), media_type="text/x-diff; charset=utf-8")


@operations.add(
    "GET",
    "/api/remediations/{remediation_id}/mailbox",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="application/mbox", description="for `git am --keep-cr`")},
    problems=(errors.NotFound, errors.Conflict),
)
async def get_mailbox(call: Call, remediation_id: uuid.UUID) -> Response:
    """All that was kept as one commit for each fix, with what, why, rule and proof"""
    content = await _result(call, remediation_id, RemediationRun.mailbox)
    return Response(content.encode(), media_type="application/mbox")


@operations.add(
    "POST",
    "/api/remediations/{remediation_id}/stop",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(RemediationView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def stop_remediation(call: Call, remediation_id: uuid.UUID, body: Decision) -> Response:
    """Have a remediation end at its next step

    What is proven by then is kept; what is not is taken back.
    """
    async with call.state.db.transaction() as session:
        row = await find_remediation(session, call.principal, remediation_id, access.WRITE, lock=True)
        if RemediationStatus(row.status).is_final:
            raise errors.Conflict(f"The remediation has ended: it is {row.status}.")
        who = actor(call.principal)
        await session.execute(
            update(RemediationRun)
            .where(RemediationRun.id == remediation_id, RemediationRun.stop_requested_at.is_(None))
            .values(stop_requested_at=func.clock_timestamp(), stop_requested_by=who)
        )
        await audit.write(session, Audited.STOP_REQUESTED, actor=who, remediation_id=remediation_id, reason=body.reason)
        await work_items.wake(session, Remediate(remediation_id))
        await call.audit(session, f"remediation:{remediation_id}", reason=body.reason)
        await session.refresh(row)
        (found,) = await lookup.views(session, [row])
    return json_response(found, 202)


@operations.add(
    "POST",
    "/api/remediations/{remediation_id}/rollback",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(RemediationView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def roll_back(call: Call, remediation_id: uuid.UUID, body: RollbackRequest) -> Response:
    """Take kept fixes back: some, an iteration's, or all

    What is built on them and no longer applies is taken back with them. The result is then put together anew.
    """
    async with call.state.db.transaction() as session:
        row = await find_remediation(session, call.principal, remediation_id, access.WRITE, lock=True)
        if not RemediationStatus(row.status).is_final:
            raise errors.Conflict(f"The remediation is {row.status}; stop it first.")
        kept = (
            await session.scalars(
                select(Fix).where(Fix.remediation_run_id == remediation_id, Fix.status == FixStatus.VERIFIED.value)
            )
        ).all()
        chosen = [
            fix
            for fix in kept
            if (body.fixes is None or fix.id in body.fixes)
            and (body.iteration is None or fix.iteration == body.iteration)
        ]
        if not chosen or (body.fixes is not None and len(chosen) < len(set(body.fixes))):
            raise errors.Conflict("Not all that is to be taken back is kept by this remediation.")
        who = actor(call.principal)
        for fix in chosen:
            fix.status, fix.outcome = FixStatus.REVERTED.value, f"Taken back by {who}: {body.reason}"
            if fix.pattern_id is not None:
                await weighing.weigh(session, fix.pattern_id, kept=False)
            of = {"remediation_id": remediation_id, "fix_id": fix.id}
            await audit.write(session, Audited.ROLLED_BACK, actor=who, **of, reason=body.reason)
        row.patch = row.mailbox = None
        if len(chosen) == len(kept):
            row.status, row.patch, row.mailbox, row.commits = RemediationStatus.ROLLED_BACK.value, "", "", []
            await work_items.wake(session, OpenPullRequest(str(remediation_id)))
        else:
            await work_items.wake(session, Remediate(remediation_id))
        await session.flush()
        await call.audit(session, f"remediation:{remediation_id}", reason=body.reason, fixes=len(chosen))
        told = {"remediation_id": str(remediation_id), "action": Audited.ROLLED_BACK.value, "fixes": len(chosen)}
        await events.append(session, row.run_id, "remediation", told)
        (found,) = await lookup.views(session, [row])
    return json_response(found, 202)
