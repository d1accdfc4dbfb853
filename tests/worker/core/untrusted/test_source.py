"""Where code may come from."""

import pytest

from tests.support.app import settings
from worker.core.untrusted import source
from worker.core.untrusted.urls import SourceRejected

PRODUCTION = {"CVA_PRODUCTION": "true", "DATABASE_URL": "postgresql://x/y", "CVA_API_TOKEN": "t"}


def test_paths_are_for_development() -> None:
    found = source.PathSource(kind="path", path="/srv")
    source.check(found, settings())
    with pytest.raises(SourceRejected):
        source.check(found, settings(**PRODUCTION))


@pytest.mark.parametrize("ref", ["-x", "a..b", "a b", "a:b", "x.", "a~1", "a^", "refs/", "@{u}", ""])
def test_refs_are_names_only(ref: str) -> None:
    with pytest.raises(ValueError, match="ref"):
        source.GitSource(kind="git", url="https://github.com/a/b", ref=ref)
