"""The benchmark's history is one that the product can roll up, and its plain SQL says what the endpoints say."""

import random
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import dict_row

from invariant.bench import history
from invariant.bench.baselines import BASELINES
from invariant.bench.history import Size
from tests.support import app
from worker.analytics import rollup, sweep

SIZE = Size(runs=1500, repos=12, days=45)


async def test_plain_sql_and_the_endpoints_agree(url: str) -> None:
    history.load(url, SIZE, processes=1)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with app.resources(url) as found:
        # The metrics came with the runs, which have nothing else.
        assert (await sweep.sweep(found.db, since=datetime.now(UTC), at_once=2)).runs == 0
    async with app.client(url) as client:
        with psycopg.connect(url, row_factory=dict_row) as connection:
            for days in (7, 30):
                values = {"start": midnight - timedelta(days=days), "end": midnight}
                for baseline in BASELINES:
                    answer = await client.get(
                        f"/api/analytics/{baseline.endpoint}",
                        params={name: value.isoformat() for name, value in values.items()},
                    )
                    asked = {**values, "before": midnight - timedelta(days=2 * days)}
                    rows = [connection.execute(statement, asked).fetchall() for statement in baseline.statements]
                    assert baseline.agrees(rows[0], answer.json()), (baseline.endpoint, days)
                    if baseline.endpoint == "summary":
                        assert rows[0][0]["runs"] > 0
                        rows[0][0]["passed"] += 1
                        assert not baseline.agrees(rows[0], answer.json())


def test_a_history_is_of_the_size_that_was_asked_for() -> None:
    for size in (Size(1, 3, 1), Size(997, 5, 3), SIZE):
        hours = size.hours()
        assert sum(count for _, count in hours) == size.runs
        assert all(count >= 0 for _, count in hours)
        assert len(list(history._lines(size, hours, random.Random(1)))) == size.runs


async def test_what_is_added_leaves_marks(url: str) -> None:
    history.add(url, 40)
    async with app.resources(url) as found, found.db.transaction() as session:
        done = await rollup.roll_up(session)
    assert done.marks == 40
    assert done.rows > 0
