from collections.abc import Iterator

import pytest

from tests.support import contained as hostile
from worker.isolation.contained import Isolation


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    """A fork server that knows what a stranger's code would try."""
    made = Isolation("tests.support.contained:prepare", [hostile.Declared])
    yield made
    made.close()
