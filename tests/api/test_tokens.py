"""Tokens: none gives more, or longer, than the one that made it, and each ends with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.support import app
from tests.support.access import GIVEN, OWNER, ROOT, STRANGER, bearer, service
from tests.support.app import resources

SOON = datetime.now(UTC) + timedelta(hours=1)
LATER = SOON + timedelta(hours=1)


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client(url, **GIVEN) as found:
        yield found


async def ask(client: httpx.AsyncClient, headers: dict[str, str], *scopes: str, **more: Any) -> httpx.Response:
    body = {"name": "n", "scopes": scopes, **more}
    return await client.post("/api/tokens", json=body, headers=headers)


async def make(client: httpx.AsyncClient, headers: dict[str, str], *scopes: str, **more: Any) -> tuple[str, Any]:
    """The headers' own token makes another: its headers, and its view."""
    answer = await ask(client, headers, *scopes, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], bearer(answer.json()["token"])


async def lives(client: httpx.AsyncClient, headers: dict[str, str]) -> bool:
    return (await client.get("/api/runs", headers=headers)).status_code == 200


async def test_a_user_gets_a_token_from_the_service_with_their_rights(client: httpx.AsyncClient) -> None:
    _, own = await make(client, service(OWNER), "runs:read", "runs:write", "remediation:approve")
    assert (await client.get("/api/tokens", headers=own)).json()["items"][0]["user"] == OWNER
    for scopes, more in ((("admin",), {}), (("runs:read",), {"user": STRANGER})):
        assert (await ask(client, service(OWNER), *scopes, **more)).status_code == 403


async def test_a_token_gives_no_scope_that_its_maker_has_not(client: httpx.AsyncClient) -> None:
    _, writer = await make(client, service(OWNER), "runs:write")
    refused = await ask(client, writer, "runs:write", "runs:read", "admin")
    assert refused.status_code == 403
    assert "runs:read, admin" in refused.json()["detail"]
    assert (await ask(client, writer, "runs:write")).status_code == 201
    _, reader = await make(client, service(OWNER), "runs:read")
    assert (await ask(client, reader, "runs:read")).status_code == 403


async def test_nobody_but_the_service_makes_tokens_in_its_name(client: httpx.AsyncClient) -> None:
    _, admin = await make(client, service(), "admin", user="boss")
    assert (await ask(client, admin, "runs:read", user="service")).status_code == 403
    assert (await ask(client, service(), "runs:read", user="service")).status_code == 201


async def test_a_token_lasts_no_longer_than_its_maker(client: httpx.AsyncClient) -> None:
    _, admin = await make(client, service(), "admin", user="boss", expires_at=SOON.isoformat())
    refused = await ask(client, admin, "admin", expires_at=LATER.isoformat())
    assert refused.status_code == 409
    assert SOON.isoformat() in refused.json()["detail"]
    eternal = (await ask(client, admin, "admin", user=STRANGER)).json()
    assert datetime.fromisoformat(eternal["expires_at"]) == SOON
    grandchild = (await ask(client, bearer(eternal["token"]), "runs:read")).json()
    assert datetime.fromisoformat(grandchild["expires_at"]) == SOON


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_token_ends_with_those_it_descends_from(client: httpx.AsyncClient, url: str, end: str) -> None:
    first_id, first = await make(client, service(OWNER), "runs:read", "runs:write")
    second_id, second = await make(client, first, "runs:read", "runs:write")
    _, third = await make(client, second, "runs:read")
    _, other = await make(client, service(OWNER), "runs:read")
    if end == "revoked":
        assert (await client.delete(f"/api/tokens/{second_id}", headers=first)).status_code == 200
    else:
        # As if time had passed: of one row alone, and the third knows nothing of it.
        async with resources(url) as found, found.db.transaction() as session:
            past = "UPDATE api_tokens SET expires_at = now() - interval '1 s' WHERE id = CAST(:id AS uuid)"
            await session.execute(text(past), {"id": second_id})
    assert [await lives(client, who) for who in (first, second, third, other)] == [True, False, False, True]
    listed = {item["id"]: item for item in (await client.get("/api/tokens", headers=first)).json()["items"]}
    assert listed[second_id]["parent_id"] == first_id
    ended = [item["revoked_at"] for item in listed.values() if item["revoked_at"] is not None]
    assert len(ended) == (2 if end == "revoked" else 0)


async def test_a_token_that_a_revoked_one_makes_at_that_moment_is_dead(client: httpx.AsyncClient, url: str) -> None:
    """The maker was asked for its token before it was revoked, and writes afterwards."""
    first_id, first = await make(client, service(OWNER), "runs:read", "runs:write")
    second_id, second = await make(client, service(OWNER), "runs:read")
    await client.delete(f"/api/tokens/{first_id}", headers=service())
    async with resources(url) as found, found.db.transaction() as session:
        await session.execute(
            text("UPDATE api_tokens SET parent_id = CAST(:first AS uuid) WHERE id = CAST(:second AS uuid)"),
            {"first": first_id, "second": second_id},
        )
    assert not await lives(client, second)
    assert not await lives(client, first)


async def test_a_token_cannot_revoke_what_may_do_more(client: httpx.AsyncClient) -> None:
    wide_id, wide = await make(client, service(OWNER), "runs:read", "runs:write")
    narrow_id, narrow = await make(client, service(OWNER), "runs:read")
    foreign_id, _ = await make(client, service(STRANGER), "runs:read")
    assert (await client.delete(f"/api/tokens/{wide_id}", headers=narrow)).status_code == 403
    assert (await client.delete(f"/api/tokens/{foreign_id}", headers=wide)).status_code == 404
    assert await lives(client, wide)
    assert (await client.delete(f"/api/tokens/{narrow_id}", headers=wide)).status_code == 200
    assert not await lives(client, narrow)


async def test_an_administrators_own_token_is_worth_no_more_than_they_are(url: str) -> None:
    async with app.client(url, **GIVEN) as client:
        _, root = await make(client, service(ROOT), "admin", "runs:read")
        _, child = await make(client, root, "admin", "runs:read")
        _, given = await make(client, service(), "admin", user="boss")
        assert [(await client.get("/api/jobs", headers=who)).status_code for who in (root, child, given)] == [200] * 3
    async with app.client(url, CVA_API_TOKEN=GIVEN["CVA_API_TOKEN"]) as client:
        statuses = [(await client.get("/api/jobs", headers=who)).status_code for who in (root, child, given)]
        assert statuses == [403, 403, 200]
        assert await lives(client, child)


async def test_a_chain_of_tokens_is_bounded(client: httpx.AsyncClient) -> None:
    _, own = await make(client, service(OWNER), "runs:read", "runs:write")
    for _ in range(7):
        _, own = await make(client, own, "runs:read", "runs:write")
    assert (await ask(client, own, "runs:read")).status_code == 409
    assert await lives(client, own)


async def test_everybody_sees_their_own_tokens(client: httpx.AsyncClient) -> None:
    own_id, own = await make(client, service(OWNER), "runs:read")
    foreign_id, _ = await make(client, service(STRANGER), "runs:read")
    for headers in (own, service(OWNER)):
        assert [item["id"] for item in (await client.get("/api/tokens", headers=headers)).json()["items"]] == [own_id]
    for headers in (service(), service(ROOT)):
        listed = {item["id"] for item in (await client.get("/api/tokens", headers=headers)).json()["items"]}
        assert listed == {own_id, foreign_id}
