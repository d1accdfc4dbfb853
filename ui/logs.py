"""structlog: one line for each request, with its id; no address's query, no body, no header."""

import logging
import sys
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.settings import Settings
from ui.timing import Timer

log = structlog.get_logger("ui")

_HEADER = b"x-request-id"
# Asked for every few seconds, or with every page.
_QUIET = ("/health", "/assets/")


def configure(settings: Settings) -> None:
    """JSON lines in production, readable ones otherwise."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.json_logs
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*chain, renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain, processors=[remove, renderer]))
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(settings.log_level)
    for noisy in ("httpx", "httpcore", "authlib"):
        logging.getLogger(noisy).setLevel("WARNING")


class Requests:
    """Gives each request an id, which the api's log has too, and logs how it ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        timer = Timer()
        status = 500

        async def noticed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                timing = (b"server-timing", timer.header().encode())
                message["headers"] = [*message.get("headers", ()), (_HEADER, request_id.encode()), timing]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, noticed)
            finally:
                if not scope["path"].startswith(_QUIET):
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"][:200],
                        status=status,
                        ms=round(timer.milliseconds, 1),
                    )
