"""Fixtures of the pages' tests."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from invariant.postgres import Server
from tests.support import processes
from tests.support.ui import Reader

NewReader = Callable[[str], Reader]


@pytest.fixture
def reader() -> Iterator[NewReader]:
    """Makes somebody who reads the pages at an address."""
    with contextlib.ExitStack() as readers:
        yield lambda url: readers.enter_context(Reader(url))


@pytest.fixture(scope="module")
def backend(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an api that a module's tests share."""
    with server.database() as url, processes.api(url, tmp_path_factory.mktemp("api"), CVA_ADMINS="root") as (client, _):
        yield str(client.base_url).rstrip("/")
