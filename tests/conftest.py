"""Fixtures of the whole suite."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import structlog

from invariant import postgres
from invariant.postgres import Server
from tests.support import app, poolers, processes


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CVA_") and not name.startswith("CVA_TEST_"):
            monkeypatch.delenv(name)
    for name in (*processes.PROVIDERS, "DATABASE_URL", "RAILWAY_ENVIRONMENT", "PORT", "HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _silent_logs() -> None:
    """What the code under test logs in this process goes nowhere; a test that reads logs configures them."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


@pytest.fixture(scope="session", autouse=True)
def _no_fork_server_left() -> Iterator[None]:
    yield
    if app.isolation.cache_info().currsize:
        app.isolation().close()


@pytest.fixture(scope="session", autouse=True)
def _no_pooler_left() -> Iterator[None]:
    with poolers.open_poolers:
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgres.server() as found:
        yield found


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """A migrated, empty database."""
    with server.database() as found:
        yield found


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The api in development, on the test's database."""
    async with app.client(url) as found:
        yield found


CONSTITUTION = """# Rules

- Code MUST NOT call `eval()`.
- Python code SHOULD have no unused imports.
- The service MUST answer within a second.
"""


@pytest.fixture
def request_body() -> dict[str, Any]:
    return {
        "source": {"kind": "files", "files": {"app.py": "import os\n\n\ndef run(text):\n    return eval(text)\n"}},
        "constitution": CONSTITUTION,
    }
