"""When a stream looks: soon after each step, without being told of it."""

import asyncio
import uuid

import psycopg
import pytest

from api.auth import ALL_SCOPES, Principal
from api.runs import live
from api.runs.hub import Hub
from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import new_run
from worker.core.runs import events, lifecycle
from worker.core.vocabulary import RunStatus
from worker.runtime.resources import Resources

ADMIN = Principal(None, ALL_SCOPES)


async def _admin() -> Principal:
    return ADMIN


async def step(found: Resources, run_id: uuid.UUID) -> None:
    async with found.db.transaction() as session:
        await events.append(session, run_id, "step")


async def test_streams_hear_of_a_step_within_a_second_and_nobody_else_does(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_POLL_SECONDS", 60.0)
    hub = Hub()
    async with resources(url) as found, await psycopg.AsyncConnection.connect(url, autocommit=True) as listener:
        await listener.execute(f"LISTEN {events.CHANNEL}")
        run_id, other = await new_run(found), await new_run(found)
        looking = asyncio.create_task(hub.look_forever(found.db))
        own = live.follow_run(found.db, hub, live.Reader(ADMIN, _admin), run_id, 0)
        everything = live.follow_all(found.db, hub, live.Reader(ADMIN, _admin), await live.position(found.db))
        first, anything = (asyncio.create_task(anext(stream)) for stream in (own, everything))
        try:
            for _ in range(3):
                # Both have read what was there, and wait.
                await asyncio.sleep(0.6)
                await step(found, other)
                await step(found, run_id)
                async with asyncio.timeout(2):
                    assert (await first).run_id == run_id
                    assert {(await anything).run_id, (await anext(everything)).run_id} == {run_id, other}
                first, anything = asyncio.create_task(anext(own)), asyncio.create_task(anext(everything))
            assert [notice async for notice in listener.notifies(timeout=0.2)] == []
            # The end is told.
            claim = await lifecycle_claim(found, run_id)
            async with found.db.transaction() as session:
                assert await lifecycle.finish(session, claim, status=RunStatus.CANCELLED)
            notices = [notice.payload async for notice in listener.notifies(timeout=2, stop_after=1)]
            assert notices == [str(run_id)]
        finally:
            for task in (looking, first, anything):
                task.cancel()
            await asyncio.gather(looking, first, anything, return_exceptions=True)
            await own.aclose()
            await everything.aclose()
        assert hub.streams == 0


async def test_an_event_that_another_transaction_held_back_is_not_late(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_POLL_SECONDS", 60.0)
    hub = Hub()
    async with resources(url) as found:
        slow, fast = await new_run(found), await new_run(found)
        looking = asyncio.create_task(hub.look_forever(found.db))
        stream = live.follow_all(found.db, hub, live.Reader(ADMIN, _admin), await live.position(found.db))
        try:
            for before in (False, True):
                told = asyncio.create_task(anext(stream))
                await asyncio.sleep(0.6)
                if before:
                    await step(found, fast)
                async with found.db.transaction() as session:
                    await events.append(session, slow, "step")
                    await step(found, fast)
                    await asyncio.sleep(1.0)
                committed = asyncio.get_running_loop().time()
                heard = [(await told).run_id] + [(await anext(stream)).run_id for _ in range(1 + before)]
                assert sorted(heard) == sorted([slow, fast] + [fast] * before)
                assert asyncio.get_running_loop().time() - committed < 2.5
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def lifecycle_claim(found: Resources, run_id: uuid.UUID) -> lifecycle.Claim:
    async with found.db.transaction() as session:
        claim = await lifecycle.claim(session, run_id, holder="x", lease=30)
    assert claim is not None
    return claim


async def test_the_hub_goes_on_after_the_database_was_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, looks = Hub(), 0

    async def look(self: Hub, _: object) -> None:
        nonlocal looks
        looks += 1
        raise ConnectionError if looks == 1 else ValueError

    monkeypatch.setattr(Hub, "_look", look)
    async with resources(url) as found:
        looking = asyncio.create_task(hub.look_forever(found.db))
        with hub.subscribe(None):
            async with asyncio.timeout(5):
                while looks < 3:
                    await asyncio.sleep(0.05)
        assert not looking.done()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
