"""The kill switch over HTTP."""

from sqlalchemy import func, select, update
from starlette.responses import Response

from api.http.routing import Answer, Call, Operations, json_response
from api.remediations.lookup import actor
from api.remediations.schemas import SwitchRequest, SwitchView
from api.state import State
from worker.core.models import KillSwitch, RemediationRun
from worker.core.queue import work_items
from worker.core.queue.jobs import Remediate
from worker.core.remediation import audit
from worker.core.remediation.audit import Audited
from worker.core.vocabulary import UNFINISHED_REMEDIATIONS, Scope

operations = Operations("remediations")

_PATH = "/api/remediations/kill-switch"


@operations.add("GET", _PATH, scope=Scope.RUNS_READ, answers={200: Answer(SwitchView)})
async def get_switch(call: Call) -> Response:
    """Whether remediation is stopped, why, and by whom"""
    async with call.state.db.transaction() as session:
        return json_response(_view(call.state, await session.get(KillSwitch, 1)))


@operations.add("PUT", _PATH, scope=Scope.ADMIN, answers={200: Answer(SwitchView)})
async def put_switch(call: Call, body: SwitchRequest) -> Response:
    """Stop every remediation at its next step, or allow them again

    Those that are under way are aborted; they do not go on when it is released.
    """
    who = actor(call.principal)
    async with call.state.db.transaction() as session:
        await session.execute(
            update(KillSwitch).values(
                engaged=body.engaged, reason=body.reason, changed_by=who, changed_at=func.clock_timestamp()
            )
        )
        await audit.write(session, Audited.KILL_SWITCH, actor=who, engaged=body.engaged, reason=body.reason)
        await call.audit(session, None, engaged=body.engaged, reason=body.reason)
        found = _view(call.state, await session.get(KillSwitch, 1, populate_existing=True))
    if body.engaged:
        # The switch holds already: these only hear of it sooner.
        async with call.state.db.transaction() as session:
            unfinished = select(RemediationRun.id).where(RemediationRun.status.in_(UNFINISHED_REMEDIATIONS))
            for remediation_id in await session.scalars(unfinished):
                await work_items.wake(session, Remediate(remediation_id))
    return json_response(found)


def _view(state: State, row: KillSwitch | None) -> SwitchView:
    variable = state.settings.remediation_stopped
    if row is None:
        reason = "The kill switch is missing from the database."
        return SwitchView(engaged=True, variable=variable, reason=reason, changed_by=None, changed_at=None)
    return SwitchView(
        engaged=row.engaged,
        variable=variable,
        reason=row.reason,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
