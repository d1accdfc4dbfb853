"""Live progress over real connections: nothing missed, nothing doubled, resumable on any replica."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.auth import ALL_SCOPES, Principal
from api.runs import horizon, live
from invariant.postgres import Server
from tests.support import processes
from tests.support.app import resources, work
from tests.support.processes import TOKEN
from tests.worker.core.runs.test_lifecycle import new_run
from worker.core.runs import events
from worker.runtime.resources import Resources


async def sse(client: httpx.AsyncClient, run_id: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    found = []
    async with client.stream("GET", f"/api/runs/{run_id}/events", headers=headers or {}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                found.append(json.loads(line[5:]))
    return found


async def test_sse_tells_everything_and_resumes(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any]
) -> None:
    run_id = (await client.post("/api/runs", json=request_body)).json()["id"]
    following = asyncio.create_task(sse(client, run_id))
    await work(url, run_id)
    found = await asyncio.wait_for(following, timeout=30)
    assert [int(event["id"]) for event in found] == list(range(1, len(found) + 1))
    assert (found[0]["type"], found[1]["type"], found[-1]["type"]) == ("queued", "claimed", "completed")
    for last in (1, 4, len(found)):
        resumed = await sse(client, run_id, {"Last-Event-ID": str(last)})
        assert resumed == found[last:]
    assert (await client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": "x"})).status_code == 400


async def test_sockets_on_two_replicas(url: str, tmp_path: Path, request_body: dict[str, Any]) -> None:
    with processes.api(url, tmp_path) as (first, _), processes.api(url, tmp_path) as (second, _):
        there = str(second.base_url).replace("http", "ws")
        header = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(f"{there}/ws", additional_headers=header) as everything:
            run_id = (await asyncio.to_thread(first.post, "/api/runs", json=request_body)).json()["id"]
            async with connect(f"{there}/ws/{run_id}?token={TOKEN}") as own:
                await work(url, run_id)
                told = [json.loads(message) async for message in own]
            assert told[-1]["type"] == "completed"
            assert own.close_code == 1000
            all_told = [json.loads(await asyncio.wait_for(everything.recv(), 20)) for _ in told]
            assert [(e["run_id"], e["type"]) for e in all_told] == [(run_id, e["type"]) for e in told]
        after = all_told[2]["id"]
        async with connect(f"{there}/ws?after={after}", additional_headers=header) as resumed:
            again = [json.loads(await asyncio.wait_for(resumed.recv(), 20)) for _ in all_told[3:]]
        assert again == all_told[3:]
        async with connect(f"{there}/ws/{run_id}?after=3&token={TOKEN}") as own:
            assert [json.loads(message) async for message in own] == told[3:]
        for path, status in (
            ("/ws", 401),
            ("/ws?token=wrong", 401),
            (f"/ws/{uuid.uuid4()}?token={TOKEN}", 404),
            (f"/ws/x?token={TOKEN}", 404),
            (f"/ws?token={TOKEN}&after=x", 422),
            ("/health", 404),
            ("/anything/else", 404),
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(there + path):
                    pass
            assert refused.value.response.status_code == status


async def test_an_event_of_a_late_commit_is_not_lost(url: str) -> None:
    """Transactions that overlap commit in another order than they numbered their events."""
    async with resources(url) as found:
        runs = [await new_run(found) for _ in range(2)]
        hub = live.Hub()
        reader = live.Reader(Principal(None, ALL_SCOPES), lambda: pytest.fail("nobody has to be asked yet"))
        start = await live.position(found.db)
        seen: list[uuid.UUID] = []

        async def follow() -> None:
            async for event in live.follow_all(found.db, hub, reader, start):
                seen.append(event.run_id)
                if len(seen) == 2:
                    return

        following = asyncio.create_task(follow())
        async with found.db.transaction() as slow:
            await events.append(slow, runs[0], "step")
            async with found.db.transaction() as fast:
                await events.append(fast, runs[1], "step")
            hub.notify(str(runs[1]))
            async with found.db.transaction() as session:
                assert await session.scalar(text("SELECT count(*) FROM run_events WHERE type = 'step'")) == 1
        hub.notify(str(runs[0]))
        await asyncio.wait_for(following, timeout=20)
        assert set(seen) == set(runs)


async def followed(found: Resources, start: tuple[int, int], number: int, hub: live.Hub | None = None) -> list[str]:
    """Types of the next events of all runs."""
    seen = []
    reader = live.Reader(Principal(None, ALL_SCOPES), lambda: pytest.fail("nobody has to be asked yet"))
    async with asyncio.timeout(20):
        async for event in live.follow_all(found.db, hub or live.Hub(), reader, start):
            seen.append(event.type)
            if len(seen) == number:
                return seen
    return seen


async def following(hub: live.Hub, number: int) -> None:
    """Until so many streams stand where they begin."""
    async with asyncio.timeout(20):
        while hub.streams < number:
            await asyncio.sleep(0.01)


async def test_a_transaction_in_another_database_holds_no_stream_back(
    url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_POLL_SECONDS", 0.2)
    async with resources(url) as found:
        start = await live.position(found.db)
        with server.database(template=None) as elsewhere, psycopg.connect(elsewhere) as long:
            long.execute("CREATE TABLE t (n int)")
            run_id = await new_run(found)
            async with found.db.transaction() as session:
                await events.append(session, run_id, "step")
            assert await followed(found, start, 2) == ["queued", "step"]


async def test_an_open_transaction_of_the_same_database_is_waited_for(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        async with found.db.transaction() as slow:
            await events.append(slow, run_id, "step")
            own = await slow.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
            async with found.db.transaction() as fast:
                await fast.execute(text("SELECT pg_current_xact_id()"))
                assert await horizon.settled(found.db) == own
            assert await horizon.settled(found.db) == own
        assert await horizon.settled(found.db) > own


async def test_a_stream_goes_on_after_an_event_that_is_gone_and_on_a_database_that_rests(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_POLL_SECONDS", 0.2)
    async with resources(url) as found:
        run_id = await new_run(found)
        xact, _ = await live.position(found.db)
        cursors = [(xact, 0), (xact - 1, 4711), (10**12, 4711)]
        hub = live.Hub()
        waiting = [asyncio.create_task(followed(found, cursor, 1, hub)) for cursor in cursors]
        await following(hub, len(cursors))
        async with found.db.transaction() as session:
            await events.append(session, run_id, "step")
        assert await asyncio.gather(*waiting) == [["step"]] * 3


async def test_events_of_a_restored_database_are_not_new(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their transactions have the numbers of the database that they were written in."""
    monkeypatch.setattr(live, "_POLL_SECONDS", 0.2)
    async with resources(url) as found:
        run_id = await new_run(found)
        later = (await live.position(found.db))[0] + 20
        async with found.db.transaction() as session:
            restored = "UPDATE run_events SET xact = :later, created_at = now() - interval '2 hours'"
            await session.execute(text(restored), {"later": later})
        start = await live.position(found.db)
        # A cursor from before the restore stands where no transaction has been yet.
        before = (later + 100_000, 1)
        hub = live.Hub()
        waiting = [asyncio.create_task(followed(found, cursor, 1, hub)) for cursor in (start, before)]
        await following(hub, 2)
        for _ in range(30):
            async with found.db.transaction() as session:
                await session.execute(text("SELECT pg_current_xact_id()"))
        # Streams are in the order of transactions: an old event would be told before this one.
        async with found.db.transaction() as session:
            await events.append(session, run_id, "step")
        assert await asyncio.gather(*waiting) == [["step"], ["step"]]


async def test_a_stream_finds_the_end_without_any_notification(
    url: str, request_body: dict[str, Any], client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_POLL_SECONDS", 0.2)
    monkeypatch.setattr(live.Hub, "notify", lambda self, payload: None)
    run_id = (await client.post("/api/runs", json=request_body)).json()["id"]
    following = asyncio.create_task(sse(client, run_id))
    await work(url, run_id)
    assert (await asyncio.wait_for(following, timeout=30))[-1]["type"] == "completed"
