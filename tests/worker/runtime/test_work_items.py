"""Work items: the fence, the lease, retries, and what the reaper mends."""

import asyncio
import uuid
from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import new_run
from worker import reaper
from worker.core.queue.jobs import DeliverCallback
from worker.core.queue.work_items import add, add_recurring, due
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.runtime.work_items import Item

KIND = DeliverCallback.NAME


async def owed(found: Resources) -> str:
    job = DeliverCallback(uuid.uuid4())
    async with found.db.transaction() as session:
        await add(session, job)
        await add(session, job)
    return job.subject


async def row(found: Resources, subject: str) -> Any:
    async with found.db.transaction() as session:
        return (await session.execute(text("SELECT * FROM work_items WHERE subject = :s"), {"s": subject})).one()


async def waiting_jobs(found: Resources) -> int:
    async with found.db.transaction() as session:
        return int(await session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")) or 0)


async def set_(found: Resources, subject: str, what: str) -> None:
    async with found.db.transaction() as session:
        await session.execute(text(f"UPDATE work_items SET {what} WHERE subject = :s"), {"s": subject})


async def nothing(item: Item) -> None:
    pass


async def test_it_is_done_once_whoever_asks(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)
        done: list[Item] = []

        async def do(item: Item) -> None:
            done.append(item)
            await asyncio.sleep(0.05)

        ended = await asyncio.gather(*(work_items.perform(found, KIND, subject, do) for _ in range(8)))
        assert sorted(ended) == ["done"] + ["nothing to do"] * 7
        assert len(done) == 1
        assert await work_items.perform(found, KIND, subject, do) == "nothing to do"
        assert (await row(found, subject)).finished_at is not None


async def test_a_failure_is_tried_again_later_and_given_up_in_the_end(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)

        async def fails(item: Item) -> None:
            raise ValueError("the receiver is away")

        for failures in (1, 2):
            assert "the receiver is away" in await work_items.perform(
                found, KIND, subject, fails, max_failures=3, backoff=1000
            )
            item = await row(found, subject)
            assert (item.status, item.failures, item.error) == ("queued", failures, "ValueError: the receiver is away")
            assert await work_items.perform(found, KIND, subject, nothing) == "nothing to do"
            await set_(found, subject, "not_before = clock_timestamp()")
        # Each try that is to come has a job that will deliver it.
        assert await waiting_jobs(found) == 4
        with pytest.raises(work_items.GaveUp, match=r"3 attempts\. ValueError: the receiver is away"):
            await work_items.perform(found, KIND, subject, fails, max_failures=3, backoff=1000)
        assert (await row(found, subject)).status == "failed"


async def test_of_a_zombie_nothing_is_written(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)
        for _ in range(100):
            async with found.db.single_statement() as connection:
                zombie = await work_items.claim(connection, KIND, subject, holder="zombie", seconds=30)
            assert zombie is not None
            await set_(found, subject, "lease_until = clock_timestamp() - interval '1 s'")
            async with found.db.single_statement() as connection:
                holder = await work_items.claim(connection, KIND, subject, holder="other", seconds=30)
            assert holder is not None
            assert holder.attempt == zombie.attempt + 1
            before = await row(found, subject)
            async with found.db.transaction() as session:
                assert not await work_items.end(session, zombie, status="done", failures=0)
            assert await row(found, subject) == before
            async with found.db.transaction() as session:
                assert await work_items.end(session, holder, status="queued", failures=0)


@pytest.mark.parametrize("how", ["its worker died", "its job was lost"])
async def test_the_reaper_gives_it_a_fresh_job(url: str, how: str) -> None:
    async with resources(url, CVA_LEASE_SECONDS=2) as found:
        subject = await owed(found)
        async with found.db.transaction() as session:
            await session.execute(text("DELETE FROM procrastinate_jobs"))
        if how == "its worker died":
            async with found.db.single_statement() as connection:
                assert await work_items.claim(connection, KIND, subject, holder="dead", seconds=30)
            assert await reaper.reap_once(found) == 0
            await set_(found, subject, "lease_until = clock_timestamp() - interval '1 s'")
        else:
            assert await reaper.reap_once(found) == 0
            await set_(found, subject, "created_at = clock_timestamp() - interval '3 s'")
        assert await reaper.reap_once(found) == 1
        assert await reaper.reap_once(found) == 0
        assert await waiting_jobs(found) == 1
        assert await work_items.perform(found, KIND, subject, nothing) == "done"


async def test_the_reaper_looks_through_no_tickets_of_runs_for_the_jobs_of_items(url: str) -> None:
    """Of 1,200 overdue callbacks and a million tickets each pair was compared, for half a minute."""
    async with resources(url, CVA_LEASE_SECONDS=2) as found:
        delivered = await owed(found)
        await set_(found, delivered, "created_at = clock_timestamp() - interval '3 s'")
        async with found.db.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) SELECT 'verification',"
                    " 'verification.verify_run', jsonb_build_object('run_id', gen_random_uuid()), 'todo'"
                    " FROM generate_series(1, 100000)"
                )
            )
            await session.execute(
                text(
                    "INSERT INTO work_items (kind, subject, created_at) SELECT :kind, gen_random_uuid()::text,"
                    " clock_timestamp() - interval '1 h' FROM generate_series(1, 600)"
                ),
                {"kind": KIND},
            )
        async with found.db.transaction() as session:
            await session.execute(text("SET LOCAL statement_timeout = '3s'"))
            reaped = await work_items.reap(session, patience=2, batch=600)
        assert len(reaped) == 600
        assert (KIND, delivered) not in reaped


async def test_the_reaper_mends_runs_while_items_cannot_be_mended(url: str) -> None:
    with capture_logs() as entries:
        async with resources(url, CVA_LEASE_SECONDS=2, CVA_REAP_SECONDS=0.1) as found:
            await _mended(found, entries)


async def _mended(found: Resources, entries: Sequence[MutableMapping[str, Any]]) -> None:
    await new_run(found)
    async with found.db.transaction() as session:
        await session.execute(text("DELETE FROM procrastinate_jobs"))
        await session.execute(text("UPDATE runs SET created_at = created_at - interval '1 h'"))
        await session.execute(text("ALTER TABLE work_items RENAME TO hidden"))
    reaping = asyncio.create_task(reaper.reap_forever(found))
    try:
        async with asyncio.timeout(10):
            while await waiting_jobs(found) == 0 or not any(entry.get("at") == "items" for entry in entries):
                await asyncio.sleep(0.05)
    finally:
        reaping.cancel()
        await asyncio.gather(reaping, return_exceptions=True)


async def test_a_drain_hands_it_back_unspent(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)
        begun = asyncio.Event()

        async def long(item: Item) -> None:
            begun.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(work_items.perform(found, KIND, subject, long))
        await begun.wait()
        found.controls.drain()
        assert await asyncio.wait_for(task, 10) == "the worker was stopped"
        item = await row(found, subject)
        assert (item.status, item.failures) == ("queued", 0)
        assert await waiting_jobs(found) == 3


async def test_a_recurring_item_comes_due_again(url: str) -> None:
    async with resources(url) as found:
        async with found.db.transaction() as session:
            await add_recurring(session, "chore", ["a", "b"])
            await add_recurring(session, "chore", ["a", "b"])
            assert await due(session, "chore", ["a", "b"]) in ("a", "b")
        assert await work_items.perform(found, "chore", "a", nothing, again=lambda: 60) == "queued"
        assert await work_items.perform(found, "chore", "b", nothing, again=lambda: 0) == "queued"
        async with found.db.transaction() as session:
            assert await due(session, "chore", ["a", "b"]) == "b"
        assert await work_items.perform(found, "chore", "a", nothing, again=lambda: 60) == "nothing to do"


async def test_an_item_whose_worker_dies_each_time_is_given_up(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)
        await set_(found, subject, "failures = 3")
        with pytest.raises(work_items.GaveUp, match="disappeared 3 times"):
            await work_items.perform(found, KIND, subject, nothing, max_failures=3)
        assert (await row(found, subject)).status == "failed"


async def test_a_job_from_before_there_were_items_is_done_all_the_same(url: str) -> None:
    async with resources(url) as found:
        subject = str(uuid.uuid4())
        assert await work_items.perform(found, KIND, subject, nothing) == "nothing to do"
        await work_items.expect(found, KIND, subject)
        await work_items.expect(found, KIND, subject)
        assert await work_items.perform(found, KIND, subject, nothing) == "done"


async def test_it_comes_before_any_run(url: str) -> None:
    async with resources(url) as found:
        await new_run(found)
        await owed(found)
        async with found.db.transaction() as session:
            order = await session.scalars(text("SELECT task_name FROM procrastinate_jobs ORDER BY priority DESC, id"))
            assert order.first() == KIND


async def test_a_statement_that_takes_too_long_is_a_failure_and_no_outage(url: str) -> None:
    async with resources(url) as found:
        subject = await owed(found)

        async def slow(item: Item) -> None:
            async with found.db.transaction() as session:
                await session.execute(text("SET LOCAL statement_timeout = 20"))
                await session.execute(text("SELECT pg_sleep(5)"))

        assert "QueryCanceled" in await work_items.perform(found, KIND, subject, slow)
        item = await row(found, subject)
        assert (item.status, item.failures) == ("queued", 1)
