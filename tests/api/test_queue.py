"""What an operator sees of the queue, and does with it."""

import asyncio
import itertools
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api import queue
from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import column, new_run
from worker import tasks
from worker.core.queue import jobs
from worker.core.queue.jobs import DeliverCallback
from worker.core.queue.work_items import add
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.supervisor import Supervisor


async def sql(found: Resources, statement: str, **values: Any) -> Any:
    async with found.db.transaction() as session:
        result = await session.execute(text(statement), values)
        return result.all() if result.returns_rows else None


async def is_done(found: Resources, job: DeliverCallback) -> bool:
    async with found.db.transaction() as session:
        status = await session.scalar(text("SELECT status FROM work_items WHERE subject = :s"), {"s": job.subject})
    return bool(status == "done")


async def test_how_much_waits_and_for_how_long(client: httpx.AsyncClient, url: str) -> None:
    async with resources(url) as found:
        for _ in range(3):
            await new_run(found)
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '60 s'")
        await sql(found, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 h' WHERE id = 3")
        await sql(found, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 h')")
    seen = (await client.get("/api/queue")).json()
    assert (seen["runs_queued"], seen["runs_running"], seen["workers"], seen["silent_workers"]) == (3, 0, 1, 1)
    by_name = {queue["name"]: queue for queue in seen["queues"]}
    assert set(by_name) == set(jobs.QUEUES)
    verification = by_name["verification"]
    assert (verification["waiting"], verification["scheduled"], verification["paused"]) == (2, 1, False)
    assert 59 < verification["oldest_seconds"] < 90
    assert by_name["monitoring"]["oldest_seconds"] is None


async def test_jobs_are_listed_in_pages(client: httpx.AsyncClient, url: str) -> None:
    async with resources(url) as found:
        ids = [str(await new_run(found)) for _ in range(5)]
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/api/jobs", params={"limit": 2, "status": "todo", **cursor})).json()
        listed += [job["arguments"]["run_id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert listed == ids[::-1]
    assert (await client.get("/api/jobs", params={"queue": "monitoring"})).json()["items"] == []
    assert (await client.get("/api/jobs", params={"status": "lost"})).status_code == 422


async def test_jobs_of_several_queues_and_statuses_come_newest_first(client: httpx.AsyncClient, url: str) -> None:
    async with resources(url) as found:
        for queue, status in itertools.product(("verification", "monitoring"), ("todo", "doing", "failed")):
            await sql(
                found,
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                f" SELECT '{queue}', 't', '{status}' FROM generate_series(1, 3)",
            )
        everything = [
            (row.id, row.queue_name, row.status)
            for row in await sql(
                found, "SELECT id, queue_name, status::text AS status FROM procrastinate_jobs ORDER BY id DESC"
            )
        ]
    for queue, status in itertools.product((None, "verification", "monitoring"), (None, "todo", "failed", "cancelled")):
        asked = {name: value for name, value in (("queue", queue), ("status", status)) if value}
        expected = [id_ for id_, of, is_ in everything if queue in (None, of) and status in (None, is_)]
        listed: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            answer = (await client.get("/api/jobs", params={**asked, "limit": 4, **cursor})).json()
            listed += [job["id"] for job in answer["items"]]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        assert listed == expected, asked


async def test_what_is_many_is_counted_up_to_a_bound(
    client: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "COUNT_CAP", 3)
    async with resources(url) as found:
        for _ in range(5):
            await new_run(found)
    overview = (await client.get("/api/queue")).json()
    assert overview["runs_queued"] == 3
    assert [one["waiting"] for one in overview["queues"]] == [0, 0, 0, 0, 3]


async def test_a_callback_that_was_given_up_begins_anew(client: httpx.AsyncClient, url: str) -> None:
    job = DeliverCallback(uuid.uuid4())
    async with resources(url) as found:
        async with found.db.transaction() as session:
            await add(session, job)
        await sql(found, "UPDATE work_items SET status = 'failed', failures = 8, finished_at = now()")
        (listed,) = (await client.get("/api/jobs")).json()["items"]
        assert (await client.post(f"/api/jobs/{listed['id']}/retry")).status_code == 409
        await sql(found, "UPDATE procrastinate_jobs SET status = 'doing'")
        await sql(found, "UPDATE procrastinate_jobs SET status = 'failed'")
        again = await client.post(f"/api/jobs/{listed['id']}/retry")
        assert (again.status_code, again.json()["status"]) == (200, "todo")

        async def deliver(item: work_items.Item) -> None:
            assert item.failures == 0

        assert await work_items.perform(found, job.NAME, job.subject, deliver) == "done"
    for unknown in (999, 0, 1 << 70):
        assert (await client.post(f"/api/jobs/{unknown}/retry")).status_code == 404


async def test_a_paused_queue_is_left_alone_until_it_is_resumed(client: httpx.AsyncClient, url: str) -> None:
    assert tasks.__all__
    assert (await client.post("/api/queue/nowhere/pause")).status_code == 404
    assert (await client.post("/api/queue/verification/pause")).json() == {"queue": "verification", "paused": True}
    assert (await client.post("/api/queue/verification/pause")).status_code == 200
    async with resources(url, CVA_DRAIN_SECONDS=0) as found:
        keeper = Supervisor(found, jobs.QUEUES)
        serving = asyncio.create_task(keeper.run())
        async with asyncio.timeout(20):
            while keeper._paused != {"verification"}:
                await asyncio.sleep(0.02)
        run_id = await new_run(found)
        # A job that came later, on the other queue, is done: the worker looked, and left this one where it was.
        later = DeliverCallback(uuid.uuid4())
        async with found.db.transaction() as session:
            await add(session, later)
        async with asyncio.timeout(20):
            while not await is_done(found, later):
                await asyncio.sleep(0.02)
        assert await column(found, run_id, "attempt") == 0
        assert [q["paused"] for q in (await client.get("/api/queue")).json()["queues"]] == [
            False,
            False,
            False,
            False,
            True,
        ]
        assert (await client.post("/api/queue/verification/resume")).json()["paused"] is False
        async with asyncio.timeout(20):
            while await column(found, run_id, "finished_at") is None:
                await asyncio.sleep(0.02)
        keeper.stop()
        await asyncio.wait_for(serving, timeout=30)
