"""Callbacks: what was sent to whom, once more, and a test."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, false, or_, select, true
from starlette.responses import Response

from api import access
from api.auth import Principal
from api.http import errors
from api.http.pagination import Page, PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.models import Callback
from worker.core.monitoring import callbacks
from worker.core.monitoring.repository import HTTP_URL, Notice
from worker.core.queue import work_items
from worker.core.queue.jobs import SendCallback
from worker.core.untrusted import urls
from worker.core.vocabulary import CallbackFormat, CallbackStatus, Scope

operations = Operations("callbacks")


class CallbackTest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(pattern=HTTP_URL, max_length=2048)]
    format: CallbackFormat = CallbackFormat.JSON


class CallbackQuery(PageQuery):
    run_id: uuid.UUID | None = None
    status: CallbackStatus | None = None


class CallbackView(BaseModel):
    """One message to one address. `answered`: the HTTP status of the last attempt, null without an answer."""

    id: uuid.UUID
    event: str
    run_id: uuid.UUID | None
    remediation_id: uuid.UUID | None
    url: str
    format: CallbackFormat
    body: dict[str, Any]
    status: CallbackStatus
    attempts: int
    answered: int | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class CallbackList(Page[CallbackView]):
    """Callbacks, newest first."""


def _theirs(principal: Principal) -> ColumnElement[bool]:
    """As the run that it tells of: its repository's writers', or who asked for it. An address may be a secret."""
    if principal.is_admin:
        return true()
    if principal.name is None:
        return false()
    own = and_(Callback.repo_id.is_(None), Callback.created_by == principal.name)
    return or_(own, Callback.repo_id.in_(access.memberships(principal, access.WRITE)))


def _view(row: Callback) -> CallbackView:
    values = {name: getattr(row, name) for name in CallbackView.model_fields if name != "remediation_id"}
    return CallbackView(remediation_id=row.remediation_run_id, **values)


@operations.add("GET", "/api/callbacks", scope=Scope.RUNS_READ, answers={200: Answer(CallbackList)})
async def list_callbacks(call: Call, query: CallbackQuery) -> Response:
    """What was sent to whom, and how it went

    A repository's messages and their addresses are its writers' to see: an address may be a secret.
    """
    wanted = select(Callback).where(_theirs(call.principal))
    if query.run_id is not None:
        wanted = wanted.where(Callback.run_id == query.run_id)
    if query.status is not None:
        wanted = wanted.where(Callback.status == query.status.value)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, Callback.created_at, Callback.id)
    return json_response(CallbackList(items=[_view(row) for row in rows], next_cursor=cursor))


@operations.add(
    "POST",
    "/api/callbacks/{callback_id}/replay",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(CallbackView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def replay_callback(call: Call, callback_id: uuid.UUID) -> Response:
    """Send a message once more

    It is the same message, with the same `webhook-id`.
    """
    async with call.state.db.transaction() as session:
        query = select(Callback).where(Callback.id == callback_id, _theirs(call.principal))
        row = (await session.execute(query.with_for_update())).scalar_one_or_none()
        if row is None:
            raise errors.NotFound(f"There is no callback {callback_id}.")
        if row.status == CallbackStatus.WAITING:
            raise errors.Conflict("The callback is being delivered already.")
        refused = _refused(call, row.url)
        if refused is not None:
            raise errors.Conflict(f"The callback's address is not called: {refused}")
        row.status, row.ended_at, row.error = CallbackStatus.WAITING.value, None, None
        await session.flush()
        await work_items.wake(session, SendCallback(str(callback_id)))
        await call.audit(session, f"callback:{callback_id}")
        return json_response(_view(row), 202)


@operations.add(
    "POST",
    "/api/callbacks/test",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(CallbackView)},
)
async def check_callback(call: Call, body: CallbackTest) -> Response:
    """Send a test message to an address

    `GET /api/callbacks` says how it went. An address that is not called, such as a private one, is refused at once.
    """
    notice = Notice(url=body.url, format=body.format)
    async with call.state.db.transaction() as session:
        told = {"event": callbacks.TEST, "by": call.principal.name}
        callback_id = await callbacks.add(
            session, callbacks.TEST, notice, told, created_by=call.principal.name, refused=_refused(call, body.url)
        )
        assert callback_id is not None
        await call.audit(session, f"callback:{callback_id}")
        return json_response(_view(await session.get_one(Callback, callback_id)), 202)


def _refused(call: Call, url: str) -> str | None:
    """Why this deployment does not call the address."""
    try:
        urls.check_url(url, production=call.state.settings.deployed)
    except urls.AddressRejected as error:
        return str(error)
    return None
