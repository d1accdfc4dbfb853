"""With CVA_TEST_POOLER=1 the product's processes reach each test's Postgres through PgBouncer."""

import contextlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from invariant import pooler
from invariant.pooler import Pooler

open_poolers = contextlib.ExitStack()


@cache
def _before(folder: Path) -> Pooler:
    return open_poolers.enter_context(pooler.running(folder))


def through(url: str) -> Mapping[str, str]:
    """The environment that leads to the database."""
    folder = Path(parse_qs(urlsplit(url).query).get("host", ["/nowhere"])[0])
    # Some tests name a server that is not there.
    if os.environ.get("CVA_TEST_POOLER") != "1" or not folder.is_dir():
        return {"DATABASE_URL": url}
    return {"DATABASE_URL": _before(folder).url(url), "CVA_DATABASE_DIRECT_URL": url}
