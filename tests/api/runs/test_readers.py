"""Streams end when who reads them may not any more, and say so."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.runs import live
from tests.support.access import GIVEN, OWNER, READER, SOMEBODY, World, bearer, service
from tests.support.app import served


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield World(connection)


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """An api that asks again after a moment, not a minute."""
    monkeypatch.setattr(live, "ASK_SECONDS", 0.2)
    monkeypatch.setattr(live, "_POLL_SECONDS", 0.1)
    with served(url, **GIVEN) as found:
        yield found


def opened(client: httpx.Client, path: str, headers: dict[str, str]) -> ClientConnection:
    return connect(f"{str(client.base_url).replace('http', 'ws')}{path}", additional_headers=headers)


def close_code(socket: ClientConnection) -> int:
    """How it was closed, whatever was sent before."""
    try:
        while True:
            socket.recv(20)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return closed.rcvd.code


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()"])
def test_a_socket_ends_with_its_token(client: httpx.Client, world: World, end: str) -> None:
    run_id = world.run(status="queued")
    token_id, token = world.token(OWNER, "runs:read")
    with opened(client, f"/ws/{run_id}", bearer(token)) as one, opened(client, f"/ws?token={token}", {}) as all_:
        assert json.loads(one.recv(20))["run_id"] == str(run_id)
        world.connection.execute(f"UPDATE api_tokens SET {end} WHERE id = %s", [token_id])
        assert close_code(one) == 4401
        assert close_code(all_) == 4401


def test_a_socket_of_a_run_ends_with_the_membership(client: httpx.Client, world: World) -> None:
    run_id = world.run(SOMEBODY, repo=world.repository, status="queued")
    with opened(client, f"/ws/{run_id}", service(READER)) as socket:
        socket.recv(20)
        client.delete(
            f"/api/repositories/{world.repository}/members", params={"user": READER}, headers=service()
        ).raise_for_status()
        assert close_code(socket) == 4404


def test_the_socket_of_all_runs_tells_nothing_more_after_the_membership(client: httpx.Client, world: World) -> None:
    with opened(client, "/ws", service(READER)) as socket:
        before = world.run(SOMEBODY, repo=world.repository)
        assert json.loads(socket.recv(20))["run_id"] == str(before)
        world.connection.execute("DELETE FROM repo_members WHERE user_name = %s", [READER])
        world.run(SOMEBODY, repo=world.repository)
        own = world.run(READER)
        assert json.loads(socket.recv(20))["run_id"] == str(own)


def test_server_sent_events_end_with_their_token(client: httpx.Client, world: World) -> None:
    run_id = world.run(status="queued")
    token_id, token = world.token(OWNER, "runs:read")
    told: list[dict[str, Any]] = []
    begun = threading.Event()

    def follow() -> None:
        with client.stream("GET", f"/api/runs/{run_id}/events", headers=bearer(token)) as answer:
            kind = ""
            for line in answer.iter_lines():
                if line.startswith("event:"):
                    kind = line.split(": ")[1]
                elif line.startswith("data:"):
                    told.append({"event": kind, **json.loads(line[5:])})
                    begun.set()

    following = threading.Thread(target=follow)
    following.start()
    assert begun.wait(20)
    world.connection.execute("UPDATE api_tokens SET revoked_at = now() WHERE id = %s", [token_id])
    following.join(20)
    assert not following.is_alive()
    assert [item["event"] for item in told] == ["step", "closed"]
    assert (told[-1]["status"], told[-1]["type"]) == (401, "urn:invariant:problem:unauthenticated")
