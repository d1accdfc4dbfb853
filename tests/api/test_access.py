"""One user's doings do not reach another's: over real HTTP, with what the worker makes of it."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.access import ADMIN, GIVEN, GUEST, OWNER, READER, STRANGER, WRITER, World, service
from tests.support.app import served, work
from tests.support.git import repository

EVAL = {"a.py": "def f(text):\n    return eval(text)\n"}
CONSTITUTION = "- Code MUST NOT call `eval()`.\n"


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with served(url, **GIVEN) as found:
        yield found


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield World(connection)


def start(client: httpx.Client, user: str | None, **body: Any) -> str:
    body = {"source": {"kind": "files", "files": EVAL}, "constitution": CONSTITUTION, **body}
    answer = client.post("/api/runs", json=body, headers=service(user))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def verified(client: httpx.Client, url: str, user: str | None, **body: Any) -> tuple[str, str]:
    """A run's id, and its verdict."""
    run_id = start(client, user, **body)
    return run_id, asyncio.run(work(url, run_id))


def verdict_of(client: httpx.Client, run_id: str) -> Any:
    return client.get(f"/api/runs/{run_id}/verdict", headers=service()).raise_for_status().json()


def accept(client: httpx.Client, run_id: str, user: str | None) -> int:
    key = verdict_of(client, run_id)["criteria"][0]["key"]
    body = {"subject": "criterion", "key": key, "mark": "accepted"}
    return client.post(f"/api/runs/{run_id}/feedback", json=body, headers=service(user)).status_code


def test_what_one_user_accepts_changes_nobody_elses_verdict(client: httpx.Client, url: str) -> None:
    run_id, verdict = verified(client, url, STRANGER)
    assert verdict == "FAIL"
    assert accept(client, run_id, STRANGER) == 201
    again, verdict = verified(client, url, STRANGER)
    assert verdict == "PASS"
    for other in (OWNER, None):
        assert verified(client, url, other)[1] == "FAIL"
    (accepted,) = verdict_of(client, again)["run"]["accepted"]
    assert accepted["by"] == STRANGER
    report = client.get(f"/api/runs/{again}/report", headers=service()).text
    assert f"| Code MUST NOT call `eval()`. | `a.py:2` | `{STRANGER}` | {accepted['at'][:10]} " in report


def test_what_the_service_accepts_is_said_to_be_the_services(client: httpx.Client, url: str) -> None:
    run_id, _ = verified(client, url, None)
    assert accept(client, run_id, None) == 201
    again, verdict = verified(client, url, None)
    assert verdict == "PASS"
    assert "| `a.py:2` | the service |" in client.get(f"/api/runs/{again}/report", headers=service()).text
    assert verified(client, url, STRANGER)[1] == "FAIL"


def connect(client: httpx.Client, user: str, folder: Path) -> str:
    body = {"clone_url": str(folder), "full_name": "acme/shop"}
    made = client.post("/api/repositories", json=body, headers=service(user))
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    client.put(f"{place}/constitution", json={"content": CONSTITUTION}, headers=service(user)).raise_for_status()
    for member, role in ((READER, "read"), (WRITER, "write")):
        client.put(f"{place}/members", json={"user": member, "role": role}, headers=service(user)).raise_for_status()
    return str(made.json()["id"])


def of_repository(repository_id: str) -> dict[str, Any]:
    return {"source": {"kind": "repository", "repository_id": repository_id}, "constitution": None}


def test_who_may_write_accepts_for_the_repository_at_its_address(
    client: httpx.Client, url: str, tmp_path: Path
) -> None:
    """Two hosts may both have an acme/shop, and two people may have connected the same one."""
    here, there = tmp_path / "here", tmp_path / "there"
    repository(here, EVAL)
    repository(there, EVAL)
    shop = connect(client, OWNER, here)
    strangers = connect(client, STRANGER, here)
    run_id, verdict = verified(client, url, WRITER, **of_repository(shop))
    assert verdict == "FAIL"
    assert [accept(client, run_id, who) for who in (STRANGER, READER, WRITER)] == [404, 403, 201]
    again, verdict = verified(client, url, OWNER, **of_repository(shop))
    assert verdict == "PASS"
    assert verdict_of(client, again)["run"]["accepted"][0]["by"] == WRITER
    assert verified(client, url, STRANGER, **of_repository(strangers))[1] == "FAIL"
    git = {"source": {"kind": "git", "url": str(here)}}
    assert verified(client, url, WRITER, **git)[1] == "FAIL"
    client.patch(f"/api/repositories/{shop}", json={"clone_url": str(there)}, headers=service(OWNER)).raise_for_status()
    assert verified(client, url, OWNER, **of_repository(shop))[1] == "FAIL"


def test_the_run_before_is_ones_own(client: httpx.Client, url: str, tmp_path: Path) -> None:
    # A repository's full name is what runs of it share; a local one has none, so it is connected.
    repository(tmp_path / "r", EVAL)
    shop, strangers = (connect(client, who, tmp_path / "r") for who in (OWNER, STRANGER))
    first, _ = verified(client, url, OWNER, **of_repository(shop))
    foreign, _ = verified(client, url, STRANGER, **of_repository(strangers))
    second, _ = verified(client, url, WRITER, **of_repository(shop))
    assert verdict_of(client, foreign)["run"]["previous"] is None
    assert verdict_of(client, second)["run"]["previous"]["run_id"] == first


def test_a_constitution_is_its_senders(client: httpx.Client, world: World) -> None:
    """The same text of two users is two constitutions: who knows the one's id has not got the other's."""
    del world
    ids = []
    for user in (OWNER, STRANGER, OWNER):
        run = client.get(f"/api/runs/{start(client, user)}", headers=service(user)).json()
        ids.append(run["constitution_version_id"])
    assert ids[0] == ids[2] != ids[1]
    body = {"source": {"kind": "files", "files": EVAL}, "constitution_version_id": ids[0]}
    for user, status in ((OWNER, 202), (STRANGER, 404), (None, 202)):
        assert client.post("/api/runs", json=body, headers=service(user)).status_code == status


def test_a_key_is_its_users(client: httpx.Client) -> None:
    body = {"source": {"kind": "files", "files": EVAL}, "constitution": CONSTITUTION}
    made = [
        client.post("/api/runs", json=body, headers={**service(user), "Idempotency-Key": "1"}).json()["id"]
        for user in (OWNER, STRANGER, None, OWNER)
    ]
    assert made[0] == made[3]
    assert len(set(made)) == 3


def test_a_key_gives_no_run_that_is_not_there_any_more(client: httpx.Client, world: World) -> None:
    body = {"source": {"kind": "repository", "repository_id": str(world.repository)}}
    headers = {**service(WRITER), "Idempotency-Key": "1"}
    assert client.post("/api/runs", json=body, headers=headers).status_code == 202
    world.connection.execute("DELETE FROM repo_members WHERE user_name = %s", [WRITER])
    assert client.post("/api/runs", json=body, headers=headers).status_code == 404


def test_pages_hold_all_of_ones_runs_once(client: httpx.Client, world: World) -> None:
    second = world.connect()
    mine = []
    for place in range(24):
        owner, repo = ((READER, None), ("zoe", world.repository), ("zoe", second), ("zoe", None))[place % 4]
        run_id = world.run(owner, repo=repo)
        if place % 4 != 3:
            mine.append(str(run_id))
    for limit in (1, 5, 50):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get("/api/runs", params={"limit": limit, **cursor}, headers=service(READER)).json()
            found += [run["id"] for run in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == mine[::-1]
    listed = client.get("/api/runs", params={"status": "queued"}, headers=service(READER)).json()
    assert listed["items"] == []


def test_a_repository_keeps_an_admin(client: httpx.Client, world: World) -> None:
    place = f"/api/repositories/{world.repository}/members"
    assert client.delete(place, params={"user": ADMIN}, headers=service(OWNER)).status_code == 204
    for who in (OWNER, None):
        assert client.delete(place, params={"user": OWNER}, headers=service(who)).status_code == 409
        demoted = client.put(place, json={"user": OWNER, "role": "read"}, headers=service(who))
        assert demoted.status_code == 409
    assert client.put(place, json={"user": WRITER, "role": "admin"}, headers=service(OWNER)).status_code == 200
    assert client.delete(place, params={"user": OWNER}, headers=service(WRITER)).status_code == 204
    assert client.get(place, headers=service(OWNER)).status_code == 404
    members = client.get(place, headers=service(READER)).json()["items"]
    assert [(item["user"], item["role"]) for item in members] == [(GUEST, "read"), (READER, "read"), (WRITER, "admin")]
    assert client.delete(place, params={"user": "nobody"}, headers=service(WRITER)).status_code == 404
    for user in ("", "a b", "ä", "x" * 129):
        assert client.put(place, json={"user": user, "role": "read"}, headers=service(WRITER)).status_code == 422


def test_a_member_may_leave(client: httpx.Client, world: World) -> None:
    place = f"/api/repositories/{world.repository}/members"
    assert client.delete(place, params={"user": GUEST}, headers=service(READER)).status_code == 403
    assert client.delete(place, params={"user": GUEST}, headers=service(GUEST)).status_code == 204
    assert client.get(place, headers=service(GUEST)).status_code == 404


def test_a_name_that_somebody_else_has_connected_is_free(client: httpx.Client) -> None:
    body = {"clone_url": "https://github.com/acme/shop"}
    statuses = [
        client.post("/api/repositories", json=body, headers=service(user)).status_code
        for user in (OWNER, STRANGER, OWNER, None, None)
    ]
    assert statuses == [201, 201, 409, 201, 409]


def test_runs_of_a_removed_repository_are_who_made_thems(client: httpx.Client, world: World) -> None:
    run_id = world.run(WRITER, repo=world.repository)
    path = f"/api/runs/{run_id}"
    assert client.get(path, headers=service(READER)).status_code == 200
    client.delete(f"/api/repositories/{world.repository}", headers=service(OWNER)).raise_for_status()
    assert [client.get(path, headers=service(user)).status_code for user in (READER, OWNER, WRITER)] == [404, 404, 200]


def test_what_is_not_there_and_what_is_not_ones_own_are_told_alike(client: httpx.Client, world: World) -> None:
    for there, nowhere in (
        (f"/api/runs/{world.run()}", f"/api/runs/{uuid.uuid4()}"),
        (f"/api/repositories/{world.repository}", f"/api/repositories/{uuid.uuid4()}"),
        (f"/api/tokens/{world.token(OWNER, 'runs:read')[0]}", f"/api/tokens/{uuid.uuid4()}"),
    ):
        told = [
            client.request("DELETE", path, headers=service(STRANGER)).json()["detail"].replace(path.split("/")[-1], "…")
            for path in (there, nowhere)
        ]
        assert told[0] == told[1]


def test_a_retry_calls_nobody_else_back(client: httpx.Client, world: World) -> None:
    """Who made the run may be a member no more, and the verdict is told to whom it calls."""
    run_id = world.run(WRITER, repo=world.repository)
    place = "https://example.com/of-will"
    world.connection.execute("UPDATE runs SET callback_url = %s WHERE id = %s", [place, run_id])
    called = {
        user: client.post(f"/api/runs/{run_id}/retry", headers=service(user)).json()["callback_url"]
        for user in (WRITER, ADMIN, None)
    }
    assert called == {WRITER: place, ADMIN: None, None: None}
