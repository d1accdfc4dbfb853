"""What a user is told of the runs that they may see is what an administrator is told of just those."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.analytics.test_answers import ENDPOINTS, catch_up
from tests.support import app
from tests.support.access import GIVEN, OWNER, READER, SOMEBODY, STRANGER, World, service
from tests.support.past import Past

OURS, ALSO = "ours/shop", "theirs/shop"


async def past(url: str) -> None:
    """Runs of a name of which the reader may see all, of one of which they may see some, and of others."""
    some = Past(url, random.Random(3))
    with psycopg.connect(url, autocommit=True) as connection:
        world = World(connection)
        for place in range(40):
            run_id = some.happens(
                datetime.now(UTC) - timedelta(days=some.choose.uniform(0, 60)), repo=(OURS, ALSO, None)[place % 3]
            )
            owner, repo = (
                ((READER, None), (SOMEBODY, world.repository))[place % 2] if place % 3 == 0 else (SOMEBODY, None)
            )
            connection.execute("UPDATE runs SET created_by = %s, repo_id = %s WHERE id = %s", [owner, repo, run_id])
    await catch_up(url)


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """What is said of runs: neither of this moment, nor what was asked for."""
    period = {name: value for name, value in document["period"].items() if name != "repo"}
    return {**document, "period": period, "queue": None}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "asked",
    [{}, {"bucket": "weekly", "tz": "Asia/Tokyo"}, {"bucket": "hourly", "end": datetime.now(UTC).isoformat()}],
)
async def test_figures_are_of_what_one_may_see(url: str, endpoint: str, asked: dict[str, str]) -> None:
    await past(url)
    start = (datetime.now(UTC) - timedelta(days=50)).isoformat()
    async with app.client(url, **GIVEN) as client:

        async def ask(user: str | None, **more: str) -> httpx.Response:
            params = {"start": start, **asked, **more}
            return await client.get(f"/api/analytics/{endpoint}", params=params, headers=service(user))

        whole = (await ask(None, repo=OURS)).json()
        assert comparable((await ask(READER)).json()) == comparable(whole)
        assert comparable((await ask(READER, repo=OURS)).json()) == comparable(whole)
        assert (await ask(READER, repo=ALSO)).status_code == 404
        assert comparable((await ask(STRANGER)).json()) != comparable(whole)
        assert (await ask(STRANGER, repo=OURS)).status_code == 404


async def test_whoever_is_made_a_member_is_told_so_at_once(url: str) -> None:
    await past(url)
    async with app.client(url, **GIVEN) as client:
        first = await client.get("/api/analytics/summary", headers=service(STRANGER))
        again = {**service(STRANGER), "If-None-Match": first.headers["etag"]}
        assert (await client.get("/api/analytics/summary", headers=again)).status_code == 304
        (repository,) = (await client.get("/api/repositories", headers=service(OWNER))).json()["items"]
        body = {"user": STRANGER, "role": "read"}
        await client.put(f"/api/repositories/{repository['id']}/members", json=body, headers=service(OWNER))
        now = await client.get("/api/analytics/summary", headers=again)
        assert now.status_code == 200
        assert now.json()["current"]["runs"] > first.json()["current"]["runs"] == 0
