"""A database of our own for a benchmark, on DATABASE_URL's server or the embedded one, dropped afterwards."""

import contextlib
import secrets
from collections.abc import Iterator

import psycopg
import psycopg.sql
from sqlalchemy import make_url

from invariant.stack import home
from worker.core.db import embedded, migrate
from worker.core.db.database import libpq_url
from worker.core.settings import Settings


def settings_on(settings: Settings, url: str) -> Settings:
    """The same settings with another database."""
    given = settings.model_dump(by_alias=True, exclude_unset=True)
    return Settings(**{**given, "DATABASE_URL": url, "CVA_DATABASE_DIRECT_URL": None})


@contextlib.contextmanager
def temporary(settings: Settings) -> Iterator[str]:
    """The URL of a migrated, empty database for as long as the block lasts."""
    server = None
    if settings.database_url is not None:
        base = libpq_url(embedded.direct_url(settings))
    else:
        server = embedded.start(home(settings))
        base = libpq_url(server.url)
    name = f"invariant_bench_{secrets.token_hex(4)}"
    identifier = psycopg.sql.Identifier(name)
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        url = make_url(base).set(database=name).render_as_string(hide_password=False)
        migrate.upgrade(url)
        yield url
    finally:
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
        if server is not None and server.started:
            server.stop()
