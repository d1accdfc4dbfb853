"""Live progress over SSE and WebSocket. See live.py for how nothing is missed."""

import asyncio
import contextlib
import json
import re  # noqa: TID251  linear: from the beginning, digits
import uuid
from collections.abc import AsyncIterator

from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth import authenticate
from api.http import errors
from api.http.routing import Answer, Call, Operations
from api.runs.endpoints import find
from api.runs.live import LiveEvent, follow_all, follow_run, position
from api.state import State
from worker.core.vocabulary import Scope

operations = Operations("runs")

_PING_SECONDS = 15
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
    """Live progress as server-sent events, until the run has ended"""
    last = call.request.headers.get("last-event-id")
    if last is not None and not _NUMBER.match(last):
        raise errors.MalformedRequest("Last-Event-ID must be the id of an event of this run.")
    async with call.state.db.transaction() as session:
        await find(session, run_id)
    after = max(query.after, int(last or 0))

    async def stream() -> AsyncIterator[ServerSentEvent]:
        async for event in follow_run(call.state.db, call.state.hub, run_id, after):
            yield ServerSentEvent(id=event.cursor, event=event.type, data=json.dumps(event.view()))

    return EventSourceResponse(stream(), ping=_PING_SECONDS, headers={"X-Accel-Buffering": "no"})


async def _opened(websocket: WebSocket) -> State | None:
    """The state, once the caller is known; otherwise the refusal has been sent."""
    state: State = websocket.app.state.invariant
    try:
        principal = await authenticate(websocket, settings=state.settings, db=state.db, in_query=True)
        principal.require(Scope.RUNS_READ)
    except errors.Problem as problem:
        await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))
        return None
    return state


async def _send(websocket: WebSocket, events: AsyncIterator[LiveEvent]) -> None:
    """Send until the events end or the other side goes; what it says is not listened to."""

    async def drain() -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive()

    async def pump() -> None:
        async for event in events:
            await websocket.send_json(event.view())
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
    state = await _opened(websocket)
    if state is None:
        return
    after = websocket.query_params.get("after", "0")
    try:
        run_id = uuid.UUID(websocket.path_params["run_id"])
        if not _NUMBER.match(after):
            raise errors.InvalidRequest("query/after: must be the id of an event of this run")
        async with state.db.transaction() as session:
            await find(session, run_id)
    except (errors.Problem, ValueError) as error:
        problem = error if isinstance(error, errors.Problem) else errors.NotFound("That is not the id of a run.")
        await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))
        return
    await websocket.accept()
    await _send(websocket, follow_run(state.db, state.hub, run_id, int(after)))


async def all_socket(websocket: WebSocket) -> None:
    """WS /ws?after=: the events of all runs, from now or after an event's id."""
    state = await _opened(websocket)
    if state is None:
        return
    after = websocket.query_params.get("after")
    match = _POSITION.match(after) if after is not None else None
    if after is not None and match is None:
        problem = errors.InvalidRequest("query/after: must be the id of an event of this stream")
        await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))
        return
    start = (int(match[1]), int(match[2])) if match else await position(state.db)
    await websocket.accept()
    await _send(websocket, follow_all(state.db, state.hub, start))


async def no_socket(websocket: WebSocket) -> None:
    """Every other path."""
    problem = errors.NotFound("There is no WebSocket at this path.")
    await websocket.send_denial_response(problem.response(websocket.scope["state"]["request_id"]))


sockets = [
    WebSocketRoute("/ws", all_socket),
    WebSocketRoute("/ws/{run_id}", run_socket),
    WebSocketRoute("/{path:path}", no_socket),
]
