"""Tokens: who may do what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.app import TOKEN_REQUIRED, create_app
from tests.support import app
from tests.support.app import resources, settings

SERVICE = {"Authorization": "Bearer the-service-token-of-32-characters"}
GIVEN = {"CVA_API_TOKEN": "the-service-token-of-32-characters"}


async def make(client: httpx.AsyncClient, *scopes: str, **more: Any) -> dict[str, str]:
    body = {"name": "n", "user": "ada", "scopes": scopes, **more}
    answer = await client.post("/api/tokens", json=body, headers=SERVICE)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def test_what_is_open_and_what_is_not(url: str) -> None:
    async with app.client(url, **GIVEN) as client:
        for path in ("/health", "/ready"):
            assert (await client.get(path)).status_code == 200
        for path in ("/", "/metrics", "/openapi.json", "/api/runs", "/api/tokens", "/api/repositories"):
            answer = await client.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert (await client.get(path, headers=SERVICE)).status_code == 200
            assert (
                await client.get(path, headers={"X-API-Token": "the-service-token-of-32-characters"})
            ).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Basic dTpw", "Bearer wrong", "Bearer inv_wrong", "the-service-token-of-32-characters", ""],
)
async def test_wrong_tokens(url: str, value: str) -> None:
    async with app.client(url, **GIVEN) as client:
        assert (await client.get("/api/runs", headers={"Authorization": value})).status_code == 401


async def test_scopes(url: str, request_body: dict[str, Any]) -> None:
    async with app.client(url, **GIVEN) as client:
        reader = await make(client, "runs:read")
        writer = await make(client, "runs:read", "runs:write")
        assert (await client.get("/api/runs", headers=reader)).status_code == 200
        refused = await client.post("/api/runs", json=request_body, headers=reader)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:invariant:problem:forbidden")
        made = await client.post("/api/runs", json=request_body, headers=writer)
        assert made.status_code == 202
        assert made.json()["created_by"] == "ada"


async def test_a_token_is_shown_once_and_stored_hashed(url: str) -> None:
    async with app.client(url, **GIVEN) as client:
        token = (await make(client, "runs:read"))["Authorization"].split()[1]
        assert token not in (await client.get("/api/tokens", headers=SERVICE)).text
        async with resources(url) as found, found.db.transaction() as session:
            stored = await session.scalar(text("SELECT row(api_tokens.*)::text FROM api_tokens"))
        assert token not in str(stored)


async def test_revoked_and_expired_tokens(url: str) -> None:
    async with app.client(url, **GIVEN) as client:
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        own = await make(client, "runs:read", expires_at=soon)
        assert (await client.get("/api/runs", headers=own)).status_code == 200
        async with resources(url) as found, found.db.transaction() as session:
            await session.execute(text("UPDATE api_tokens SET expires_at = now() - interval '1 s'"))
        assert (await client.get("/api/runs", headers=own)).status_code == 401
        other = await make(client, "runs:read")
        listed = (await client.get("/api/tokens", headers=other)).json()["items"]
        revoked = await client.delete(f"/api/tokens/{listed[0]['id']}", headers=other)
        assert revoked.json()["revoked_at"]
        assert (await client.get("/api/runs", headers=other)).status_code == 401


async def test_times_that_no_database_holds(url: str) -> None:
    async with app.client(url, **GIVEN) as client:
        for time in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
            body = {"name": "n", "scopes": ["runs:read"], "expires_at": time}
            assert (await client.post("/api/tokens", json=body, headers=SERVICE)).status_code == 422
            assert (await client.get("/api/runs", params={"since": time}, headers=SERVICE)).status_code == 422


async def test_a_browser_can_read_a_problem(url: str) -> None:
    async with app.client(url, CVA_CORS_ORIGINS="https://ui.example", **GIVEN) as client:
        answer = await client.get("/api/runs", headers={"Origin": "https://ui.example"})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "https://ui.example"


async def test_railway_is_production_without_being_told(url: str, request_body: dict[str, Any]) -> None:
    given = {"RAILWAY_ENVIRONMENT": "production", "DATABASE_URL": url}
    with pytest.raises(RuntimeError, match=TOKEN_REQUIRED):
        create_app(settings(**given))
    async with app.client(url, **given, **GIVEN) as client:
        body = {**request_body, "source": {"kind": "path", "path": "/etc"}}
        assert (await client.post("/api/runs", json=body, headers=SERVICE)).status_code == 422


async def test_the_service_acts_for_a_user(url: str, request_body: dict[str, Any]) -> None:
    async with app.client(url, **GIVEN) as client:
        made = await client.post("/api/runs", json=request_body, headers={**SERVICE, "X-CVA-User": "grace"})
        assert made.json()["created_by"] == "grace"
        wrong: list[Any] = [(*SERVICE.items(), ("X-CVA-User", name)) for name in ("a b", "", "service", "x" * 129)]
        for headers in (*wrong, (*SERVICE.items(), ("X-CVA-User", "grace"), ("X-CVA-User", "ada"))):
            assert (await client.get("/api/runs", headers=list(headers))).status_code == 400


def test_production_needs_a_token() -> None:
    with pytest.raises(RuntimeError, match=TOKEN_REQUIRED):
        create_app(settings(CVA_PRODUCTION=True, DATABASE_URL="postgresql://x/y"))


async def test_production_has_no_docs(url: str) -> None:
    async with app.client(url) as client:
        assert (await client.get("/docs")).status_code == 200
        assert (await client.get("/docs/static/swagger-ui.css")).status_code == 200
    async with app.client(url, CVA_PRODUCTION=True, DATABASE_URL=url, **GIVEN) as client:
        assert (await client.get("/docs", headers=SERVICE)).status_code == 404
