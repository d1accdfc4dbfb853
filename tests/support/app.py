"""The api in this process, and the worker's task called as a function: real database, no network."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
from asgi_lifespan import LifespanManager

from api.app import create_app
from worker.core.db.database import Database
from worker.core.settings import Settings
from worker.runtime.resources import Resources
from worker.verification.attempt import verify_run


def settings(**given: Any) -> Settings:
    """Settings from variables' names alone, whatever the machine's environment says."""
    return Settings.model_validate(given)


@contextlib.asynccontextmanager
async def client(url: str, **given: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the api on the database `url`."""
    app = create_app(settings(**given), url=url)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as found:
            yield found


@contextlib.asynccontextmanager
async def resources(url: str, **given: Any) -> AsyncIterator[Resources]:
    """What a worker process has."""
    db = Database(url, application="invariant-tests", pool_size=8)
    try:
        yield Resources(settings=settings(**given), db=db, holder=f"test-{uuid.uuid4().hex[:6]}")
    finally:
        await db.dispose()


async def work(url: str, run_id: str, **given: Any) -> str:
    """Take the run up, as a worker would; returns how that ended."""
    async with resources(url, **given) as found:
        return await verify_run(uuid.UUID(run_id), found)
