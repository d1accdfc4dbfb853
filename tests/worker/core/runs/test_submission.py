"""A run and its job are there together, or neither of them is, whatever fails and wherever."""

import asyncio
import contextlib
from typing import Any

import httpx
import psycopg
from sqlalchemy import text

from tests.support import app
from tests.support.app import resources

# A fault at every step of accepting a run: on each table, when the row is written and when it is committed.
FAULTS = """
CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.06 THEN RAISE EXCEPTION 'injected fault on %', TG_TABLE_NAME; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION fault();
CREATE TRIGGER b BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION fault();
CREATE TRIGGER c BEFORE INSERT ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION fault();
CREATE TRIGGER d AFTER INSERT ON procrastinate_events FOR EACH ROW EXECUTE FUNCTION fault();
CREATE CONSTRAINT TRIGGER e AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault();
CREATE CONSTRAINT TRIGGER f AFTER INSERT ON procrastinate_jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fault();
"""
ENQUEUES = 2000


async def _disturb(url: str, done: asyncio.Event) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not done.is_set():
            await connection.execute(
                "SELECT CASE WHEN random() < 0.4 THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END"
                " FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'invariant-api' AND random() < 0.3"
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), timeout=0.05)


async def test_no_run_without_a_job_and_no_job_without_a_run(url: str, request_body: dict[str, Any]) -> None:
    async with app.client(url) as client, resources(url) as found:
        with psycopg.connect(url) as connection:
            connection.execute(FAULTS)
        statuses: dict[int, int] = {}

        async def enqueue(number: int) -> None:
            headers = {"Idempotency-Key": f"key-{number}"} if number % 2 else {}
            status = (await client.post("/api/runs", json=request_body, headers=headers)).status_code
            statuses[status] = statuses.get(status, 0) + 1

        done = asyncio.Event()
        killer = asyncio.create_task(_disturb(url, done))
        gate = asyncio.Semaphore(20)

        async def bounded(number: int) -> None:
            async with gate:
                await enqueue(number)

        await asyncio.gather(*(bounded(number) for number in range(ENQUEUES)))
        done.set()
        await killer
        async with found.db.transaction() as session:
            runs = set((await session.execute(text("SELECT id::text FROM runs"))).scalars())
            jobs = list((await session.execute(text("SELECT args->>'run_id' FROM procrastinate_jobs"))).scalars())
            events = list((await session.execute(text("SELECT run_id::text FROM run_events"))).scalars())
        assert len(jobs) == len(set(jobs)), "a run has two jobs"
        assert runs == set(jobs), "a run without a job, or a job without a run"
        assert sorted(events) == sorted(runs), "a run without its event"
        assert set(statuses) <= {202, 500, 503}
        # The faults were there, and so was the work.
        assert statuses[202] > ENQUEUES // 3
        assert statuses[500] > 50
        assert len(runs) >= statuses[202]


async def test_a_rollback_takes_row_and_job_along(url: str, request_body: dict[str, Any]) -> None:
    from tests.worker.core.runs.test_lifecycle import new_run

    async with resources(url) as found:

        class Changed(Exception):
            pass

        with contextlib.suppress(Changed):
            async with found.db.transaction() as session:
                from worker.core.runs import submission
                from worker.core.vocabulary import SourceKind

                constitution = submission.NewConstitution("- Code MUST be good code.")
                run = submission.NewRun(source_kind=SourceKind.PATH, source={}, constitution_version_id=constitution.id)
                await submission.accept(session, run, constitution=constitution)
                raise Changed
        async with found.db.transaction() as session:
            for table in ("runs", "run_events", "procrastinate_jobs", "constitution_versions"):
                assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        assert await new_run(found)


async def test_the_same_key_500_times_at_once_makes_one_run(url: str, request_body: dict[str, Any]) -> None:
    async with app.client(url) as client:

        async def post() -> httpx.Response:
            return await client.post("/api/runs", json=request_body, headers={"Idempotency-Key": "the-same"})

        answers = await asyncio.gather(*(post() for _ in range(500)))
        accepted = [answer for answer in answers if answer.status_code == 202]
        assert {answer.status_code for answer in answers} <= {202, 409}
        assert len({answer.json()["id"] for answer in accepted}) == 1
        assert len((await client.get("/api/runs")).json()["items"]) == 1
        again = await post()
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
        assert again.json()["id"] == accepted[0].json()["id"]
        other = await client.post(
            "/api/runs", json={**request_body, "labels": {"a": "b"}}, headers={"Idempotency-Key": "the-same"}
        )
        assert other.status_code == 422
        assert other.json()["type"] == "urn:invariant:problem:idempotency-key-reused"
