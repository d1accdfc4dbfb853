"""Fixes: look at one, and decide the one that waits for somebody."""

import uuid

from sqlalchemy import func
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from api.remediations import lookup
from api.remediations.lookup import actor, find_fix
from api.remediations.schemas import Decision, FixView
from worker.core.queue import work_items
from worker.core.queue.jobs import Remediate
from worker.core.remediation import audit, switch
from worker.core.remediation.audit import Audited
from worker.core.runs import events
from worker.core.vocabulary import FixAction, FixStatus, RemediationStatus, Scope

operations = Operations("remediations")

_DECIDED = {FixStatus.APPROVED: Audited.APPROVED, FixStatus.REJECTED: Audited.REJECTED}


@operations.add(
    "GET",
    "/api/fixes/{fix_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(FixView)},
    problems=(errors.NotFound,),
)
async def get_fix(call: Call, fix_id: uuid.UUID) -> Response:
    """Look at a fix, with its proof"""
    async with call.state.db.transaction() as session:
        fix, _ = await find_fix(session, call.principal, fix_id)
        return json_response(lookup.fix_view(fix))


@operations.add(
    "GET",
    "/api/fixes/{fix_id}/patch",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="text/x-diff", description="for `git apply`")},
    problems=(errors.NotFound,),
)
async def get_patch(call: Call, fix_id: uuid.UUID) -> Response:
    """The change as a unified diff, on top of the fixes before it"""
    async with call.state.db.transaction() as session:
        fix, _ = await find_fix(session, call.principal, fix_id)
        return Response(fix.patch.encode(), media_type="text/x-diff; charset=utf-8")


@operations.add(
    "POST",
    "/api/fixes/{fix_id}/approve",
    scope=Scope.REMEDIATION_APPROVE,
    answers={200: Answer(FixView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def approve_fix(call: Call, fix_id: uuid.UUID, body: Decision) -> Response:
    """Have a fix applied that waits for an approval

    It is kept only if it is proven afterwards.
    """
    return await _decide(call, fix_id, FixStatus.APPROVED, body.reason)


@operations.add(
    "POST",
    "/api/fixes/{fix_id}/reject",
    scope=Scope.REMEDIATION_APPROVE,
    answers={200: Answer(FixView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def reject_fix(call: Call, fix_id: uuid.UUID, body: Decision) -> Response:
    """Have a fix left alone"""
    return await _decide(call, fix_id, FixStatus.REJECTED, body.reason)


async def _decide(call: Call, fix_id: uuid.UUID, decision: FixStatus, reason: str) -> Response:
    """The last decision that is missing wakes the remediation, in the same transaction."""
    async with call.state.db.transaction() as session:
        fix, remediation = await find_fix(session, call.principal, fix_id, access.ADMIN, lock=True)
        who = actor(call.principal)
        if fix.status == decision.value:
            # Said twice is said once.
            return json_response(lookup.fix_view(fix))
        if RemediationStatus(remediation.status).is_final:
            raise errors.Conflict(f"The remediation has ended: it is {remediation.status}.")
        if fix.status != FixStatus.PROPOSED or fix.action != FixAction.CONFIRM:
            what = "is only a suggestion" if fix.action == FixAction.MANUAL else f"is {fix.status}"
            raise errors.Conflict(f"The fix waits for nobody's decision: it {what}.")
        engaged = await switch.engaged(session, call.state.settings)
        if engaged is not None and decision is FixStatus.APPROVED:
            raise errors.Conflict(f"Remediation is stopped: {engaged.reason} By {engaged.by}.")
        fix.status, fix.decided_by, fix.decided_at = decision.value, who, func.clock_timestamp()
        fix.outcome = f"{decision.value.capitalize()} by {who}: {reason}"
        await session.flush()
        await session.refresh(fix)
        await audit.write(
            session, _DECIDED[decision], actor=who, remediation_id=remediation.id, fix_id=fix_id, reason=reason
        )
        await call.audit(session, f"fix:{fix_id}", reason=reason)
        told = {"remediation_id": str(remediation.id), "fix_id": str(fix_id), "action": decision.value, "by": who}
        await events.append(session, remediation.run_id, "remediation", told)
        ready = not await lookup.waiting(session, remediation.id)
        if ready and remediation.status == RemediationStatus.AWAITING_APPROVAL:
            remediation.status = RemediationStatus.QUEUED.value
            await work_items.wake(session, Remediate(remediation.id))
        return json_response(lookup.fix_view(fix))
