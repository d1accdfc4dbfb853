"""A worker's own health, over real HTTP."""

import time

import httpx
import pytest

from worker import health
from worker.health import Vitals


def get(port: int | None, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}")


def test_it_is_red_while_it_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    vitals = Vitals()
    with health.served(vitals, 0) as port:
        assert get(port, "/ready").json() == {"ready": False, "reason": health.STARTING, "containment": None}
        assert get(port, "/health").status_code == 200
        vitals.problem = None
        assert get(port, "/ready?deep=1").status_code == 200
        assert "invariant_worker_ready 1.0" in get(port, "/metrics").text
        assert get(port, "/other").status_code == 404
        # Time goes on, and the event loop gives no sign of life.
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 20)
        assert get(port, "/health").status_code == 503
        assert get(port, "/ready").json()["reason"] == "the event loop hangs"
        vitals.beat()
        assert get(port, "/ready").status_code == 200


def test_without_a_port_nothing_is_served() -> None:
    with health.served(Vitals(), None) as port:
        assert port is None


def test_a_port_that_is_taken_is_told_of() -> None:
    with health.served(Vitals(), 0) as port, pytest.raises(OSError, match="in use"), health.served(Vitals(), port):
        pass
