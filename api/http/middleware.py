"""What happens around every request: an id, a bounded body, a log line, and an answer whatever fails."""

import re  # noqa: TID251  linear: from the beginning, one run of one class
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import errors
from api.metrics import Metrics
from worker.core.db.database import is_unavailable
from worker.core.ids import new_id
from worker.core.settings import Settings
from worker.core.telemetry import logs, tracing

log = logs.get("api")

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:/+=@-]{1,128}$")
UPLOADS = "/api/uploads"


class RequestContext:
    """The outermost layer: request id, log line, metrics, and problems for everything that is raised."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        # One look at the raw list for all that is asked of it below.
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.match(given) else str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
                return
            parent = headers.get(b"traceparent", b"").decode("latin-1") or None
            with tracing.span(scope["method"], kind="SERVER", parent=parent, request_id=request_id) as span:
                await self._http(scope, receive, send, request_id=request_id, body=_Body(headers), span=span)

    async def _http(
        self, scope: Scope, receive: Receive, send: Send, *, request_id: str, body: "_Body", span: tracing.Span
    ) -> None:
        began = time.perf_counter()
        status = 0
        logged = False

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
                for name, value in scope["state"].get("limits", {}).items():
                    headers.setdefault(name, value)
                if not body.whole:
                    # The rest of the body is not waited for, nor what may come after it.
                    headers["Connection"] = "close"
                self._measure(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, self._bounded(scope, receive, body), answer)
        except Exception as error:
            if status:
                log.exception("the answer broke off")
                raise
            problem = _problem_of(error)
            if isinstance(problem, errors.InternalError):
                log.exception("request failed")
            # Who floods the api shall not flood its log.
            logged = isinstance(problem, errors.TooManyRequests) and problem.logged
            # It would hold this frame, which holds it: work for the collector, of which a flood makes much.
            problem.__traceback__ = None
            await problem.response(request_id)(scope, receive, answer)
        finally:
            if not logged:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round((time.perf_counter() - began) * 1000, 1),
                )
            route = getattr(scope.get("route"), "path", None)
            span.name(f"{scope['method']} {route or 'unmatched'}")
            span.note(http__route=route, http__response__status_code=status or None)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if route != "unmatched" else "any"
        self.metrics.requests.labels(method, route, status).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)

    def _bounded(self, scope: Scope, receive: Receive, body: "_Body") -> Receive:
        """`receive` that counts what arrives and raises BodyTooLarge, whatever Content-Length says."""
        is_upload = scope["path"] == UPLOADS
        limit = self.settings.max_upload_bytes if is_upload else self.settings.max_body_bytes
        name = "CVA_MAX_UPLOAD_BYTES" if is_upload else "CVA_MAX_BODY_BYTES"
        received = 0

        async def bounded() -> Message:
            nonlocal received
            if body.declared > limit:
                raise errors.BodyTooLarge(f"The body may have at most {limit} bytes ({name}).")
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                body.whole = not message.get("more_body", False)
                if received > limit:
                    raise errors.BodyTooLarge(f"The body may have at most {limit} bytes ({name}).")
            return message

        return bounded


class _Body:
    """`declared` bytes by Content-Length; `whole` once all has arrived, which without a body it has."""

    def __init__(self, headers: dict[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"0")
        self.declared = int(length) if length.isdigit() else 0
        self.whole = self.declared == 0 and b"transfer-encoding" not in headers


def _problem_of(error: Exception) -> errors.Problem:
    if isinstance(error, errors.Problem):
        return error
    if is_unavailable(error):
        log.warning("database unavailable", error=str(error).split("\n")[0])
        return errors.Unavailable("The database cannot be reached. Try again shortly.")
    return errors.InternalError("An unexpected error happened. Its details are in the log under the request's id.")
