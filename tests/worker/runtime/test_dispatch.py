"""Whose turn it is."""

import asyncio
import re
import uuid
from typing import Any

import pytest
from sqlalchemy import event, text

from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import column, new_run
from worker import reaper
from worker.core.runs import lifecycle
from worker.core.runs.lifecycle import Claim
from worker.core.vocabulary import RunStatus
from worker.runtime.dispatch import READ_ORDER, WAITING_CAP, Dispatch
from worker.runtime.resources import Resources


async def sql(found: Resources, statement: str, **values: Any) -> Any:
    async with found.db.transaction() as session:
        result = await session.execute(text(statement), values)
        return result.all() if result.returns_rows else None


async def flood(found: Resources, tenant: str, number: int, *, repo: str = "o/r", priority: int = 10) -> None:
    await sql(
        found,
        "INSERT INTO runs (id, source_kind, source, created_by, repo_full_name, priority)"
        " SELECT gen_random_uuid(), 'files', '{}', :tenant, :repo, :priority FROM generate_series(1, :number)",
        tenant=tenant,
        repo=repo,
        priority=priority,
        number=number,
    )


def exact(found: Resources, *, repo_limit: int = 0) -> Dispatch:
    """One whose order is read for every claim."""
    return Dispatch(found.db, holder="test", lease=30, repo_limit=repo_limit, holds=0)


async def claim_next(found: Resources, *, repo_limit: int = 0) -> Claim | None:
    """What one process of many gets."""
    return await exact(found, repo_limit=repo_limit).claim_next(uuid.uuid4())


async def tenants(found: Resources, number: int) -> list[str]:
    """Whose run each claim takes."""
    order = []
    for _ in range(number):
        claim = await claim_next(found)
        assert claim is not None
        order.append(await column(found, claim.run_id, "tenant"))
    return order


async def test_a_flood_of_one_is_nobody_elses_delay(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 200)
        assert await tenants(found, 6) == ["a"] * 6
        await flood(found, "b", 8)
        await flood(found, "c", 2)
        order = await tenants(found, 12)
        # Who waits with little comes first, and who has nothing at work is behind nobody.
        assert set(order[:2]) == {"b", "c"}
        assert sorted(order[:10]) == ["b"] * 8 + ["c"] * 2
        assert order[10:] == ["a", "a"]


async def test_with_one_at_a_time_tenants_take_turns(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 100)
        await flood(found, "b", 3)
        order = []
        for _ in range(8):
            claim = await claim_next(found)
            assert claim is not None
            order.append(await column(found, claim.run_id, "tenant"))
            async with found.db.transaction() as session:
                assert await lifecycle.finish(session, claim, status=RunStatus.CANCELLED)
        assert order == ["a", "b", "a", "b", "a", "b", "a", "a"]


async def test_priority_comes_before_fairness_and_age_after_it(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 3, priority=0)
        await flood(found, "a", 2, priority=10)
        await flood(found, "b", 1, priority=0)
        assert await tenants(found, 6) == ["a", "a", "b", "a", "a", "a"]
        rows = await sql(found, "SELECT priority FROM runs ORDER BY started_at")
        assert [row.priority for row in rows] == [10, 10, 0, 0, 0, 0]
        assert await claim_next(found) is None


async def test_one_urgent_run_carries_no_backlog_past_the_others(url: str) -> None:
    async with resources(url) as found:
        for number in range(10):
            await flood(found, f"tenant-{number}", 1, priority=0)
        await flood(found, "a", 50, priority=0)
        await flood(found, "a", 1, priority=10)
        # By one order.
        dispatch = Dispatch(found.db, holder="test", lease=30, holds=1e6)
        claims = [await dispatch.claim_next(uuid.uuid4()) for _ in range(11)]
        tenants = [await column(found, claim.run_id, "tenant") for claim in claims if claim is not None]
        assert tenants[0] == "a"
        assert tenants[1:].count("a") <= 1


async def test_an_order_that_others_have_used_up_is_read_again_soon(url: str) -> None:
    async with resources(url) as found:
        for number in range(60):
            await flood(found, f"tenant-{number:02}", 1, priority=0)
        dispatch = Dispatch(found.db, holder="test", lease=30, holds=1e6)
        assert await dispatch.claim_next(uuid.uuid4()) is not None
        await sql(found, "UPDATE runs SET status = 'cancelled', finished_at = now() WHERE status = 'queued'")
        await flood(found, "newcomer", 1)
        asked = 0

        def count(*_: object) -> None:
            nonlocal asked
            asked += 1

        event.listen(found.db._autocommit.sync_engine, "before_cursor_execute", count)
        claim = await dispatch.claim_next(uuid.uuid4())
        assert claim is not None
        assert await column(found, claim.run_id, "tenant") == "newcomer"
        assert asked < 15


async def test_who_asked_names_the_tenant_or_else_the_repositorys_owner(url: str) -> None:
    async with resources(url) as found:
        for given in ({"created_by": "ann", "repo_full_name": "o/r"}, {"repo_full_name": "o/r"}, {}):
            await new_run(found, **given)
        rows = await sql(found, "SELECT tenant FROM runs ORDER BY created_at")
        assert [row.tenant for row in rows] == ["ann", "o", ""]


async def test_as_many_claims_at_once_as_there_are_runs_take_them_all(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 17)
        await flood(found, "b", 3)
        claims = await asyncio.gather(*(claim_next(found) for _ in range(24)))
        taken = [claim.run_id for claim in claims if claim is not None]
        assert len(taken) == len(set(taken)) == 20


async def test_processes_with_orders_of_their_own_take_every_run_once(url: str) -> None:
    async with resources(url) as found:
        for number in range(30):
            await flood(found, f"tenant-{number}", 2)
        dispatches = [Dispatch(found.db, holder=f"process-{number}", lease=30) for number in range(4)]
        # The first claims let each process know of the others.
        claims = [await dispatch.claim_next(uuid.uuid4()) for dispatch in dispatches]
        claims += await asyncio.gather(
            *(dispatch.claim_next(uuid.uuid4()) for _ in range(18) for dispatch in dispatches)
        )
        taken = [claim.run_id for claim in claims if claim is not None]
        assert len(taken) == len(set(taken)) == 60
        assert claims.count(None) == 16


async def test_an_order_that_cannot_be_read_ahead_spoils_no_claim(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with resources(url) as found:
        await flood(found, "a", 2)
        dispatch = Dispatch(found.db, holder="test", lease=30, holds=1e6)
        assert await dispatch.claim_next(uuid.uuid4()) is not None

        async def fails(self: Dispatch, moment: float) -> None:
            raise OSError

        await asyncio.sleep(1.1)
        with monkeypatch.context() as broken:
            broken.setattr(Dispatch, "_order_since", fails)
            assert await dispatch.claim_next(uuid.uuid4()) is not None
            assert dispatch._ahead is not None
            await dispatch._ahead
        assert await dispatch.claim_next(uuid.uuid4()) is None


async def test_a_run_that_comes_while_others_take_what_was_there_is_not_left_without_a_claim(url: str) -> None:
    """Two tickets, two runs: the second ticket takes the first run while the first one is about to."""
    async with resources(url) as found:
        first = await new_run(found)
        async with found.db.transaction() as other:
            taken = await lifecycle.claim(other, first, holder="other", lease=30)
            claiming = asyncio.create_task(claim_next(found))
            waits = (
                "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%claimed%'"
            )
            while (await sql(found, waits))[0].n == 0:
                assert not claiming.done()
                await asyncio.sleep(0.01)
            second = await new_run(found)
        claim = await claiming
        assert taken is not None
        assert claim is not None
        assert claim.run_id == second


async def test_an_old_order_delays_nobody_whose_run_is_the_only_one(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 2)
        # Reads once, and believes it for as long as an order can hold.
        dispatch = Dispatch(found.db, holder="test", lease=30, holds=1e6)
        assert await dispatch.claim_next(uuid.uuid4()) is not None
        # Others take what it knows of, and something comes that it does not know of.
        assert await claim_next(found) is not None
        await flood(found, "b", 1)
        claim = await dispatch.claim_next(uuid.uuid4())
        assert claim is not None
        assert await column(found, claim.run_id, "tenant") == "b"
        assert await dispatch.claim_next(uuid.uuid4()) is None


async def test_an_order_is_read_ahead_of_its_end(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 3)
        dispatch = Dispatch(found.db, holder="test", lease=30, holds=1e6)
        assert await dispatch.claim_next(uuid.uuid4()) is not None
        await flood(found, "b", 1, priority=90)
        await asyncio.sleep(1.1)
        # Past half of what it holds: the old one serves, and a new one is read meanwhile.
        assert await dispatch.claim_next(uuid.uuid4()) is not None
        assert dispatch._ahead is not None
        await dispatch._ahead
        claim = await dispatch.claim_next(uuid.uuid4())
        assert claim is not None
        assert await column(found, claim.run_id, "tenant") == "b"


async def test_what_is_not_due_waits(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 2)
        await sql(found, "UPDATE runs SET not_before = now() + interval '1 hour'")
        assert await claim_next(found) is None
        await flood(found, "a", 1)
        assert await claim_next(found) is not None
        assert await claim_next(found) is None


async def test_a_run_whose_holder_was_lost_is_taken_by_its_own_job(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        first = await claim_next(found)
        assert first is not None
        assert await exact(found).claim_next(run_id) is None
        await sql(found, "UPDATE runs SET lease_until = now() - interval '1 s'")
        second = await exact(found).claim_next(run_id)
        assert second is not None
        assert (second.attempt, second.lost_before) == (2, True)


async def test_a_repository_has_no_more_runs_at_once_than_it_may(url: str) -> None:
    async with resources(url) as found:
        await flood(found, "a", 30, repo="o/full")
        await flood(found, "a", 3, repo="o/other")
        claims = await asyncio.gather(*(claim_next(found, repo_limit=2) for _ in range(20)))
        held = [claim for claim in claims if claim is not None]
        # Who waits for a full repository is not forgotten, and gets no job that would find nothing to do.
        await sql(found, "UPDATE runs SET created_at = now() - interval '1 h'")
        async with found.db.transaction() as session:
            assert await lifecycle.reap(session, patience=1, repo_limit=2) == []
        rows = await sql(
            found, "SELECT repo_full_name, count(*) AS n FROM runs WHERE status = 'running' GROUP BY 1 ORDER BY 1"
        )
        assert [(row.repo_full_name, row.n) for row in rows] == [("o/full", 2), ("o/other", 2)]
        async with found.db.transaction() as session:
            assert await lifecycle.finish(session, held[0], status=RunStatus.CANCELLED)
        assert await claim_next(found, repo_limit=2) is not None
        assert await claim_next(found, repo_limit=2) is None


async def test_the_choice_reads_an_index_however_many_wait(url: str) -> None:
    async with resources(url) as found:
        for tenant in "abcde":
            await flood(found, tenant, 4000)
        await sql(found, "ANALYZE runs")
        read = await plan(found, str(READ_ORDER), repo_limit=0, counted=WAITING_CAP)
        assert "Seq Scan on runs" not in read, read
        # Rows that were read: a few for each tenant, not thousands.
        assert most_rows(read) <= 300, read
        for wait in (False, True):
            taken = await plan(found, str(lifecycle.CLAIM_NEXT[wait]), tenant="c", priority=0, holder="test", lease=30)
            assert "Seq Scan on runs" not in taken, taken
            assert most_rows(taken) <= 2, taken


async def plan(found: Resources, statement: str, **values: Any) -> str:
    rows = await sql(found, f"EXPLAIN (ANALYZE, BUFFERS) {statement}", **values)
    return "\n".join(row[0] for row in rows)


def most_rows(plan: str) -> float:
    return max(map(float, re.findall(r"actual time=\S+ rows=([\d.]+)", plan)))


async def test_tickets_are_counted_by_the_reaper(url: str) -> None:
    async with resources(url, CVA_LEASE_SECONDS=2) as found:
        runs = [await new_run(found) for _ in range(4)]
        await sql(found, "UPDATE runs SET created_at = now() - interval '10 s'")
        assert await reaper.reap_once(found) == 0
        # Two tickets are gone, whoever they were made for: two runs get one each, and then no more.
        await sql(
            found,
            "DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs ORDER BY id DESC LIMIT 2)",
        )
        assert await reaper.reap_once(found) == 2
        assert await reaper.reap_once(found) == 0
        rows = await sql(found, "SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'todo'")
        assert rows[0].n == len(runs)
