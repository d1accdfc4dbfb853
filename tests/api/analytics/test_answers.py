"""The endpoints of the analytics over HTTP: ETags, CSV, pages, bad input, Prometheus; and that they cost little."""

import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.test_bad_input import assert_problem
from tests.support import app
from tests.support.app import resources
from tests.support.past import Past, insert
from tests.support.processes import eventually
from worker.analytics import rollup
from worker.core.ids import new_id
from worker.core.queue.jobs import QUEUES

ENDPOINTS = ("summary", "trends", "repos", "judges", "rules", "health")


async def past(url: str, runs: int = 12, seed: int = 1, days: float = 20) -> Past:
    found = Past(url, random.Random(seed))
    for _ in range(runs):
        found.happens(datetime.now(UTC) - timedelta(days=found.choose.uniform(0, days)))
    await catch_up(url)
    return found


async def catch_up(url: str) -> None:
    async with resources(url) as found:
        await rollup.catch_up(found.db)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_without_a_single_run_there_are_zeros_and_nulls(client: httpx.AsyncClient, endpoint: str) -> None:
    answer = await client.get(f"/api/analytics/{endpoint}")
    assert answer.status_code == 200
    assert '"rate":0' not in answer.text
    if endpoint == "trends":
        assert len(answer.json()["points"]) == 30


@pytest.mark.parametrize("endpoint", [name for name in ENDPOINTS if name != "health"])
async def test_who_has_the_answer_is_told_so_until_something_changes(
    client: httpx.AsyncClient, url: str, endpoint: str
) -> None:
    some = await past(url)
    path = f"/api/analytics/{endpoint}"
    first = await client.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Accept" in first.headers["vary"]
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for more in ({"If-None-Match": '"other"'}, {"If-None-Match": tag, "Accept": "text/csv"}):
        assert (await client.get(path, headers=more)).status_code == 200
    other = await client.get(path, params={"tz": "Asia/Tokyo"}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    some.happens(datetime.now(UTC) - timedelta(days=2))
    await catch_up(url)
    changed = await client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_health_is_of_this_moment(client: httpx.AsyncClient, url: str) -> None:
    some = await past(url)
    first = await client.get("/api/analytics/health")
    tag = first.headers["etag"]
    assert (await client.get("/api/analytics/health", headers={"If-None-Match": tag})).status_code == 304
    some.happens(datetime.now(UTC))
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO llm_providers (provider, failures, open_until, limited_until) VALUES"
            " ('shut', 9, now() + interval '1 h', NULL), ('well', 0, NULL, now() - interval '1 h'),"
            " ('limited', 0, NULL, now() + interval '1 min')"
        )
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    found = await client.get("/api/analytics/health", headers={"If-None-Match": tag})
    assert found.status_code == 200
    health = found.json()
    assert {item["provider"]: item["state"] for item in health["providers"]} == {
        "limited": "limited",
        "shut": "open",
        "well": "closed",
    }
    assert health["queue"]["workers"] == 1
    assert {queue["name"] for queue in health["queue"]["queues"]} == set(QUEUES)
    assert health["rollups"]["marks"] == 1
    assert health["rollups"]["oldest_seconds"] < 60
    assert health["rollups"]["swept_at"] is None


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_as_csv(client: httpx.AsyncClient, url: str, endpoint: str) -> None:
    await past(url)
    answer = await client.get(f"/api/analytics/{endpoint}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    document = (await client.get(f"/api/analytics/{endpoint}")).json()
    match endpoint:
        case "summary":
            assert [row["period"] for row in rows] == ["current", "previous"]
            assert int(rows[0]["runs"]) == document["current"]["runs"]
        case "trends":
            assert [int(row["runs"]) for row in rows] == [point["runs"] for point in document["points"]]
        case "repos":
            assert [row["repository"] for row in rows] == [item["repository"] or "" for item in document["items"]]
        case "judges":
            assert [row["role"] for row in rows] == ["architect", "security", "user_proxy"]
        case "rules":
            assert [row["rule"] for row in rows] == [item["rule"] for item in document["items"]]
        case _:
            assert rows[0]["current.runs"] == str(document["current"]["runs"])


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("*/*", False),
        ("text/csv", True),
        ("TEXT/CSV;charset=utf-8", True),
        ("application/json, text/csv;q=0.5", False),
        ("application/json;q=0.5, text/*", True),
        ("text/csv;q=0, */*", False),
        ("text/html, */*;q=0.1", False),
        ("text/csv;q=nonsense", False),
        ("", False),
    ],
)
async def test_what_the_client_likes_better(client: httpx.AsyncClient, accept: str, is_csv: bool) -> None:
    answer = await client.get("/api/analytics/judges", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/csv") == is_csv


async def test_nothing_in_a_csv_is_a_formula(client: httpx.AsyncClient, url: str) -> None:
    Past(url, random.Random(1)).happens(datetime.now(UTC), repo="=HYPERLINK(1)/x")
    await catch_up(url)
    answer = await client.get("/api/analytics/repos", headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["repository"] == "'=HYPERLINK(1)/x"


async def pages(client: httpx.AsyncClient, endpoint: str, **asked: str) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get(f"/api/analytics/{endpoint}", params={**asked, **cursor})).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_pages_hold_everything_once(client: httpx.AsyncClient, url: str) -> None:
    some = await past(url)
    for name in ("b", "B", "ä", "a-b", "a b", "a_b"):
        some.happens(datetime.now(UTC), repo=f"same/{name}")
    await catch_up(url)
    for endpoint, key in (("repos", "repository"), ("rules", "rule")):
        whole = await pages(client, endpoint, limit="100")
        assert len(whole) > 4
        for limit in ("1", "2", "3"):
            assert await pages(client, endpoint, limit=limit) == whole
        assert len({item[key] for item in whole}) == len(whole)


async def test_a_csv_says_where_the_next_page_is(client: httpx.AsyncClient, url: str) -> None:
    for endpoint in ("repos", "rules"):
        empty = await client.get(f"/api/analytics/{endpoint}", headers={"Accept": "text/csv"})
        assert empty.text.startswith("repository,runs," if endpoint == "repos" else "kind,rule,")
        assert len(empty.text.splitlines()) == 1
    await past(url)
    for endpoint, key in (("repos", "repository"), ("rules", "rule")):
        whole = [item[key] or "" for item in await pages(client, endpoint, tz="+02:00", limit="100")]
        found: list[str] = []
        where = f"/api/analytics/{endpoint}?tz=%2B02:00&limit=2"
        while where:
            page = await client.get(where, headers={"Accept": "text/csv"})
            found += [row[key] for row in csv.DictReader(io.StringIO(page.text))]
            link = re.fullmatch(r'<(/api/analytics/[^>]+)>; rel="next"', page.headers.get("link", ""))
            where = link[1] if link else ""
        assert found == whole


async def test_rules_of_a_kind_with_their_wording(client: httpx.AsyncClient, url: str) -> None:
    await past(url)
    with psycopg.connect(url) as connection:
        version = new_id()
        insert(connection, "constitution_versions", [{"id": version, "content": "x", "sha256": "x"}])
        for method, said in (("rules", "It is tested."), ("llm", "It is tested well.")):
            criterion = {
                "id": new_id(), "constitution_version_id": version, "method": method, "key": "tested", "position": 1,
                "category": "style", "severity": "low", "statement": said,
            }  # fmt: skip
            insert(connection, "criteria", [criterion])
    items = (await client.get("/api/analytics/rules", params={"kind": "criterion"})).json()["items"]
    assert {item["kind"] for item in items} == {"criterion"}
    assert next(item["statement"] for item in items if item["rule"] == "tested") == "It is tested well."
    static = (await client.get("/api/analytics/rules", params={"kind": "static"})).json()["items"]
    assert {item["rule"].partition(":")[0] for item in static} <= {"ruff", "bandit"}


async def test_a_repository_that_is_connected_and_never_ran_is_known(client: httpx.AsyncClient) -> None:
    body = {"full_name": "acme/quiet", "clone_url": "https://github.com/acme/quiet"}
    connected = await client.post("/api/repositories", json=body)
    assert connected.status_code == 201, connected.text
    answer = await client.get("/api/analytics/summary", params={"repo": "acme/quiet"})
    assert answer.json()["current"]["runs"] == 0


BAD = (
    "start=2026-02-01&end=2026-01-01",
    "start=1926-01-01",
    "start=2126-01-01",
    "end=1900-01-01",
    "start=yesterday",
    "start=2026-01-01T00:00:00",
    "start=%00",
    "bucket=monthly",
    "bucket=hourly&start=2025-06-01&end=2026-06-01",
    "tz=Asia/Kolkata",
    "tz=%00",
    "repo=",
    "repo=%00",
    "repo=" + "x" * 600,
    "repo=no/such",
    "surprise=1",
    "start=2026-01-01&start=2026-01-02",
)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_bad_questions_get_a_clear_answer(client: httpx.AsyncClient, endpoint: str) -> None:
    for query in BAD:
        answer = await client.get(f"/api/analytics/{endpoint}?{query}")
        if query.startswith("end="):
            assert answer.status_code == 200, answer.text
            continue
        assert_problem(answer, 404, 422)
        assert answer.json()["detail"].startswith(("query/", "There is no such repository"))


@pytest.mark.parametrize("cursor", ["x", "1-zz", "1-criterion-zz", "-1-00", "1-00-00", "99999999999999-criterion-61"])
async def test_cursors_that_are_none(client: httpx.AsyncClient, cursor: str) -> None:
    for endpoint in ("repos", "rules"):
        assert_problem(await client.get(f"/api/analytics/{endpoint}", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("name", ["c3", "00", "ff", "00ff00"])
async def test_cursors_that_name_what_cannot_be_are_the_end_or_the_beginning(
    client: httpx.AsyncClient, url: str, name: str
) -> None:
    await past(url)
    for endpoint, cursor in (("repos", f"3-{name}"), ("rules", f"3-static-{name}")):
        answer = await client.get(f"/api/analytics/{endpoint}", params={"cursor": cursor})
        assert answer.status_code == 200, answer.text


async def test_the_database_s_time_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/analytics/summary")
    assert re.fullmatch(r"db;dur=\d+\.\d", answer.headers["server-timing"])


async def test_prometheus_tells_the_same(client: httpx.AsyncClient, url: str) -> None:
    some = await past(url, runs=40, days=40)
    for _ in range(5):
        some.happens(datetime.now(UTC) - timedelta(hours=3))
    await catch_up(url)
    summary = (await client.get("/api/analytics/summary", params={"start": "2026-01-01"})).json()["current"]
    judges = (await client.get("/api/analytics/judges", params={"start": "2026-01-01"})).json()["items"]
    some.happens(datetime.now(UTC))
    text = (await client.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    for verdict, count in summary["verdicts"].items():
        assert samples["invariant_runs_finished", verdict] == count
    for severity, count in summary["findings"].items():
        assert samples["invariant_findings", severity] == count
    assert samples["invariant_llm_calls", "made"] == summary["llm"]["calls"]
    assert samples[("invariant_llm_cost_usd",)] == pytest.approx(summary["llm"]["cost_usd"])
    for item in judges:
        assert samples["invariant_judge_agreed", item["role"]] == item["current"]["agreement"]["count"]
    assert samples["invariant_run_seconds", "work", "0.95"] > 0
    assert samples[("invariant_rollup_marks",)] == 1
    assert samples["invariant_workers", "alive"] == 0


async def test_a_users_token_needs_the_right_to_read(url: str) -> None:
    async with app.client(url, CVA_API_TOKEN="service-token-0123") as client:
        service = {"Authorization": "Bearer service-token-0123"}
        for scopes, status in ((["runs:read"], 200), (["runs:write"], 403)):
            made = await client.post("/api/tokens", headers=service, json={"name": "t", "user": "u", "scopes": scopes})
            assert made.status_code == 201, made.text
            headers = {"X-API-Token": made.json()["token"]}
            for endpoint in ENDPOINTS:
                assert (await client.get(f"/api/analytics/{endpoint}", headers=headers)).status_code == status
        assert (await client.get("/api/analytics/summary")).status_code == 401


async def test_no_question_reads_a_whole_table(url: str) -> None:
    """By what the database counted, over a history that is long enough for it to matter."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (id, source_kind, source, status, verdict, repo_full_name, created_at, finished_at)"
            " SELECT gen_random_uuid(), 'git', '{}', 'completed', 'PASS', 'acme/' || n % 40,"
            "  now() - n * interval '30 minutes', now() - n * interval '30 minutes' FROM generate_series(1, 6000) n"
        )
    await catch_up(url)
    scans = (
        "SELECT relname, seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname IN"
        " ('runs', 'analytics_run_metrics', 'analytics_hourly_buckets')"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("SELECT pg_stat_reset()")
    async with app.client(url) as client:
        for endpoint in ENDPOINTS:
            for asked in ({}, {"tz": "Asia/Tokyo"}, {"repo": "acme/7"}, {"start": "2026-11-01", "bucket": "weekly"}):
                answer = await client.get(f"/api/analytics/{endpoint}", params=asked)
                assert answer.status_code == 200, answer.text
    # A session tells what it did at the latest when it ends.
    with psycopg.connect(url, autocommit=True) as connection:

        def told() -> list[Any]:
            rows = connection.execute(scans).fetchall()
            return rows if sum(row[2] for row in rows) > 100 else []

        found = eventually(told, 20)
    assert [(name, sequential) for name, sequential, _ in found if sequential] == []
