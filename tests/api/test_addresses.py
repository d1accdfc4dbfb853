"""Addresses of inner networks, in every way they are written, at every door of a production api: nothing is called."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.support import app
from tests.support.processes import TOKEN
from tests.worker.core.untrusted.test_hosts import INNER, NOT_PUBLIC

_PRODUCTION = {
    "CVA_PRODUCTION": "true",
    "CVA_API_TOKEN": TOKEN,
    "CVA_GIT_HOSTS": "*",
    "OPENAI_API_KEY": "sk-test",
}
_RAILWAY = ["api.railway.internal", "postgres.railway.internal.", "POSTGRES.RAILWAY.INTERNAL"]
_HOSTS = [*INNER, *_RAILWAY, *(f"[{host}]" if ":" in host else host for host in NOT_PUBLIC)]


@pytest.fixture
async def api(url: str) -> Any:
    async with app.client(url, **_PRODUCTION, DATABASE_URL=url) as found:
        found.headers["Authorization"] = f"Bearer {TOKEN}"
        yield found


async def test_no_door_takes_an_address_of_an_inner_network(api: httpx.AsyncClient, url: str) -> None:
    made = await api.post("/api/repositories", json={"clone_url": "https://github.com/acme/shop"})
    place = f"/api/repositories/{made.json()['id']}"
    assert len(_HOSTS) > 100
    for host in _HOSTS:
        hook = f"https://{host}/hook"
        run = {"source": {"kind": "files", "files": {"a": "b"}}, "constitution": "- Be kind.", "callback_url": hook}
        git = {"source": {"kind": "git", "url": f"https://{host}/a/b"}, "constitution": "- Be kind."}
        answers = [
            await api.post("/api/runs", json=run),
            await api.post("/api/runs", json=git),
            await api.post("/api/repositories", json={"clone_url": f"https://{host}/a/b"}),
            await api.patch(place, json={"clone_url": f"https://{host}/a/b"}),
            await api.patch(place, json={"settings": {"notify": [{"url": hook}]}}),
        ]
        assert {answer.status_code for answer in answers} <= {409, 422}, (host, [a.text for a in answers])
        tried = await api.post("/api/callbacks/test", json={"url": hook})
        assert tried.status_code == 422 or tried.json()["status"] == "refused", (host, tried.text)
    async with app.resources(url) as resources, resources.db.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


async def test_addresses_at_one_host_stay_what_they_are(client: httpx.AsyncClient) -> None:
    """Shown without what follows their host, and sent back so, as the settings' form does."""
    repository = (await client.post("/api/repositories", json={"clone_url": "https://github.com/acme/two"})).json()
    path = f"/api/repositories/{repository['id']}"
    notices = [{"url": f"https://93.184.216.34/{name}", "format": "slack"} for name in ("one", "two")]
    shown = (await client.patch(path, json={"settings": {"notify": notices}})).json()["settings"]["notify"]
    assert [notice["url"] for notice in shown] == ["https://93.184.216.34/***"] * 2
    assert (await client.patch(path, json={"settings": {"notify": shown}})).status_code == 200
    more = [*shown, shown[0]]
    assert (await client.patch(path, json={"settings": {"notify": more}})).status_code == 409
