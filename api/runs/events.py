"""Live progress over SSE and WebSocket. See live.py for how nothing is missed."""

import asyncio
import contextlib
import json
import re  # noqa: TID251  linear: from the beginning, digits
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import access
from api.auth import Principal, authenticate
from api.http import errors
from api.http.admission import admit
from api.http.routing import Answer, Call, Operations
from api.runs.live import LiveEvent, Reader, follow_all, follow_run, position
from api.state import State
from worker.core.db.database import is_unavailable
from worker.core.vocabulary import Scope

operations = Operations("runs")

_PING_SECONDS = 15
# Close codes of our own begin here (RFC 6455, section 7.4.2); a reason is at most so long (section 5.5).
_REFUSED = 4000
_REASON_BYTES = 120
_NUMBER = re.compile(r"^\d{1,9}$")
_POSITION = re.compile(r"^(\d{1,18})-(\d{1,18})$")


class EventQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=2**31 - 1, description="resume after this event; Last-Event-ID does the same")


@operations.add(
    "GET",
    "/api/runs/{run_id}/events",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="text/event-stream")},
    problems=(errors.NotFound,),
    headers={"Last-Event-ID": "resume after this event"},
)
async def run_events(call: Call, run_id: uuid.UUID, query: EventQuery) -> Response:
    """Live progress as server-sent events, until the run has ended

    Every minute it is asked whether the token is still alive. When the stream may not go on, the event `closed` says
    why, as problem details.
    """
    last = call.request.headers.get("last-event-id")
    if last is not None and not _NUMBER.match(last):
        raise errors.MalformedRequest("Last-Event-ID must be the id of an event of this run.")
    async with call.state.db.transaction() as session:
        await access.find_run(session, call.principal, run_id)
    after = max(query.after, int(last or 0))
    state = call.state

    async def again() -> Principal:
        return await authenticate(call.request, settings=state.settings, db=state.db)

    async def stream() -> AsyncIterator[ServerSentEvent]:
        try:
            async for event in follow_run(state.db, state.hub, Reader(call.principal, again), run_id, after):
                yield ServerSentEvent(id=event.cursor, event=event.type, data=json.dumps(event.view()))
        except errors.Problem as problem:
            yield ServerSentEvent(event="closed", data=problem.view(call.request_id).model_dump_json(exclude_none=True))

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(call.state.limits.streams.open(call.principal))
        return _Stream(stream(), stack.pop_all())


class _Stream(EventSourceResponse):
    """Server-sent events; `held` is given back when they end, in whatever way."""

    def __init__(self, events: AsyncIterator[ServerSentEvent], held: contextlib.AsyncExitStack) -> None:
        super().__init__(events, ping=_PING_SECONDS, headers={"X-Accel-Buffering": "no"})
        self._held = held

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


@dataclass(frozen=True)
class _Opened:
    """A socket whose caller is known."""

    state: State
    principal: Principal
    reader: Reader


@contextlib.asynccontextmanager
async def _opened(websocket: WebSocket) -> AsyncIterator[_Opened | None]:
    """What a socket needs, once the caller is known and may have one stream more; otherwise the refusal has been
    sent."""
    state: State = websocket.app.state.invariant

    async def who() -> Principal:
        return await authenticate(websocket, settings=state.settings, db=state.db, in_query=True)

    async with contextlib.AsyncExitStack() as stack:
        refusal: errors.Problem | None = None
        try:
            principal = await admit(websocket, state, Scope.RUNS_READ, in_query=True)
            await stack.enter_async_context(state.limits.streams.open(principal))
        except errors.Problem as problem:
            refusal = problem
        except Exception as error:
            if not is_unavailable(error):
                raise
            refusal = errors.Unavailable("The database cannot be reached. Try again shortly.")
        if refusal is not None:
            await websocket.send_denial_response(refusal.response(websocket.scope["state"]["request_id"]))
            yield None
            return
        yield _Opened(state, principal, Reader(principal, who))


async def _send(websocket: WebSocket, events: AsyncIterator[LiveEvent]) -> None:
    """Send until the events end or the other side goes; what it says is not listened to.

    The close code is 4000 and the problem's status when the reader may not read on: 4401 when the token has ended,
    4404 when the run is not there for them any more.
    """

    async def drain() -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive()

    async def pump() -> None:
        try:
            async for event in events:
                await websocket.send_json(event.view())
        except errors.Problem as problem:
            await websocket.close(_REFUSED + problem.status, problem.detail[:_REASON_BYTES])
        else:
            await websocket.close()

    pumping, draining = asyncio.create_task(pump()), asyncio.create_task(drain())
    try:
        await asyncio.wait({pumping, draining}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pumping, draining):
            task.cancel()
        results = await asyncio.gather(pumping, draining, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | RuntimeError):
            raise result


async def run_socket(websocket: WebSocket) -> None:
    """WS /ws/{run_id}?after=: one run's events, until it has ended."""
    async with _opened(websocket) as opened:
        if opened is not None:
            await _follow_run(websocket, opened)


async def _follow_run(websocket: WebSocket, opened: _Opened) -> None:
    state = opened.state
    after = websocket.query_params.get("after", "0")
    try:
        run_id = uuid.UUID(websocket.path_params["run_id"])
        if not _NUMBER.match(after):
            raise errors.InvalidRequest("query/after: must be the id of an event of this run")
        async with state.db.transaction() as session:
            await access.find_run(session, opened.principal, run_id)
    except (errors.Problem, ValueError) as error:
        problem = error if isinstance(error, errors.Problem) else errors.NotFound("That is not the id of a run.")
        await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))
        return
    await websocket.accept()
    await _send(websocket, follow_run(state.db, state.hub, opened.reader, run_id, int(after)))


async def all_socket(websocket: WebSocket) -> None:
    """WS /ws?after=: the events of all runs that one may see, from now or after an event's id."""
    async with _opened(websocket) as opened:
        if opened is not None:
            await _follow_all(websocket, opened)


async def _follow_all(websocket: WebSocket, opened: _Opened) -> None:
    state = opened.state
    after = websocket.query_params.get("after")
    match = _POSITION.match(after) if after is not None else None
    if after is not None and match is None:
        problem = errors.InvalidRequest("query/after: must be the id of an event of this stream")
        await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))
        return
    start = (int(match[1]), int(match[2])) if match else await position(state.db)
    await websocket.accept()
    await _send(websocket, follow_all(state.db, state.hub, opened.reader, start))


async def no_socket(websocket: WebSocket) -> None:
    """Every other path."""
    problem = errors.NotFound("There is no WebSocket at this path.")
    await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))


sockets = [
    WebSocketRoute("/ws", all_socket),
    WebSocketRoute("/ws/{run_id}", run_socket),
    WebSocketRoute("/{path:path}", no_socket),
]
