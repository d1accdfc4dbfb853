"""A worker's own health over HTTP: /health, /ready and /metrics on CVA_WORKER_PORT.

It is served from a thread, so that an event loop that hangs is told of and does not hang the answer.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

_SILENT_SECONDS = 15.0
STARTING = "it is starting"


@dataclass
class Vitals:
    """What the supervisor knows of the worker. `problem` says why it cannot work now, None when it can. `containment`
    says which walls stand around what reads repositories, None until that is proven."""

    problem: str | None = STARTING
    containment: dict[str, object] | None = None
    _beat: float = field(default_factory=time.monotonic)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.holding = Gauge("invariant_worker_holding", "Runs and work items at work", registry=self.registry)
        self.rebuilds = Counter("invariant_worker_rebuilds_total", "Times it was rebuilt", registry=self.registry)
        ready = Gauge("invariant_worker_ready", "1 while it can work", registry=self.registry)
        ready.set_function(lambda: float(self.problem is None and self.alive))

    def beat(self) -> None:
        """The event loop turns."""
        self._beat = time.monotonic()

    @property
    def alive(self) -> bool:
        return time.monotonic() - self._beat < _SILENT_SECONDS


def _answer(vitals: Vitals, path: str) -> tuple[int, str, bytes]:
    """Status, media type and body."""
    alive = vitals.alive
    match path:
        case "/health":
            told: dict[str, object] = {"status": "ok" if alive else "the event loop hangs"}
            status = 200 if alive else 503
        case "/ready":
            problem = vitals.problem if alive else "the event loop hangs"
            told = {"ready": problem is None, "reason": problem, "containment": vitals.containment}
            status = 200 if problem is None else 503
        case "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(vitals.registry)
        case _:
            told, status = {"status": "there are /health, /ready and /metrics"}, 404
    return status, "application/json", json.dumps(told).encode()


@contextlib.contextmanager
def served(vitals: Vitals, port: int | None) -> Iterator[int | None]:
    """Serve on every IPv4 address for as long as the block lasts; gives the port, which 0 leaves to the system.

    Nothing is served without a port. Raises OSError when it is taken.
    """
    if port is None:
        yield None
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, media_type, body = _answer(vitals, self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is no news."""

    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104  a platform's probe comes from outside
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
