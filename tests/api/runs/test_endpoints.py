"""The contract of runs, repositories and uploads."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import app
from tests.support.app import work
from tests.support.git import repository
from tests.worker.core.untrusted.test_archives import make_tar, make_zip


async def test_accepted_with_its_place_and_ids(client: httpx.AsyncClient, request_body: dict[str, Any]) -> None:
    answer = await client.post("/api/runs", json=request_body, headers={"X-Request-ID": "abc-123"})
    assert answer.status_code == 202
    assert answer.headers["x-request-id"] == "abc-123"
    run = answer.json()
    assert answer.headers["location"] == f"/api/runs/{run['id']}"
    assert (run["status"], run["verdict"], run["request_id"]) == ("queued", None, "abc-123")
    assert (await client.get(answer.headers["location"])).json() == run


async def test_a_strange_request_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health", headers={"X-Request-ID": "a b; drop"})
    assert answer.headers["x-request-id"] != "a b; drop"


async def test_pages_hold_every_run_once(client: httpx.AsyncClient, request_body: dict[str, Any]) -> None:
    made = [(await client.post("/api/runs", json=request_body)).json()["id"] for _ in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/runs", params=query)).json()
        seen += [run["id"] for run in page["items"]]
        if len(seen) == 3:
            # A run that comes meanwhile does not move the others.
            await client.post("/api/runs", json=request_body)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_filters(client: httpx.AsyncClient, url: str, request_body: dict[str, Any]) -> None:
    plain = (await client.post("/api/runs", json=request_body)).json()["id"]
    git = {**request_body, "source": {"kind": "git", "url": "https://github.com/encode/starlette.git"}}
    named = (await client.post("/api/runs", json=git)).json()["id"]
    await work(url, plain)

    async def ids(**query: str) -> list[str]:
        return [run["id"] for run in (await client.get("/api/runs", params=query)).json()["items"]]

    assert await ids(repo="encode/starlette") == [named]
    assert await ids(status="completed") == [plain]
    assert await ids(verdict="FAIL") == [plain]
    assert await ids(status="queued", repo="other/name") == []
    assert await ids(since="2020-01-01T00:00:00Z") == [named, plain]
    assert await ids(until="2020-01-01T00:00:00Z") == []
    assert await ids(branch="main") == []


async def test_cancel_and_retry(client: httpx.AsyncClient, url: str, request_body: dict[str, Any]) -> None:
    run_id = (await client.post("/api/runs", json=request_body)).json()["id"]
    assert (await client.post(f"/api/runs/{run_id}/retry")).status_code == 409
    cancelled = await client.delete(f"/api/runs/{run_id}")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await client.delete(f"/api/runs/{run_id}")).status_code == 409
    assert (await client.get(f"/api/runs/{run_id}/verdict")).status_code == 404
    assert await work(url, run_id) == "nothing to do"
    again = await client.post(f"/api/runs/{run_id}/retry")
    assert again.status_code == 202
    assert again.json()["retry_of"] == run_id
    assert await work(url, again.json()["id"]) == "FAIL"


async def test_artifacts_before_and_after(client: httpx.AsyncClient, url: str, request_body: dict[str, Any]) -> None:
    run_id = (await client.post("/api/runs", json=request_body)).json()["id"]
    for name in ("verdict", "report", "sarif", "criteria", "artifacts/REPORT.md"):
        assert (await client.get(f"/api/runs/{run_id}/{name}")).status_code == 409
    await work(url, run_id)
    kinds = {
        "verdict": "application/json",
        "report": "text/markdown; charset=utf-8",
        "sarif": "application/sarif+json",
        "artifacts/REPORT.md": "text/markdown; charset=utf-8",
    }
    for name, kind in kinds.items():
        answer = await client.get(f"/api/runs/{run_id}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        fresh = await client.get(f"/api/runs/{run_id}/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert (fresh.status_code, fresh.content) == (304, b"")
    assert (await client.get(f"/api/runs/{run_id}/artifacts/none.txt")).status_code == 404
    assert (await client.get(f"/api/runs/{run_id}/calls")).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("make", [make_zip, make_tar])
async def test_an_upload_is_verified(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any], make: Any
) -> None:
    content = make({"pkg/app.py": b"def f(x):\n    return eval(x)\n"})
    uploaded = await client.post("/api/uploads", content=content, headers={"Content-Type": "application/octet-stream"})
    assert uploaded.status_code == 201
    upload = uploaded.json()
    assert (upload["files"], upload["size"]) == (1, len(content))
    body = {**request_body, "source": {"kind": "upload", "upload_id": upload["upload_id"]}}
    run_id = (await client.post("/api/runs", json=body)).json()["id"]
    assert await work(url, run_id) == "FAIL"
    verdict = (await client.get(f"/api/runs/{run_id}/verdict")).json()
    assert verdict["criteria"][0]["evidence"][0]["path"] == "pkg/app.py"


async def test_many_keys_at_once_do_not_wait_for_each_others_connections(
    client: httpx.AsyncClient, request_body: dict[str, Any]
) -> None:
    """Each held a connection for its key and wanted a second one: ten at once had the pool, and nobody went on."""
    made = await client.post("/api/repositories", json={"clone_url": "https://github.com/a/b", "full_name": "a/b"})
    body = {**request_body, "source": {"kind": "repository", "repository_id": made.json()["id"]}}

    async def post(number: int) -> httpx.Response:
        return await client.post("/api/runs", json=body, headers={"Idempotency-Key": f"key-{number}"})

    answers = await asyncio.gather(*(post(number) for number in range(40)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 40


async def test_a_connected_repository(client: httpx.AsyncClient, url: str, tmp_path: Path) -> None:
    commit = repository(tmp_path / "repo", {"a.py": "eval('1')\n"})
    made = await client.post("/api/repositories", json={"clone_url": str(tmp_path / "repo"), "full_name": "acme/shop"})
    assert made.status_code == 201
    place = made.headers["location"]
    assert (
        await client.post("/api/repositories", json={"clone_url": "/x", "full_name": "acme/shop"})
    ).status_code == 409
    source = {"kind": "repository", "repository_id": made.json()["id"]}
    assert (await client.post("/api/runs", json={"source": source})).status_code == 422
    first = await client.put(f"{place}/constitution", json={"content": "- Code MUST NOT call eval()\n"})
    same = await client.put(f"{place}/constitution", json={"content": "- Code MUST NOT call eval()\n"})
    second = await client.put(f"{place}/constitution", json={"content": "- Code MUST NOT call exec()\n"})
    assert [(a.status_code, a.json()["version"]) for a in (first, same, second)] == [(201, 1), (200, 1), (201, 2)]
    for extra, verdict in (({}, "PASS"), ({"constitution_version_id": first.json()["id"]}, "FAIL")):
        run = (await client.post("/api/runs", json={"source": source, **extra})).json()
        assert (run["repository"], run["branch"]) == ("acme/shop", "main")
        assert await work(url, run["id"]) == verdict
        assert (await client.get(f"/api/runs/{run['id']}")).json()["commit"] == commit
    branch = await client.put(f"{place}/branches", json={"name": "main", "monitored": True})
    assert branch.json() == {"name": "main", "monitored": True, "last_commit": None}
    assert (await client.get(f"{place}/branches")).json()["items"] == [branch.json()]
    assert (await client.patch(place, json={"default_branch": "next"})).json()["default_branch"] == "next"
    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404
    assert len((await client.get("/api/runs", params={"repo": "acme/shop"})).json()["items"]) == 2


async def test_ready_says_what_is_wrong(server: Any) -> None:
    with server.database(template=None) as empty:
        async with app.client(empty) as client:
            answer = await client.get("/ready")
            assert answer.status_code == 503
            assert "CVA_APPLY_MIGRATIONS" in answer.json()["checks"]["migrations"]
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/api/runs")).status_code == 500
    async with app.client("postgresql://postgres@/none?host=/nonexistent") as client:
        assert (await client.get("/ready")).json()["checks"]["database"].startswith("does not answer")
        answer = await client.get("/api/runs")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_metrics_count_by_route(client: httpx.AsyncClient, request_body: dict[str, Any]) -> None:
    run_id = (await client.post("/api/runs", json=request_body)).json()["id"]
    await client.get(f"/api/runs/{run_id}")
    await client.get("/nowhere/at/all")
    content = (await client.get("/metrics")).text
    assert 'invariant_http_requests_total{method="GET",route="/api/runs/{run_id}",status="200"} 1.0' in content
    assert 'route="unmatched"' in content
    assert "/nowhere" not in content
    assert 'invariant_runs{status="queued"} 1.0' in content
    assert "invariant_runs_accepted_total 1.0" in content


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"kind": "path", "path": "/etc"}},
        {"source": {"kind": "git", "url": "http://github.com/a/b"}},
        {"callback_url": "http://127.0.0.1:1/hook"},
    ],
)
async def test_what_development_accepted_is_not_run_again_in_production(
    url: str, request_body: dict[str, Any], change: dict[str, Any]
) -> None:
    async with app.client(url) as client:
        run = (await client.post("/api/runs", json={**request_body, **change})).json()["id"]
        assert (await client.delete(f"/api/runs/{run}")).status_code == 200
        assert (await client.post(f"/api/runs/{run}/retry")).status_code == 202
    given = {"CVA_PRODUCTION": "true", "DATABASE_URL": url, "CVA_API_TOKEN": "service-token" * 3}
    async with app.client(url, **given) as client:
        answer = await client.post(f"/api/runs/{run}/retry", headers={"X-API-Token": "service-token" * 3})
    assert answer.status_code == 422
