"""Bad input gets a 4xx problem that says what is wrong, and changes nothing."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.support import app
from tests.support.app import resources
from tests.worker.core.untrusted.test_archives import HOSTILE, make_tar, make_zip

UNKNOWN = "0190b6a0-0000-7000-8000-000000000000"
TABLES = (
    "runs",
    "run_events",
    "uploads",
    "constitution_versions",
    "procrastinate_jobs",
    "repo_connections",
    "api_tokens",
)


async def nothing_written(url: str) -> bool:
    async with resources(url) as found, found.db.transaction() as session:
        counts = [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES]
    return not any(counts)


def assert_problem(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:invariant:problem:")
    assert len(problem["detail"]) > 8
    assert problem["request_id"] == answer.headers["x-request-id"]


RAW_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half": b'{"source": {"kind": "files"',
    "a list": b"[]",
    "null": b"null",
    "a number": b"1e999",
    "NaN": b'{"source": NaN}',
    "nested lists": b"[" * 1_000_000,
    "nested objects": b'{"a":' * 150_000,
    "nested source": b'{"source":' * 100_000,
    "not UTF-8": b'{"source": "\xff\xfe"}',
    "lone surrogate": b'{"constitution": "\\ud800", "source": {"kind": "files", "files": {"a": "b"}}}',
    "lone surrogate in a path": b'{"constitution": "- x must y", "source": {"kind": "files", "files": {"\\ud800": "b"}}}',
    "NUL": b'{"constitution": "- x must \\u0000 y", "source": {"kind": "files", "files": {"a": "b"}}}',
    "NUL in a label": b'{"constitution": "- a must b", "labels": {"a": "\\u0000"}, "source": {"kind": "files", "files": {"a": "b"}}}',
    "doubled mark": b"\xef\xbb\xbf\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("name", RAW_BODIES)
async def test_bodies_that_are_no_requests(client: httpx.AsyncClient, url: str, name: str) -> None:
    for path in ("/api/runs", "/api/repositories", "/api/tokens"):
        answer = await client.post(path, content=RAW_BODIES[name], headers={"Content-Type": "application/json"})
        assert_problem(answer, 400, 413, 422)
    assert await nothing_written(url)


CHANGES: dict[str, dict[str, Any]] = {
    "unknown kind": {"source": {"kind": "ftp"}},
    "no kind": {"source": {}},
    "unknown field": {"surprise": 1},
    "climbing path": {"source": {"kind": "files", "files": {"../evil": "x"}}},
    "absolute path": {"source": {"kind": "files", "files": {"/etc/cron.d/evil": "x"}}},
    "git folder": {"source": {"kind": "files", "files": {".git/hooks/post-checkout": "x"}}},
    "file and folder": {"source": {"kind": "files", "files": {"a": "x", "a/b": "y"}}},
    "no files": {"source": {"kind": "files", "files": {}}},
    "wrong id": {"source": {"kind": "upload", "upload_id": "1"}},
    "unknown upload": {"source": {"kind": "upload", "upload_id": UNKNOWN}},
    "unknown repository": {"source": {"kind": "repository", "repository_id": UNKNOWN}},
    "remote helper": {"source": {"kind": "git", "url": "ext::sh -c id"}},
    "option as URL": {"source": {"kind": "git", "url": "--upload-pack=id"}},
    "credentials in URL": {"source": {"kind": "git", "url": "https://u:p@github.com/a/b"}},
    "option as ref": {"source": {"kind": "git", "url": "https://github.com/a/b", "ref": "--exec=id"}},
    "no constitution": {"constitution": None},
    "empty constitution": {"constitution": ""},
    "long constitution": {"constitution": "x" * 200_001},
    "both constitutions": {"constitution_version_id": UNKNOWN},
    "unknown constitution": {"constitution": None, "constitution_version_id": UNKNOWN},
    "diff without base": {"mode": "diff"},
    "base without diff": {"base": "main"},
    "diff of files": {"mode": "diff", "base": "main"},
    "unknown mode": {"mode": "fast"},
    "callback scheme": {"callback_url": "file:///etc/passwd"},
    "callback credentials": {"callback_url": "https://u:p@example.org/"},
    "too many labels": {"labels": {f"k{n}": "v" for n in range(33)}},
    "label of a number": {"labels": {"a": 1}},
    "label's key": {"labels": {"": "v"}},
}


@pytest.mark.parametrize("name", CHANGES)
async def test_requests_that_make_no_sense(
    client: httpx.AsyncClient, url: str, request_body: dict[str, Any], name: str
) -> None:
    assert_problem(await client.post("/api/runs", json={**request_body, **CHANGES[name]}), 404, 422)
    assert await nothing_written(url)


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"kind": "path", "path": "/"}},
        {"source": {"kind": "git", "url": "file:///etc"}},
        {"source": {"kind": "git", "url": "https://evil.example/a/b"}},
        {"callback_url": "http://example.org/"},
        {"callback_url": "https://127.0.0.1/"},
        {"callback_url": "https://[::1]:8080/"},
    ],
)
async def test_production_is_stricter(url: str, request_body: dict[str, Any], change: dict[str, Any]) -> None:
    given = {"CVA_PRODUCTION": True, "DATABASE_URL": url, "CVA_API_TOKEN": "service-token" * 3}
    async with app.client(url, **given) as client:
        headers = {"X-API-Token": "service-token" * 3}
        assert_problem(await client.post("/api/runs", json={**request_body, **change}, headers=headers), 422)
    assert await nothing_written(url)


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/1",
        "/api/runs/%00",
        "/api/runs/..%2f..%2fetc",
        f"/api/runs/{UNKNOWN}",
        f"/api/runs/{UNKNOWN}/report",
        f"/api/runs/{UNKNOWN}/artifacts/..%2fx",
        f"/api/runs/{UNKNOWN}/events",
        f"/api/runs/{UNKNOWN}/nothing",
        "/api/nothing",
        "/api/runs/",
        "/api/runs?limit=0",
        "/api/runs?limit=x",
        "/api/runs?limit=1&limit=2",
        "/api/runs?surprise=1",
        "/api/runs?status=done",
        "/api/runs?since=yesterday",
        "/api/runs?since=2026-01-01T00:00:00",
        "/api/runs?repo=%00",
        "/api/runs?cursor=x",
        "/api/runs?cursor=%ff%fe",
        "/api/runs?cursor=W10",
        "/api/runs?cursor=WzEsMl0",
        "/api/runs?cursor=" + "A" * 3000,
        "/health?surprise=1",
    ],
)
async def test_paths_and_queries(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 400, 404, 422)


async def test_methods_and_media_types(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/api/runs")
    assert_problem(answer, 405)
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "POST"}
    assert_problem(await client.post("/api/runs", content=b"a=b", headers={"Content-Type": "text/plain"}), 415)
    assert_problem(await client.post("/api/uploads", content=b"x", headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("key", ["", "x" * 256, "täst".encode("latin-1").decode("latin-1"), "a\tb"])
async def test_idempotency_keys(client: httpx.AsyncClient, request_body: dict[str, Any], key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    assert_problem(await client.post("/api/runs", json=request_body, headers=headers), 400)


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_archives(client: httpx.AsyncClient, url: str, name: str) -> None:
    answer = await client.post("/api/uploads", content=HOSTILE[name], headers={"Content-Type": "application/zip"})
    if name in ("too many", "zip bomb", "tar bomb", "folders without number"):
        # Those are the small limits of another test; the settings here allow more.
        assert answer.status_code in (201, 422)
        return
    assert_problem(answer, 422)
    assert await nothing_written(url)


async def test_archives_beyond_the_limits(url: str) -> None:
    limits = {"CVA_MAX_SNAPSHOT_FILES": 20, "CVA_MAX_SNAPSHOT_BYTES": 1 << 20}
    async with app.client(url, **limits) as client:
        for content in (
            make_zip({f"f{n}": b"x" for n in range(30)}),
            make_zip({"zeros": bytes(2 << 20)}),
            make_tar({"zeros": bytes(2 << 20)}),
        ):
            assert_problem(await client.post("/api/uploads", content=content), 422)
    assert await nothing_written(url)


async def test_oversized_and_endless_bodies(url: str) -> None:
    async with app.client(url, CVA_MAX_BODY_BYTES=10_000, CVA_MAX_UPLOAD_BYTES=20_000) as client:
        sent = 0

        async def endless() -> Any:
            nonlocal sent
            while True:
                sent += 1000
                yield b"x" * 1000

        headers = {"Content-Type": "application/json"}
        for path, limit in (("/api/runs", 10_000), ("/api/uploads", 20_000)):
            assert_problem(
                await client.post(path, content=b"x" * (limit + 1), headers=headers if "runs" in path else {}), 413
            )
            sent = 0
            assert_problem(await client.post(path, content=endless(), headers=headers if "runs" in path else {}), 413)
            assert sent <= limit + 2000
    assert await nothing_written(url)


async def test_a_problem_never_echoes_what_cannot_be_sent_back(client: httpx.AsyncClient) -> None:
    body = json.dumps({"source": {"kind": "files", "files": {"\ud800": "x"}}, "constitution": "- a must b"})
    answer = await client.post("/api/runs", content=body.encode(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, 422)
    answer.content.decode("utf-8")
