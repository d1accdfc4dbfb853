"""Whatever happens to the runs, in whatever order, the buckets say what plain SQL over the runs says."""

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from invariant.postgres import Server
from tests.support.analytics import assert_endpoints_agree
from tests.support.app import resources
from tests.support.past import Past
from worker.analytics import rollup, sweep
from worker.core.db.database import Database, is_unavailable
from worker.runtime.resources import Resources

TABLES = (
    "analytics_run_metrics",
    "analytics_hourly_buckets",
    "analytics_daily_rollups",
    "analytics_weekly_rollups",
    "analytics_rule_performance",
)


def everything(url: str) -> dict[str, list[str]]:
    """Every row of the analytics, but for when it was written."""
    with psycopg.connect(url) as connection:
        found = {
            table: [
                row[0]
                for row in connection.execute(
                    f"SELECT (to_jsonb(t) - 'updated_at')::text AS row FROM {table} t ORDER BY row"
                )
            ]
            for table in TABLES
        }
    return found


def now() -> datetime:
    return datetime.now(UTC)


class Killed:
    """Ends the database's side of a connection before its n-th statement, as a killed process would."""

    def __init__(self, db: Database, statement: int) -> None:
        self._url = db.url
        self._left = statement
        event.listen(db.engine.sync_engine, "before_cursor_execute", self._before)

    def _before(self, connection: Any, *_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            pid = connection.connection.driver_connection.info.backend_pid
            with psycopg.connect(self._url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    @property
    def happened(self) -> bool:
        return self._left <= 0


async def roll_up_and_be_killed(url: str, statement: int) -> bool:
    """A roll-up that is killed before its n-th statement; False when it had fewer."""
    async with resources(url) as found:
        killed = Killed(found.db, statement)
        try:
            await rollup.catch_up(found.db)
        except Exception as error:
            if not is_unavailable(error):
                raise
        return killed.happened


STEPS = st.sampled_from(
    (
        "happens",
        "happens",
        "happens",
        "late",
        "corrects",
        "reconsiders",
        "settles",
        "remediates",
        "forgets",
        "rolls",
        "two",
        "killed",
        "sweeps",
    )
)


# A history that goes wrong is shown as it is: each smaller one would take a database of its own.
@hypothesis_settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=8, max_size=30), seed=st.integers(0, 10**6))
def test_random_histories(server: Server, steps: list[str], seed: int) -> None:
    with server.database() as url:
        asyncio.run(live(url, ["happens", *steps, "happens"], random.Random(seed)))
        before = everything(url)
        asyncio.run(assert_endpoints_agree(url, random.Random(seed)))
        asyncio.run(rebuilt(url))
        assert everything(url) == before


async def live(url: str, steps: list[str], choose: random.Random) -> None:
    past = Past(url, choose)
    runs: list[uuid.UUID] = []
    async with resources(url) as found:
        for step in steps:
            await happen(step, past, runs, found, url)
        await rollup.catch_up(found.db)


async def happen(step: str, past: Past, runs: list[uuid.UUID], found: Resources, url: str) -> None:
    choose = past.choose
    match step:
        case "happens":
            for _ in range(choose.randint(1, 5)):
                runs.append(past.happens(now() - timedelta(seconds=choose.uniform(0, 7200))))
        case "late":
            for _ in range(choose.randint(1, 4)):
                runs.append(past.happens(now() - timedelta(days=choose.uniform(0, 40))))
        case "corrects":
            past.corrects(choose.choice(runs), now() - timedelta(hours=choose.uniform(0, 900)))
        case "reconsiders":
            past.reconsiders(choose.choice(runs))
        case "settles":
            past.settles(choose.choice(runs))
        case "remediates":
            past.remediates(choose.choice(runs))
        case "forgets":
            past.forgets(choose.choice(runs))
        case "rolls":
            await rollup.catch_up(found.db)
        case "two":
            async with resources(url) as other:
                await asyncio.gather(
                    rollup.catch_up(found.db),
                    rollup.catch_up(other.db),
                    asyncio.to_thread(lambda: runs.append(past.happens(now()))),
                )
        case "killed":
            await roll_up_and_be_killed(url, choose.randint(1, 25))
        case "sweeps":
            await sweep.sweep(found.db, at_once=2)


async def rebuilt(url: str) -> None:
    """All that the analytics know is lost, and made from the runs again."""
    async with resources(url) as found:
        async with found.db.transaction() as session:
            await session.execute(text(f"TRUNCATE {', '.join(TABLES)}, analytics_dirty_marks"))
            await session.execute(text("UPDATE analytics_state SET days_until = NULL, weeks_until = NULL"))
        await sweep.sweep(found.db, at_once=2)


async def test_a_kill_between_any_two_statements_changes_nothing(url: str) -> None:
    past = Past(url, random.Random(5))
    runs = [past.happens(now() - timedelta(days=days)) for days in (0, 0, 1, 9, 20)]
    async with resources(url) as found:
        await rollup.catch_up(found.db)
    runs += [past.happens(now() - timedelta(days=days)) for days in (0, 9)]
    past.corrects(runs[0], now() - timedelta(days=3))
    past.forgets(runs[3])
    past.settles(runs[1])
    before = everything(url)
    killed = 0
    while await roll_up_and_be_killed(url, killed + 1):
        if everything(url) != before:
            # The first transaction had been committed, and the next one was killed.
            break
        killed += 1
    assert killed > 15
    async with resources(url) as found:
        await rollup.catch_up(found.db)
    after = everything(url)
    assert after != before
    await assert_endpoints_agree(url, random.Random(1))
    await rebuilt(url)
    assert everything(url) == after


WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def test_who_comes_second_waits_and_sees_what_the_first_one_saw_and_more(url: str) -> None:
    past = Past(url, random.Random(8))
    moment = now() - timedelta(hours=2)
    past.happens(moment, repo="acme/one")
    async with resources(url) as found:
        async with found.db.transaction() as first:
            assert (await rollup.roll_up(first)).marks == 2
            past.happens(moment, repo="acme/one")
            second = asyncio.create_task(rollup.catch_up(found.db))
            measuring = asyncio.create_task(sweep.sweep(found.db))
            async with asyncio.timeout(20):
                while await first.scalar(text(WAITING)) != 2:
                    assert not second.done()
                    await asyncio.sleep(0.01)
        await asyncio.gather(second, measuring)
        async with found.db.transaction() as session:
            counted = await session.scalars(text("SELECT runs FROM analytics_hourly_buckets"))
            assert list(counted) == [2, 2]


async def test_runs_that_end_while_two_roll_up_are_all_there(url: str) -> None:
    past = Past(url, random.Random(9))
    ended = asyncio.Event()

    async def end_runs() -> None:
        for _ in range(30):
            await asyncio.to_thread(past.happens, now() - timedelta(minutes=past.choose.choice((0, 90))))
        ended.set()

    async def keep_rolling() -> None:
        async with resources(url) as found:
            while not ended.is_set():
                await rollup.catch_up(found.db)

    await asyncio.gather(end_runs(), keep_rolling(), keep_rolling())
    async with resources(url) as found:
        await rollup.catch_up(found.db)
        assert await rollup.catch_up(found.db) == rollup.Done()
        async with found.db.transaction() as session:
            counted = await session.scalar(
                text("SELECT sum(runs) FROM analytics_hourly_buckets WHERE repo_full_name IS NULL")
            )
    assert counted == 30
    await assert_endpoints_agree(url, random.Random(2))


async def test_a_roll_up_writes_nothing_that_is_right_already(url: str) -> None:
    past = Past(url, random.Random(3))
    run = past.happens(now() - timedelta(hours=5))
    async with resources(url) as found:
        assert (await rollup.catch_up(found.db)).rows > 0
        async with found.db.transaction() as session:
            await session.execute(text("INSERT INTO analytics_dirty_marks (run_id) VALUES (:id)"), {"id": run})
            await session.execute(
                text("INSERT INTO analytics_dirty_marks (repo_full_name, hour) SELECT '', date_trunc('hour', now())")
            )
        again = await rollup.catch_up(found.db)
        assert (again.marks, again.rows) == (2, 0)


DAMAGE = {
    "a bucket says too much": "UPDATE analytics_hourly_buckets SET runs = runs + 1 WHERE repo_full_name IS NOT NULL",
    "the hour of all is gone": "DELETE FROM analytics_hourly_buckets WHERE repo_full_name IS NULL",
    "a day's histogram is empty": "UPDATE analytics_daily_rollups SET histogram = '{}'",
    "a week is gone": "DELETE FROM analytics_weekly_rollups",
    "a week of nobody": "INSERT INTO analytics_weekly_rollups (repo_full_name, starts_at, runs)"
    " SELECT 'no/body', min(starts_at), 7 FROM analytics_weekly_rollups",
    "an hour of nobody": "INSERT INTO analytics_hourly_buckets (repo_full_name, starts_at, runs)"
    " SELECT 'no/body', min(starts_at) - interval '3 days', 7 FROM analytics_hourly_buckets",
    "a rule says too little": "UPDATE analytics_rule_performance SET failed = 0, broken_by = '{}'",
    "a rule that nobody has": "INSERT INTO analytics_rule_performance (span, repo_full_name, starts_at, kind, rule, passed)"
    " SELECT span, repo_full_name, starts_at, 'criterion', 'nobody-has-it', 1 FROM analytics_rule_performance"
    " GROUP BY 1, 2, 3",
    "a rule where no run is": "INSERT INTO analytics_rule_performance (span, repo_full_name, starts_at, kind, rule, passed)"
    " SELECT 'day', 'acme/one', min(starts_at) - interval '14 days', 'criterion', 'tested', 1 FROM analytics_rule_performance",
    "metrics are wrong": "UPDATE analytics_run_metrics SET score = 9.99, cost_usd = 5",
    "metrics are gone": "DELETE FROM analytics_run_metrics WHERE repo_full_name IS NULL",
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_the_sweep_mends(url: str, name: str) -> None:
    past = Past(url, random.Random(11))
    for days in (0.1, 0.2, 1, 2, 8, 8.1, 15, 22):
        past.happens(now() - timedelta(days=days))
    async with resources(url) as found:
        await sweep.sweep(found.db)
        before = everything(url)
        assert (await sweep.sweep(found.db)).mended == 0
        assert everything(url) == before
        with psycopg.connect(url) as connection:
            assert connection.execute(DAMAGE[name]).rowcount > 0
        if name.startswith("metrics"):
            # Whoever changes metrics leaves marks, so it is the buckets that follow: here they would follow the error.
            await rollup.catch_up(found.db)
        assert everything(url) != before
        await sweep.sweep(found.db)
        assert everything(url) == before
        assert (await sweep.sweep(found.db)).mended == 0


async def test_days_and_weeks_are_made_when_they_have_ended(url: str) -> None:
    past = Past(url, random.Random(4))
    past.happens(now())
    past.happens(now() - timedelta(days=15))
    async with resources(url) as found:
        done = await rollup.catch_up(found.db)
        assert done.closed > 15
        async with found.db.transaction() as session:
            state = (await session.execute(text("SELECT days_until, weeks_until FROM analytics_state"))).one()
            today = await session.scalar(
                text("SELECT count(*) FROM analytics_daily_rollups WHERE starts_at = date_trunc('day', now(), 'UTC')")
            )
            spans = await session.execute(
                text("SELECT span, max(starts_at) AS last FROM analytics_rule_performance GROUP BY span")
            )
            last = {row.span: row.last for row in spans}
            weeks = await session.scalar(text("SELECT max(starts_at) FROM analytics_weekly_rollups"))
    assert state.days_until == rollup.day_of(now())
    assert state.weeks_until == rollup.week_of(now())
    # A day of runs is there at once; of rules, and weeks, only what has ended.
    assert today == 2
    assert all(starts_at < state.days_until for span, starts_at in last.items() if span == "day")
    assert weeks < state.weeks_until


async def test_metrics_are_written_with_the_verdict_and_marked_once(url: str) -> None:
    """A run that is finished with its metrics leaves a mark for its bucket, and none for itself."""
    run = Past(url, random.Random(6)).happens(now())
    with psycopg.connect(url) as connection:
        marked = connection.execute("SELECT run_id FROM analytics_dirty_marks").fetchall()
        assert marked == [(run,)]
        connection.execute("DELETE FROM analytics_dirty_marks")
        connection.execute(
            "INSERT INTO runs (id, source_kind, source, status, verdict, finished_at)"
            " VALUES (gen_random_uuid(), 'git', '{}', 'failed', 'ERROR', now())"
        )
        connection.execute(
            "INSERT INTO analytics_run_metrics (run_id, event, mode, verdict, attempts, created_at, finished_at)"
            " SELECT id, 'api', 'full', 'ERROR', 1, now(), now() FROM runs WHERE verdict = 'ERROR' AND id <> %s",
            [run],
        )
        connection.commit()
        left = connection.execute("SELECT run_id, repo_full_name FROM analytics_dirty_marks").fetchall()
    assert left == [(None, "")]
