"""GitHub's deliveries: what is signed is taken once, what is not is not; and all that GitHub itself gives as examples."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.support import app
from tests.support.github.server import SECRET, signed
from worker.core.github import payloads, signing
from worker.github import chores, tasks

_ZERO = "0" * 40
PUSH = {
    "ref": "refs/heads/main",
    "before": "a" * 40,
    "after": "b" * 40,
    "repository": {"id": 1, "full_name": "acme/shop"},
}


@pytest.fixture
async def api(url: str) -> Any:
    async with app.client(url, CVA_GITHUB_WEBHOOK_SECRET=SECRET) as found:
        yield found


async def _post(api: httpx.AsyncClient, **request: Any) -> httpx.Response:
    return await api.post("/api/webhooks/github", **request)


async def test_a_delivery_is_taken_once(api: httpx.AsyncClient, url: str) -> None:
    first = await _post(api, **signed("push", PUSH, delivery="one"))
    again = await _post(api, **signed("push", PUSH, delivery="one"))
    assert (first.status_code, first.json()["taken"]) == (202, True)
    assert (again.status_code, again.json()["taken"]) == (200, False)
    async with app.resources(url) as resources, resources.db.transaction() as session:
        jobs = await session.scalar(
            text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'github.take_deliveries'")
        )
    assert jobs == 1


async def test_deliveries_that_follow_each_other_are_one_job(api: httpx.AsyncClient, url: str) -> None:
    for number in range(5):
        assert (await _post(api, **signed("push", {**PUSH, "after": f"{number:040x}"}))).status_code == 202
    async with app.resources(url) as resources, resources.db.transaction() as session:
        jobs = await session.scalar(
            text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'github.take_deliveries'")
        )
    assert jobs == 1


async def test_what_no_job_takes_is_found_and_taken(api: httpx.AsyncClient, url: str) -> None:
    """The job was lost, or ended at the moment when the delivery came."""
    await _post(api, **signed("push", PUSH))
    async with app.resources(url) as resources:
        async with resources.db.transaction() as session:
            await session.execute(text("DELETE FROM procrastinate_jobs"))
            await session.execute(text("UPDATE webhook_deliveries SET received_at = now() - interval '1 minute'"))
        await chores.take(resources)
        context = SimpleNamespace(additional_context={"resources": resources})
        await tasks.take_deliveries.func(context, "repository-1")
        async with resources.db.transaction() as session:
            left = await session.scalar(text("SELECT count(*) FROM webhook_deliveries WHERE processed_at IS NULL"))
            jobs = await session.scalar(text("SELECT count(*) FROM procrastinate_jobs"))
    assert (left, jobs) == (0, 1)


def _altered(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "content": request["content"].replace(b"main", b"maim", 1)}


def _with(request: dict[str, Any], signature: str | None) -> dict[str, Any]:
    headers = {name: value for name, value in request["headers"].items() if name != signing.HEADER}
    return {**request, "headers": headers if signature is None else {**headers, signing.HEADER: signature}}


_GOOD = signed("push", PUSH)["headers"][signing.HEADER]


@pytest.mark.parametrize(
    "request_",
    [
        signed("push", PUSH, secret="another secret"),
        _with(signed("push", PUSH), None),
        _with(signed("push", PUSH), ""),
        _with(signed("push", PUSH), "sha256="),
        _with(signed("push", PUSH), _GOOD[:-1]),
        _with(signed("push", PUSH), _GOOD.removeprefix("sha256=")),
        _with(signed("push", PUSH), _GOOD.replace("sha256", "sha1")),
        _with(signed("push", PUSH), _GOOD.upper()),
        _altered(signed("push", PUSH)),
    ],
    ids=["wrong", "missing", "empty", "no digest", "truncated", "no name", "sha1", "upper case", "altered"],
)
async def test_what_is_not_signed_is_not_taken(api: httpx.AsyncClient, url: str, request_: dict[str, Any]) -> None:
    answer = await _post(api, **request_)
    assert answer.status_code == 401, answer.text
    async with app.resources(url) as resources, resources.db.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM webhook_deliveries")) == 0


async def test_a_body_of_25_mb_is_refused(api: httpx.AsyncClient) -> None:
    answer = await _post(api, **signed("push", {**PUSH, "more": "x" * (25 << 20)}))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({}, 422),
        ([], 422),
        ("text", 422),
        ({**PUSH, "after": "../../etc"}, 422),
        ({**PUSH, "after": None}, 422),
        ({**PUSH, "repository": {"id": "1; DROP TABLE runs", "full_name": "a/b"}}, 422),
        ({**PUSH, "repository": {"id": 1 << 70, "full_name": "a/b"}}, 422),
        ({**PUSH, "ref": "refs/heads/\x00"}, 422),
        ({**PUSH, "ref": "refs/heads/" + "x" * 5000}, 422),
    ],
)
async def test_a_payload_that_is_not_githubs_is_refused(api: httpx.AsyncClient, payload: Any, status: int) -> None:
    answer = await _post(api, **signed("push", payload))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_what_is_no_json_is_refused(api: httpx.AsyncClient, content: bytes) -> None:
    request = signed("push", PUSH)
    headers = {**request["headers"], signing.HEADER: signing.signature(SECRET, content)}
    assert (await _post(api, content=content, headers=headers)).status_code == 400


async def test_a_form_is_told_what_to_choose(api: httpx.AsyncClient) -> None:
    request = signed("push", PUSH)
    request["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
    answer = await _post(api, **request)
    assert answer.status_code == 415 and "application/json" in answer.json()["detail"]


async def test_without_a_secret_nothing_is_taken(url: str) -> None:
    async with app.client(url) as api:
        assert (await _post(api, **signed("push", PUSH))).status_code == 404


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """What `@octokit/webhooks-examples` has of every event of github.com, from npm's registry."""
    folder = tmp_path_factory.mktemp("octokit")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    packed = subprocess.run(
        ["npm", "pack", "--silent", "@octokit/webhooks-examples@7.6.1"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "npm_config_cache": str(folder / "cache")},
    )
    if packed.returncode != 0:
        pytest.skip(f"npm's registry cannot be reached: {packed.stderr[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    found: list[dict[str, Any]] = []
    for index in sorted((folder / "package").glob("*/index.json")):
        found += json.loads(index.read_text())
    yield found


async def test_every_published_example_is_taken_or_ignored_for_a_reason(
    api: httpx.AsyncClient, examples: list[dict[str, Any]], tmp_path: Path
) -> None:
    taken: dict[str, int] = {}
    count = 0
    for event in examples:
        for example in event["examples"]:
            answer = await _post(api, **signed(event["name"], example))
            assert answer.status_code == 202, (event["name"], answer.text)
            body = answer.json()
            assert body["taken"] or body["reason"], event["name"]
            taken[event["name"]] = taken.get(event["name"], 0) + body["taken"]
            count += 1
    assert count > 700
    ours = {event.value for event in payloads.Event} - {"ping"}
    assert ours <= set(taken) | {"merge_group"} and all(taken.get(name, 1) for name in ours), taken
    assert {name for name, number in taken.items() if number} <= ours
