"""The supervisor, with a real procrastinate worker on a real database."""

import asyncio

import pytest
from sqlalchemy import text

from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import column, jobs, new_run
from worker import supervisor, tasks
from worker.core.queue import jobs as contract
from worker.runtime.resources import Resources
from worker.supervisor import Supervisor
from worker.verification import attempt


async def workers(found: Resources) -> int:
    async with found.db.transaction() as session:
        return int(await session.scalar(text("SELECT count(*) FROM procrastinate_workers")) or 0)


async def until(condition: object, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_a_worker_that_is_retired_while_it_opens_never_serves(url: str) -> None:
    assert tasks.__all__
    async with resources(url) as found:
        keeper = Supervisor(found, contract.QUEUES)
        service = keeper._start()
        keeper._retire(service)
        await asyncio.wait_for(service.task, timeout=20)
        assert await workers(found) == 0
        assert not keeper._retired


@pytest.mark.parametrize("how", ["forgotten", "cut off"])
async def test_a_worker_that_was_lost_is_rebuilt(url: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PROBE_SECONDS", 0.3)
    async with resources(url, CVA_DRAIN_SECONDS=1, CVA_REAP_SECONDS=0.5) as found:
        keeper = Supervisor(found, contract.QUEUES)
        serving = asyncio.create_task(keeper.run())

        async def one_worker() -> bool:
            return await workers(found) == 1

        await until(one_worker)
        async with found.db.transaction() as session:
            if how == "forgotten":
                await session.execute(text("DELETE FROM procrastinate_workers"))
            else:
                await session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND application_name LIKE 'invariant-worker%'"
                    )
                )
        run_id = await new_run(found)

        async def ended() -> bool:
            return await column(found, run_id, "finished_at") is not None

        await until(ended, 40)
        assert await column(found, run_id, "error_code") == "source_not_found"
        keeper.stop()
        await asyncio.wait_for(serving, timeout=30)
        assert found.controls.holding == 0


async def test_a_job_that_comes_during_the_drain_is_left_to_others(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        found.controls.drain()
        assert await attempt.verify_run(run_id, found) == "left to another worker"
        assert await column(found, run_id, "attempt") == 0
        assert await jobs(found, run_id) == 2


async def test_a_rebuilt_worker_takes_no_more_runs_than_the_process_may(url: str) -> None:
    """Its slots came on top of what the worker before it had at work: with a concurrency of 1 there were 4."""
    async with resources(url, CVA_WORKER_CONCURRENCY=1) as found:
        run_id = await new_run(found)
        async with found.slot() as free:
            assert free
            second = asyncio.create_task(attempt.verify_run(run_id, found))
            third = asyncio.create_task(attempt.verify_run(run_id, found))
            await asyncio.wait({second, third}, timeout=0.5)
            assert not second.done() and not third.done()
            assert await column(found, run_id, "attempt") == 0
        assert {await second, await third} == {"ERROR (source_not_found)", "nothing to do"}
        assert await column(found, run_id, "attempt") == 1


async def test_a_job_that_waits_for_a_slot_is_left_to_others_when_the_worker_drains(url: str) -> None:
    async with resources(url, CVA_WORKER_CONCURRENCY=1) as found:
        run_id = await new_run(found)
        async with found.slot():
            waiting = asyncio.create_task(attempt.verify_run(run_id, found))
            await asyncio.sleep(0)
            found.controls.drain()
            assert await waiting == "left to another worker"
        assert await column(found, run_id, "attempt") == 0
        assert await jobs(found, run_id) == 2
