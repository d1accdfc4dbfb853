"""Bring the schema to head: one process at a time, each revision in a transaction of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, pool, text

from alembic import command
from worker.core.db.database import connect_args, libpq_url
from worker.core.telemetry import logs

log = logs.get(__name__)

# Any number will do that nothing else in the database uses: the ASCII letters "inv_migr".
_LOCK = int.from_bytes(b"inv_migr")
_LOCK_WAIT_SECONDS = 120.0
_LOCK_POLL_SECONDS = 0.2


class MigrationLockTimeout(RuntimeError):
    """Another process has been migrating for longer than this one was willing to wait."""


def script_location() -> Path:
    """The folder of the revisions: beside the packages in a checkout, inside the wheel once installed."""
    checkout = Path(__file__).parents[3] / "alembic"
    return checkout if (checkout / "env.py").is_file() else Path(__file__).parent / "revisions"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    return config


@cache
def head() -> str:
    """The newest revision this code knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def serves(revision: str | None) -> bool:
    """Whether this code runs on a database at that revision: at head, or at a later one that came with newer code.

    A revision changes nothing that the code before it needs: versions overlap in a deploy, and it can be taken back.
    """
    return revision == head() or _is_later(revision)


def missing(revision: str | None) -> str:
    """What is wrong with a database at a revision that this code does not run on."""
    needed = f"at {revision or 'nothing'}, this version needs {head()}"
    return f"{needed}: set CVA_APPLY_MIGRATIONS=true or run the role migrate"


def _is_later(revision: str | None) -> bool:
    """Revisions are called by their number and a name: `011_limits`."""
    number, _, name = (revision or "").partition("_")
    return number.isdecimal() and bool(name) and int(number) > int(head().partition("_")[0])


@contextmanager
def _exclusive(url: str) -> Iterator[None]:
    """Hold the advisory lock on a connection that does nothing else, so that no failing statement of a
    migration can lose it. Raises MigrationLockTimeout."""
    args = connect_args("invariant-migrate-lock")
    with psycopg.connect(libpq_url(url), autocommit=True, **args) as connection:
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise MigrationLockTimeout(
                    f"Another process has held the migration lock for {_LOCK_WAIT_SECONDS:.0f} s. "
                    "Look for it in pg_stat_activity under the name invariant-migrate."
                )
            time.sleep(_LOCK_POLL_SECONDS)
        yield


@contextmanager
def locked_connection(url: str) -> Iterator[Connection]:
    """A connection for migrating, with the lock held. Statements may take long; waiting for locks may not."""
    engine = create_engine(
        make_url(libpq_url(url)).set(drivername="postgresql+psycopg"),
        poolclass=pool.NullPool,
        connect_args=connect_args("invariant-migrate", statement_timeout=3600),
    )
    with _exclusive(url), engine.connect() as connection:
        yield connection


def current(connection: Connection) -> str | None:
    """The database's revision, or None for one that was never migrated."""
    if connection.scalar(text("SELECT to_regclass('schema_migrations')")) is None:
        return None
    connection_version: str | None = connection.scalar(text("SELECT version_num FROM schema_migrations"))
    return connection_version


def upgrade(url: str) -> list[str]:
    """Apply the missing revisions in order; returns their names. A database that is further on stays as it is.

    Raises MigrationLockTimeout, or the database's error; what was applied before it stays applied.
    """
    config = _config()
    script = ScriptDirectory.from_config(config)
    with locked_connection(url) as connection:
        at = current(connection)
        if _is_later(at):
            log.info("the database is at a later revision", revision=at, known=head())
            return []
        pending = [r.revision for r in script.iterate_revisions("head", at or "base")][::-1]
        connection.rollback()
        config.attributes["connection"] = connection
        for revision in pending:
            log.info(f"[CVA] Applying migration {revision}")
            command.upgrade(config, revision)
            connection.commit()
    log.info(f"[CVA] Migrations applied: {len(pending)}")
    return pending


def at_start(url: str, *, apply: bool) -> None:
    """What every role does at start-up with CVA_APPLY_MIGRATIONS."""
    if apply:
        upgrade(url)
    else:
        log.info("[CVA] CVA_APPLY_MIGRATIONS not set, skipping migrations")
