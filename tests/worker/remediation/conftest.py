from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests.support import app
from tests.support.remediation import Driver

Driving = Callable[..., AbstractAsyncContextManager[Driver]]


@pytest.fixture
def driving(url: str) -> Driving:
    """A driver with these settings, for as long as the block lasts."""

    @asynccontextmanager
    async def drive(**given: Any) -> AsyncIterator[Driver]:
        async with app.client(url, **given) as client, app.resources(url, **given) as resources:
            yield Driver(url, client, resources, given)

    return drive
