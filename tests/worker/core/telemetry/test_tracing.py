"""One trace from the request over the worker to the calls of models, sent to a real collector over HTTP."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.chaos.test_short import until_done
from tests.support import processes, provider
from tests.support.processes import eventually
from tests.support.provider import CONSTITUTION, FILES
from worker.core.telemetry import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Collector:
    url: str = ""
    spans: list[tuple[str, Any]] = field(default_factory=list)

    def named(self, name: str) -> list[tuple[str, Any]]:
        """(service, span) of those of the trace."""
        return [(who, s) for who, s in self.spans if s.name == name and s.trace_id.hex() == TRACE]


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    found.spans += [(names["service.name"], span) for span in scope.spans]
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()


def test_one_trace_from_the_request_to_the_models(url: str, tmp_path: Path, collector: Collector) -> None:
    traced = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    script = provider.judging(provider.honest)
    with (
        provider.running(script) as server,
        processes.api(url, tmp_path, **traced) as (client, _),
        processes.worker(url, tmp_path, **traced, **provider.settings(server)) as worker,
    ):
        body = {"source": {"kind": "files", "files": FILES}, "constitution": CONSTITUTION}
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        run_id = client.post("/api/runs", json=body, headers=headers).json()["id"]
        assert until_done(client, run_id)["status"] == "completed"
        eventually(lambda: collector.named("verify run"), 20, lambda: worker.log)
        eventually(lambda: len(collector.named("model call")) == len(server.requests), 20, lambda: worker.log)
    ((api, request),) = collector.named("POST /api/runs")
    ((who, attempt),) = collector.named("verify run")
    assert (api, who) == ("invariant-api", "invariant-worker")
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert attempt.parent_span_id == request.span_id
    assert {a.key: a.value for a in attempt.attributes}["run_id"].string_value == run_id
    for _, call in collector.named("model call"):
        assert call.parent_span_id == attempt.span_id
        known = {a.key: a.value for a in call.attributes}
        assert known["gen_ai.usage.input_tokens"].int_value > 0
        assert known["role"].string_value in ("extraction", "architect", "security", "user_proxy")


def test_without_an_endpoint_nothing_is_traced() -> None:
    tracing.configure("test")
    assert tracing.current() is None
    with tracing.span("anything", parent="00-x", number=1) as span:
        span.name("other")
        span.note(more=True)
        assert tracing.current() is None
