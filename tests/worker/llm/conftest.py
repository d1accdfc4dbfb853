"""Fixtures of the gateway's tests."""

from collections.abc import AsyncIterator

import pytest

from worker.core.db.database import Database


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url, application="test", pool_size=8)
    yield database
    await database.dispose()
