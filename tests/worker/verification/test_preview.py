"""What would be read from a constitution while somebody writes it: by a worker, which the api awaits."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from tests.support import app
from worker.core.db.database import libpq_url
from worker.core.ids import sha256
from worker.verification import preview

TEXT = """# Rules

- Code MUST NOT call `eval()`. [critical]
- The service MUST answer within a second.
- Pull requests MUST be reviewed by two people before they are merged.

```python
assert MUST_NOT
```
"""


async def previewed(url: str, client: httpx.AsyncClient, text: str) -> httpx.Response:
    """The api's answer, with a worker that takes up what the api has owed."""
    async with app.resources(url) as resources:
        asking = asyncio.create_task(client.post("/api/constitutions/preview", json={"content": text}))
        while not asking.done() and not _owed(url, text):
            await asyncio.sleep(0.02)
        await preview.read(sha256(text.encode()), resources)
        return await asking


def _owed(url: str, text: str) -> bool:
    with psycopg.connect(libpq_url(url)) as connection:
        asked = "SELECT FROM work_items WHERE kind = 'verification.read_constitution' AND subject = %s"
        return connection.execute(asked, [sha256(text.encode())]).fetchone() is not None


async def test_criteria_are_told_with_what_decides_them(url: str, client: httpx.AsyncClient) -> None:
    answer = await previewed(url, client, TEXT)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    by_statement = {item["statement"]: item for item in found["criteria"]}
    forbids = by_statement["Code MUST NOT call `eval()`."]
    assert (forbids["severity"], forbids["kind"], forbids["static"], forbids["line"]) == (
        "critical",
        "forbids",
        True,
        3,
    )
    assert by_statement["The service MUST answer within a second."]["static"] is False
    assert any(item["kind"] == "process" for item in found["criteria"])
    assert found["problem"] is None
    assert {line["became"] for line in found["lines"]} >= {"criterion", "not read"}


async def test_text_without_rules_is_told_so(url: str, client: httpx.AsyncClient) -> None:
    found = (await previewed(url, client, "Hello.")).json()
    assert found["criteria"] == [] and "says nothing that can be checked" in found["problem"]


async def test_secrets_in_it_are_masked(url: str, client: httpx.AsyncClient) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    answer = await previewed(url, client, f"- Code MUST NOT hold {secret} anywhere.\n")
    assert answer.status_code == 200 and secret not in answer.text


async def test_same_text_is_read_once(url: str, client: httpx.AsyncClient) -> None:
    await previewed(url, client, TEXT)
    # No worker is there any more.
    again = await client.post("/api/constitutions/preview", json={"content": TEXT})
    assert again.status_code == 200 and len(again.json()["criteria"]) >= 3


async def test_without_a_worker_it_says_so(
    url: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.constitution_previews._READ_SECONDS", 0.2)
    answer = await client.post("/api/constitutions/preview", json={"content": "- Code MUST be read."})
    assert answer.status_code == 503 and "No worker" in answer.json()["detail"]


async def test_run_s_constitution_is_told_to_who_may_see_the_run(client: httpx.AsyncClient) -> None:
    body = {"source": {"kind": "files", "files": {"a.py": "x = 1\n"}}, "constitution": TEXT}
    run = (await client.post("/api/runs", json=body, headers={"X-CVA-User": "ada"})).json()
    path = f"/api/constitutions/{run['constitution_version_id']}"
    assert (await client.get(path, headers={"X-CVA-User": "ada"})).json()["content"] == TEXT
    assert (await client.get(path, headers={"X-CVA-User": "eve"})).status_code == 404


async def test_who_asks_is_told(client: httpx.AsyncClient) -> None:
    me = (await client.get("/api/me", headers={"X-CVA-User": "ada"})).json()
    assert me["user"] == "ada" and not me["is_admin"] and "runs:read" in me["scopes"]
    assert (await client.get("/api/me")).json() == {
        "user": None,
        "scopes": ["admin", "remediation:approve", "runs:read", "runs:write"],
        "is_admin": True,
    }
