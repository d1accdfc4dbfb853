"""The api that asks for no token, and those who should not reach it."""

import socket
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.__main__ import OPEN_TO_THE_NETWORK, listen
from api.app import TOKEN_TOO_SHORT, create_app
from invariant.stack import free_port
from tests.support import app, processes
from tests.support.app import settings

OTHERS = [
    "evil.example",
    "evil.example:8001",
    "169.254.1.1",
    "10.0.0.1:80",
    "localhost.evil.example",
    "[fe80::1]",
    "[::",
]
OURS = ["localhost", "localhost:8001", "LOCALHOST.", "127.0.0.1:1", "127.1.2.3", "[::1]:8001", "a.localhost"]


@pytest.mark.parametrize("host", OTHERS)
async def test_a_name_that_leads_here_is_not_ours(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/health", "/api/runs", "/docs"):
        answer = await client.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "CVA_API_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("host", OURS)
async def test_the_names_of_this_machine_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/api/runs", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", "http://[::"]
)
async def test_a_page_from_elsewhere_is_refused(client: httpx.AsyncClient, origin: str) -> None:
    body = {"source": {"kind": "path", "path": "/etc"}, "constitution": "- Code MUST NOT call eval().\n"}
    assert (await client.post("/api/runs", json=body, headers={"Origin": origin})).status_code == 403
    assert (await client.get("/api/runs", headers={"Origin": "http://localhost:3000"})).status_code == 200


async def test_a_page_that_the_settings_name_is_answered(url: str) -> None:
    async with app.client(url, CVA_CORS_ORIGINS="https://ui.example") as client:
        assert (await client.get("/api/runs", headers={"Origin": "https://ui.example"})).status_code == 200
        assert (await client.get("/api/runs", headers={"Origin": "https://evil.example"})).status_code == 403


async def test_with_a_token_any_name_will_do(url: str) -> None:
    async with app.client(url, CVA_API_TOKEN="a-token") as client:
        headers = {"Host": "api.example", "Origin": "https://ui.example", "X-API-Token": "a-token"}
        assert (await client.get("/api/runs", headers=headers)).status_code == 200


def addresses(**given: str) -> set[str]:
    listeners = listen(settings(PORT="0", **given))
    try:
        return {listener.getsockname()[0] for listener in listeners}
    finally:
        for listener in listeners:
            listener.close()


def test_without_a_token_loopback_alone_is_listened_on() -> None:
    assert addresses() <= {"127.0.0.1", "::1"}
    assert addresses(HOST="127.0.0.1") == {"127.0.0.1"}
    assert addresses(CVA_API_TOKEN="t") <= {"::", "0.0.0.0"}
    assert addresses(CVA_API_TOKEN="t", HOST="0.0.0.0") == {"0.0.0.0"}
    for host in ("0.0.0.0", "::", "192.168.0.1"):
        with pytest.raises(RuntimeError, match="loopback alone"):
            addresses(HOST=host)


def test_a_process_without_a_token_is_deaf_to_strangers(url: str, tmp_path: Path) -> None:
    port = free_port()
    with processes.process("api", processes.environment(url, PORT=str(port)), tmp_path) as api:
        api.wait_for("Application startup complete")
        assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
        address = next((a[4][0] for a in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)), "127.0.0.1")
        if not str(address).startswith("127."):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((str(address), port), timeout=5)
        with connect(f"ws://127.0.0.1:{port}/ws", origin="http://localhost:3000"):
            pass
        for headers, origin in (({"Host": "evil.example"}, None), ({}, "https://evil.example")):
            with (
                pytest.raises(InvalidStatus) as refused,
                connect(f"ws://127.0.0.1:{port}/ws", additional_headers=headers, origin=origin),
            ):
                pass
            assert refused.value.response.status_code in (400, 403)
    with processes.process("api", processes.environment(url, PORT=str(port), HOST="0.0.0.0"), tmp_path, "open") as api:
        assert api.popen.wait(30) == 1
        assert OPEN_TO_THE_NETWORK in api.log


def test_a_short_token_does_not_start_in_production() -> None:
    given = {"CVA_PRODUCTION": "true", "DATABASE_URL": "postgresql://x/y"}
    with pytest.raises(RuntimeError, match="at least 32 characters"):
        create_app(settings(**given, CVA_API_TOKEN="x" * 31))
    create_app(settings(**given, CVA_API_TOKEN="x" * 32))
    assert "openssl rand" in TOKEN_TOO_SHORT


async def test_strangers_learn_whether_it_is_ready_and_nothing_else(url: str) -> None:
    async with app.client(url, CVA_API_TOKEN="a-token") as client:
        known = {"X-API-Token": "a-token"}
        assert (await client.get("/ready")).json() == {"ready": True, "code": "ready"}
        assert (await client.get("/ready", headers={"X-API-Token": "wrong"})).json() == {"ready": True, "code": "ready"}
        assert (await client.get("/ready", headers=known)).json()["checks"]["database"] == "ok"
    gone = "postgresql://postgres@127.0.0.1:1/secret-name"
    async with app.client(gone, CVA_API_TOKEN="a-token") as client:
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "code": "unavailable"})
        told = (await client.get("/ready", headers=known)).json()
        assert told["checks"]["database"].startswith("does not answer")
