"""The run's row as the truth: claims, fences, leases, and what the reaper mends."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.app import resources
from worker.core.runs import events, lifecycle, submission
from worker.core.runs.lifecycle import Claim
from worker.core.vocabulary import RunStatus, SourceKind, Verdict
from worker.runtime import lease
from worker.runtime.resources import Resources


async def new_run(found: Resources, **more: Any) -> uuid.UUID:
    constitution = submission.NewConstitution("- Code MUST NOT call eval().")
    run = submission.NewRun(
        source_kind=SourceKind.PATH,
        source={"kind": "path", "path": "/nowhere"},
        constitution_version_id=constitution.id,
        **more,
    )
    async with found.db.transaction() as session:
        run_id, _ = await submission.accept(session, run, constitution=constitution)
    return run_id


async def take(found: Resources, run_id: uuid.UUID, seconds: float = 30) -> Claim | None:
    async with found.db.transaction() as session:
        return await lifecycle.claim(session, run_id, holder=found.holder, lease=seconds)


async def taken(found: Resources, run_id: uuid.UUID, seconds: float = 30) -> Claim:
    claim = await take(found, run_id, seconds)
    assert claim is not None
    return claim


async def hold(claim: Claim, work: Any, found: Resources) -> Any:
    """The claim's work under its lease, as an attempt at a run does it."""

    async def renew(connection: Any) -> lifecycle.Renewal:
        return await lifecycle.renew(connection, claim, lease=found.settings.lease_seconds)

    return await lease.hold(claim.run_id, work, found, renew=renew)


async def column(found: Resources, run_id: uuid.UUID, name: str) -> Any:
    async with found.db.transaction() as session:
        return await session.scalar(text(f"SELECT {name} FROM runs WHERE id = :id"), {"id": run_id})


async def let_lapse(found: Resources, run_id: uuid.UUID) -> None:
    async with found.db.transaction() as session:
        await session.execute(
            text("UPDATE runs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = :id"), {"id": run_id}
        )


async def types(found: Resources, run_id: uuid.UUID) -> list[str]:
    async with found.db.transaction() as session:
        rows = await session.execute(
            text("SELECT type, seq FROM run_events WHERE run_id = :id ORDER BY seq"), {"id": run_id}
        )
        listed = rows.all()
    assert [row.seq for row in listed] == list(range(1, len(listed) + 1))
    return [row.type for row in listed]


async def test_of_many_claims_at_once_one_wins(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        claims = await asyncio.gather(*(take(found, run_id) for _ in range(20)))
        assert sum(claim is not None for claim in claims) == 1
        assert await column(found, run_id, "attempt") == 1


async def test_a_lapsed_lease_can_be_taken_and_spends_an_attempt(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        first = await taken(found, run_id)
        assert await take(found, run_id) is None
        await let_lapse(found, run_id)
        second = await taken(found, run_id)
        assert (second.attempt, second.failures, second.lost_before) == (first.attempt + 1, 1, True)


async def zombies(found: Resources, number: int) -> None:
    """A run is taken from its holder again and again, and each time the zombie tries every write there is."""
    run_id = await new_run(found)
    for _ in range(number):
        zombie = await taken(found, run_id)
        await let_lapse(found, run_id)
        holder = await taken(found, run_id)
        before = await column(found, run_id, "row(runs.*)::text")
        async with found.db.transaction() as session:
            assert not (await lifecycle.renew(session, zombie, lease=30)).held
            assert await events.append(session, run_id, "step", {}, attempt=zombie.attempt) is None
            assert not await lifecycle.hand_back(session, zombie, reason="x", spend=True)
            assert not await lifecycle.finish(
                session, zombie, status=RunStatus.COMPLETED, verdict=Verdict.PASS, score=10
            )
        assert await column(found, run_id, "row(runs.*)::text") == before
        async with found.db.transaction() as session:
            assert await lifecycle.hand_back(session, holder, reason="again", spend=False)


async def test_of_a_thousand_zombies_none_writes_anything(url: str) -> None:
    async with resources(url) as found:
        await asyncio.gather(*(zombies(found, 125) for _ in range(8)))


async def test_a_run_ends_once(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        claim = await taken(found, run_id)

        async def end() -> bool:
            async with found.db.transaction() as session:
                return await lifecycle.finish(session, claim, status=RunStatus.COMPLETED, verdict=Verdict.PASS)

        assert sorted(await asyncio.gather(*(end() for _ in range(8)))) == [False] * 7 + [True]
        assert await types(found, run_id) == ["queued", "claimed", "completed"]
        assert await take(found, run_id) is None


async def test_the_reaper_gives_a_fresh_job_to_a_run_whose_holder_died(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        await taken(found, run_id)
        async with found.db.transaction() as session:
            assert list(await lifecycle.reap(session, patience=30)) == []
        await let_lapse(found, run_id)
        passes = await asyncio.gather(*(_reap(found) for _ in range(5)))
        assert sum(passes) == 1
        assert await column(found, run_id, "status") == "queued"
        assert await column(found, run_id, "failures") == 1
        assert await jobs(found, run_id) == 2


async def _reap(found: Resources) -> int:
    async with found.db.transaction() as session:
        return len(await lifecycle.reap(session, patience=30))


async def jobs(found: Resources, run_id: uuid.UUID) -> int:
    async with found.db.transaction() as session:
        return int(
            await session.scalar(
                text("SELECT count(*) FROM procrastinate_jobs WHERE args->>'run_id' = :id"), {"id": str(run_id)}
            )
            or 0
        )


async def test_a_cancel_that_comes_just_before_the_run_is_handed_back_does_not_wait_for_the_next_attempt(
    url: str,
) -> None:
    async with resources(url) as found:
        run_id = await new_run(found, callback_url="https://example.org/hook")
        claim = await taken(found, run_id)
        async with found.db.transaction() as session:
            assert await lifecycle.request_cancel(session, run_id) is RunStatus.RUNNING
            await session.execute(text("DELETE FROM procrastinate_jobs"))
        async with found.db.transaction() as session:
            later = {"reason": "later", "error_code": "provider_unavailable", "error_message": "It was away."}
            assert await lifecycle.hand_back(session, claim, spend=True, delay=3600, **later)
        assert await column(found, run_id, "error_code") is None
        assert await column(found, run_id, "status") == "cancelled"
        assert await column(found, run_id, "finished_at IS NOT NULL AND lease_until IS NULL AND holder IS NULL") is True
        async with found.db.transaction() as session:
            kinds = list(await session.scalars(text("SELECT type FROM run_events ORDER BY seq")))
            tasks = list(await session.scalars(text("SELECT task_name FROM procrastinate_jobs")))
        assert kinds[-2:] == ["cancel_requested", "cancelled"]
        assert tasks == ["monitoring.deliver_callback"]


async def test_the_reaper_finds_a_run_whose_job_was_lost(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        async with found.db.transaction() as session:
            await session.execute(text("DELETE FROM procrastinate_jobs"))
        assert await _reap(found) == 0
        async with found.db.transaction() as session:
            await session.execute(text("UPDATE runs SET created_at = now() - interval '1 min'"))
        assert await _reap(found) == 1
        assert await jobs(found, run_id) == 1
        assert await _reap(found) == 0


async def test_a_queued_run_with_its_job_is_left_alone(url: str) -> None:
    async with resources(url) as found:
        await new_run(found)
        async with found.db.transaction() as session:
            await session.execute(text("UPDATE runs SET created_at = now() - interval '1 h'"))
        assert await _reap(found) == 0


async def test_a_retry_is_not_taken_before_its_time(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        claim = await taken(found, run_id)
        async with found.db.transaction() as session:
            assert await lifecycle.hand_back(session, claim, reason="later", spend=True, delay=60)
        assert await take(found, run_id) is None
        async with found.db.transaction() as session:
            job = (
                await session.execute(
                    text("SELECT scheduled_at > now() AS later FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
                )
            ).one()
        assert job.later


async def test_cancelling_a_queued_run_ends_it(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        async with found.db.transaction() as session:
            assert await lifecycle.request_cancel(session, run_id) is RunStatus.CANCELLED
        async with found.db.transaction() as session:
            assert await lifecycle.request_cancel(session, run_id) is None
        assert await take(found, run_id) is None


async def test_cancelling_reaches_the_work_by_a_poke_and_by_polling(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.2)
    for poked in (True, False):
        async with resources(url) as found:
            run_id = await new_run(found)
            claim = await taken(found, run_id)
            closed = asyncio.Event()

            async def work(closed: asyncio.Event = closed) -> None:
                try:
                    await asyncio.sleep(60)
                finally:
                    closed.set()

            held = asyncio.create_task(hold(claim, work(), found))
            await asyncio.sleep(0)
            async with found.db.transaction() as session:
                assert await lifecycle.request_cancel(session, run_id) is RunStatus.RUNNING
            if poked:
                found.controls.poke(str(run_id))
            with pytest.raises(lease.CancelRequested):
                await asyncio.wait_for(held, timeout=10)
            assert closed.is_set()


async def test_work_is_stopped_when_another_attempt_holds_the_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.1)
    async with resources(url) as found:
        run_id = await new_run(found)
        claim = await taken(found, run_id)
        held = asyncio.create_task(hold(claim, asyncio.sleep(60), found))
        await asyncio.sleep(0)
        async with found.db.transaction() as session:
            await session.execute(text("UPDATE runs SET attempt = attempt + 1"))
        with pytest.raises(lease.Superseded):
            await asyncio.wait_for(held, timeout=10)


async def test_the_result_of_the_work_comes_back_and_its_errors_too(url: str) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        claim = await taken(found, run_id)

        async def fails() -> None:
            raise LookupError("no")

        assert await hold(claim, asyncio.sleep(0, "result"), found) == "result"
        with pytest.raises(LookupError):
            await hold(claim, fails(), found)
        assert found.controls.holding == 0
