"""The api in this process, and the worker's task called as a function: real database, no network."""

import contextlib
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import httpx
import uvicorn
from asgi_lifespan import LifespanManager

from api.app import create_app
from api.http.protocol import BoundedHttpProtocol
from tests.support.processes import eventually
from worker import isolated
from worker.core.db.database import Database
from worker.core.settings import Settings
from worker.isolation.contained import Isolation
from worker.runtime.resources import Resources
from worker.verification.attempt import verify_run


def settings(**given: Any) -> Settings:
    """Settings from variables' names alone, whatever the machine's environment says."""
    return Settings.model_validate(given)


@cache
def isolation() -> Isolation:
    """The fork server of this test process, which all its tests share; it ends with the process."""
    return isolated.isolation()


@contextlib.asynccontextmanager
async def client(url: str, **given: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the api on the database `url`."""
    app = create_app(settings(**given), url=url)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as found:
            yield found


@contextlib.contextmanager
def served(url: str, **given: Any) -> Iterator[httpx.Client]:
    """A client of the api on a port of this process: real HTTP and WebSockets, whose constants a test may change."""
    app = create_app(settings(**given), url=url)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, http=BoundedHttpProtocol, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            eventually(lambda: server.started or None)
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30) as found:
                yield found
        finally:
            server.should_exit = True
            thread.join(20)


@contextlib.asynccontextmanager
async def resources(url: str, **given: Any) -> AsyncIterator[Resources]:
    """What a worker process has."""
    db = Database(url, application="invariant-tests", pool_size=8)
    try:
        yield Resources(settings=settings(**given), db=db, holder=f"test-{uuid.uuid4().hex[:6]}", isolation=isolation())
    finally:
        await db.dispose()


async def work(url: str, run_id: str, **given: Any) -> str:
    """Take the run up, as a worker would; returns how that ended."""
    async with resources(url, **given) as found:
        return await verify_run(uuid.UUID(run_id), found)
