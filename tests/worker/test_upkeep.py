"""What is finished and old goes; nothing else does."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.app import client, resources, work
from tests.worker.core.runs.test_lifecycle import new_run
from worker import upkeep
from worker.analytics import rollup, sweep
from worker.runtime import periodic
from worker.runtime.resources import Resources

FINISH = "UPDATE runs SET status = 'cancelled', finished_at = now() - make_interval(days => :age), created_at = now() - make_interval(days => :age) WHERE id = :id"


async def sql(found: Resources, statement: str, **values: Any) -> Any:
    async with found.db.transaction() as session:
        result = await session.execute(text(statement), values)
        return result.all() if result.returns_rows else None


async def count(found: Resources, table: str, where: str = "true") -> int:
    return int((await sql(found, f"SELECT count(*) FROM {table} WHERE {where}"))[0][0])


async def jobs(found: Resources, number: int) -> None:
    """A third each of what waits, what succeeded, and what failed."""
    await sql(
        found,
        "INSERT INTO procrastinate_jobs (queue_name, task_name) SELECT 'monitoring', 't' FROM generate_series(1, :number)",
        number=number,
    )
    for status, rest in (("succeeded", 1), ("failed", 2)):
        await sql(
            found,
            f"UPDATE procrastinate_jobs SET status = '{status}'::procrastinate_job_status WHERE id % 3 = :rest",
            rest=rest,
        )


async def test_old_jobs_go_in_batches_and_waiting_ones_stay(url: str) -> None:
    async with resources(url) as found:
        await jobs(found, 3000)
        assert await upkeep.tidy("jobs", found, share=1) == 0
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '8 days' WHERE job_id % 2 = 0")
        assert await upkeep.tidy("jobs", found, share=1) == 1000
        assert await count(found, "procrastinate_jobs", "status = 'todo'") == 1000
        assert await count(found, "procrastinate_jobs") == 2000


async def test_two_at_once_do_it_once(url: str) -> None:
    async with resources(url) as found:
        await jobs(found, 3000)
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '8 days'")
        assert sum(await asyncio.gather(*(upkeep.tidy("jobs", found, share=1) for _ in range(3)))) == 2000


async def test_what_counted_users_goes_when_it_counts_for_nothing(url: str) -> None:
    async with resources(url) as found:
        for name, age in (("old", 120), ("now", 0)):
            await sql(
                found,
                "INSERT INTO request_windows VALUES (:name, now() - make_interval(mins => :age), 1);",
                name=name,
                age=age,
            )
            await sql(
                found,
                "INSERT INTO open_streams VALUES (gen_random_uuid(), :name, now() - make_interval(mins => :age))",
                name=name,
                age=age,
            )
            await sql(
                found,
                "INSERT INTO llm_budgets (scope) SELECT kind || ':' || to_char(now() - make_interval(days => :age),"
                " 'YYYY-MM-DD') || rest FROM (VALUES ('user', ':' || :name), ('day', '')) AS of (kind, rest)",
                name=name,
                age=age,
            )
        for chore in ("request_windows", "open_streams", "user_budgets"):
            assert await upkeep.tidy(chore, found, share=1) == 1, chore
        assert await count(found, "request_windows", "subject = 'now'") == 1
        assert await count(found, "open_streams", "subject = 'now'") == 1
        assert await count(found, "llm_budgets", "scope LIKE 'day:%'") == 2
        assert await count(found, "llm_budgets", "scope LIKE 'user%now'") == 1


async def test_events_and_uploads_of_what_still_runs_stay(url: str) -> None:
    async with resources(url) as found:
        old, young, running = [await new_run(found) for _ in range(3)]
        await sql(found, FINISH, id=old, age=100)
        await sql(found, FINISH, id=young, age=1)
        for run_id in (old, young, running):
            upload = uuid.uuid4()
            await sql(
                found,
                "INSERT INTO uploads (id, format, size, sha256, content, created_at)"
                " VALUES (:id, 'zip', 1, 'x', 'x', now() - interval '50 days')",
                id=upload,
            )
            await sql(found, "UPDATE runs SET upload_id = :u WHERE id = :id", u=upload, id=run_id)
            await sql(
                found,
                "INSERT INTO artifacts (run_id, name, media_type, size, sha256, content) VALUES (:id, 'a', 'b', 1, 'x', 'x')",
                id=run_id,
            )
        await sql(found, "UPDATE run_events SET created_at = now() - interval '100 days'")
        assert await upkeep.tidy("events", found, share=1) == 1
        assert await count(found, "run_events") == 2
        assert await upkeep.tidy("uploads", found, share=1) == 2
        assert await count(found, "runs", "upload_id IS NOT NULL") == 1
        # Artifacts are kept for ever, unless a number of days is set.
        assert await upkeep.tidy("artifacts", found, share=1) == 0
    async with resources(url, CVA_KEEP_ARTIFACTS_DAYS=30) as found:
        assert await upkeep.tidy("artifacts", found, share=1) == 1
        assert await count(found, "artifacts") == 2


@pytest.mark.parametrize(("status", "goes"), [("running", False), ("queued", True), ("cancelled", True)])
async def test_a_job_wedged_in_doing_goes_when_nobody_works_for_it(url: str, status: str, goes: bool) -> None:
    async with resources(url) as found:
        run_id = await new_run(found)
        if status == "running":
            await sql(found, "UPDATE runs SET status = 'running' WHERE id = :id", id=run_id)
        elif status == "cancelled":
            await sql(found, FINISH, id=run_id, age=0)
        await sql(found, "UPDATE procrastinate_jobs SET status = 'doing'")
        assert await upkeep.tidy("wedged_jobs", found, share=1) == 0
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '2 minutes'")
        assert await upkeep.tidy("wedged_jobs", found, share=1) == int(goes)


async def test_tokens_workers_and_items_that_ended_long_ago_go(url: str) -> None:
    async with resources(url) as found:
        await sql(
            found,
            "INSERT INTO api_tokens (id, name, user_name, prefix, token_sha256, scopes, expires_at, revoked_at)"
            " SELECT gen_random_uuid(), 'n', 'u', 'p', n::text, '{}', e, r FROM (VALUES"
            "  (1, now() - interval '31 days', NULL), (2, NULL, now() - interval '31 days'), (3, NULL, NULL),"
            "  (4, now() - interval '1 day', NULL), (5, now() + interval '1 day', NULL)) AS t (n, e, r)",
        )
        assert await upkeep.tidy("tokens", found, share=1) == 2
        await sql(
            found,
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '6 minutes')",
        )
        assert await upkeep.tidy("dead_workers", found, share=1) == 1
        await sql(
            found,
            "INSERT INTO work_items (kind, subject, status, finished_at) VALUES"
            " ('a', '1', 'done', now() - interval '8 days'), ('a', '2', 'done', now()), ('a', '3', 'queued', NULL)",
        )
        assert await upkeep.tidy("work_items", found, share=1) == 1


@pytest.mark.parametrize("kind", upkeep.CHORES)
async def test_each_chore_is_done_when_it_is_due(url: str, kind: str) -> None:
    async with resources(url) as found:
        ended = asyncio.create_task(periodic.do_forever(kind, upkeep.CHORES[kind], found))
        async with asyncio.timeout(30):
            while await count(found, "work_items", f"kind = '{kind}' AND attempt = 1 AND status = 'queued'") < len(
                upkeep.CHORES[kind]
            ):
                assert not ended.done()
                await asyncio.sleep(0.05)
        ended.cancel()
        assert await count(found, "work_items", "error IS NOT NULL") == 0
        assert await periodic.do_one(kind, upkeep.CHORES[kind], found) == "nothing to do"


async def test_a_job_that_a_living_worker_is_at_stays(url: str) -> None:
    """A job is a ticket: the run it was made for may wait while its worker is at another."""
    async with resources(url) as found:
        await new_run(found)
        await sql(found, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
        await sql(
            found,
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)",
        )
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '2 hours'")
        assert await upkeep.tidy("wedged_jobs", found, share=1) == 0
        # Longer than any run may take: its end was lost, and the worker does something else.
        await sql(found, "UPDATE procrastinate_events SET at = now() - interval '13 hours'")
        assert await upkeep.tidy("wedged_jobs", found, share=1) == 1


async def test_a_chore_that_newer_code_brought_is_left_to_it(url: str) -> None:
    kind = "upkeep"
    async with resources(url) as found:
        await sql(found, "INSERT INTO work_items (kind, subject, not_before) VALUES ('upkeep', 'of tomorrow', now())")
        await sql(found, "INSERT INTO work_items (kind, subject, not_before) VALUES ('upkeep', 'jobs', now())")
        assert await periodic.do_one(kind, upkeep.CHORES[kind], found) != "nothing to do"
        assert await periodic.do_one(kind, upkeep.CHORES[kind], found) == "nothing to do"


async def test_nothing_is_begun_while_the_worker_drains(url: str) -> None:
    kind = "upkeep"
    async with resources(url) as found:
        await sql(found, "INSERT INTO work_items (kind, subject) VALUES ('upkeep', 'jobs')")
        found.controls.drain()
        assert await periodic.do_one(kind, upkeep.CHORES[kind], found) == "nothing to do"
        assert await count(found, "work_items", "attempt > 0") == 0


async def test_an_old_run_goes_with_all_that_is_its_own_and_stays_in_the_figures(url: str) -> None:
    body = {
        "source": {"kind": "files", "files": {"a.py": "eval(x)\n"}},
        "constitution": "- Code MUST NOT call `eval()`.\n",
    }
    async with client(url) as api:
        run_id = (await api.post("/api/runs", json=body)).json()["id"]
        assert await work(url, run_id) == "FAIL"
        async with resources(url) as found:
            await rollup.catch_up(found.db)
        before = (await api.get("/api/analytics/summary")).json()
        assert before["current"]["runs"] == 1
        async with resources(url) as found:
            assert await upkeep.tidy("runs", found, share=1) == 0
        # A fraction of a second.
        async with resources(url, CVA_KEEP_RUNS_DAYS=1e-7, CVA_KEEP_CONSTITUTIONS_DAYS=1e-7) as found:
            await sql(found, "INSERT INTO llm_budgets (scope) VALUES ('run:' || CAST(:id AS text))", id=run_id)
            assert await upkeep.tidy("constitutions", found, share=1) == 0
            assert await upkeep.tidy("run_budgets", found, share=1) == 0
            accepted = (
                "INSERT INTO feedback (id, run_id, scope, subject, mark, fingerprints)"
                " SELECT gen_random_uuid(), :id, 's', 'finding', 'accepted', '{}'"
            )
            await sql(found, accepted, id=run_id)
            assert await upkeep.tidy("runs", found, share=1) == 0
            await sql(found, "DELETE FROM feedback")
            assert await upkeep.tidy("runs", found, share=1) == 1
            for table in ("runs", "run_events", "criterion_results", "findings", "artifacts"):
                assert await count(found, table) == 0, table
            assert await upkeep.tidy("constitutions", found, share=1) == 1
            assert await count(found, "criteria") == 0
            assert await upkeep.tidy("run_budgets", found, share=1) == 1
            await rollup.catch_up(found.db)
            await sweep.sweep(found.db)
        after = (await api.get("/api/analytics/summary")).json()
        assert after["current"] == before["current"]
        assert (await api.get(f"/api/runs/{run_id}")).status_code == 404


async def test_a_run_that_somebody_deletes_is_gone_from_the_figures(url: str) -> None:
    body = {
        "source": {"kind": "files", "files": {"a.py": "x = 1\n"}},
        "constitution": "- Code MUST NOT call `eval()`.\n",
    }
    async with client(url) as api, resources(url) as found:
        run_id = (await api.post("/api/runs", json=body)).json()["id"]
        await work(url, run_id)
        assert await count(found, "analytics_run_metrics") == 1
        await sql(found, "DELETE FROM runs WHERE id = :id", id=run_id)
        assert await count(found, "analytics_run_metrics") == 0
