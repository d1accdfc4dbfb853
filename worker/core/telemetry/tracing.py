"""Traces from an HTTP request to the calls of models, by OpenTelemetry: https://opentelemetry.io/docs/specs/otel/.

They go where OTEL_EXPORTER_OTLP_ENDPOINT says; without it, or without the extra `otel`, all of this does nothing.
Between api and worker a trace travels as a W3C traceparent in the run's row (https://www.w3.org/TR/trace-context/).
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from worker.core.telemetry import logs
from worker.core.version import VERSION

log = logs.get(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer: list[Any] = []


def configure(service: str) -> None:
    """Send this process's traces, if the environment says where to. OpenTelemetry's own variables say the rest."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces are sent: install the extra with `pip install 'invariant-cva[otel]'`")
        return
    named = Resource.create({"service.name": f"invariant-{service}", "service.version": VERSION})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _tracer[:] = [provider.get_tracer("invariant", VERSION)]


class Span:
    """What a block may still say of itself while it runs."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def name(self, name: str) -> None:
        if self._inner is not None:
            self._inner.update_name(name)

    def note(self, **attributes: str | int | float | bool | None) -> None:
        """Attributes with dots for double underscores: `http__route` is `http.route`. None is left out."""
        if self._inner is not None:
            for key, value in attributes.items():
                if value is not None:
                    self._inner.set_attribute(key.replace("__", "."), value)


_NONE = Span()


@contextlib.contextmanager
def span(
    name: str, *, kind: str = "INTERNAL", parent: str | None = None, **attributes: str | int | float | bool | None
) -> Iterator[Span]:
    """A span around the block, below `parent` (a traceparent) or the span that is open here."""
    if not _tracer:
        yield _NONE
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    above = extract({"traceparent": parent}) if parent else None
    with _tracer[0].start_as_current_span(name, context=above, kind=SpanKind[kind]) as inner:
        found = Span(inner)
        found.note(**attributes)
        yield found


def current() -> str | None:
    """The open span as a traceparent; None where nothing is traced."""
    if not _tracer:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
