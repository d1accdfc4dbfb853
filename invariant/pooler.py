"""PgBouncer in transaction mode before a server of ours: for tests. Debian's package is `pgbouncer`."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from invariant.stack import free_port
from invariant.waiting import until
from worker.core.db import embedded

_SECONDS = 10.0
# In the manner of docs/operations.md.
_CONFIGURATION = """
[databases]
* = host={server} user=postgres connect_query='{limits}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 1000
default_pool_size = {connections}
"""
LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}


class NoPooler(RuntimeError):
    """PgBouncer is not installed."""


@dataclass(frozen=True)
class Pooler:
    port: int

    def url(self, address: str) -> str:
        """The database of the server's `address`, through the pooler."""
        return make_url(address).set(host="127.0.0.1", port=self.port, query={}).render_as_string(hide_password=False)


def _program() -> str | None:
    return shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def is_installed() -> bool:
    return _program() is not None


@contextlib.contextmanager
def running(folder: Path, *, connections: int = 20) -> Iterator[Pooler]:
    """Before the server whose socket is in the folder, with so many connections to it for each database at most.

    Raises NoPooler.
    """
    program = _program()
    if program is None:
        raise NoPooler("PgBouncer is not installed; on Debian and Ubuntu: apt install pgbouncer")
    port = free_port()
    limits = "; ".join(f"SET {name} = ''{value}''" for name, value in LIMITS.items())
    configuration = folder / f"pgbouncer-{port}.ini"
    configuration.write_text(_CONFIGURATION.format(server=folder, limits=limits, port=port, connections=connections))
    configuration.chmod(0o644)
    log = Path(f"{configuration}.log")
    with log.open("wb") as output:
        # It refuses to be root.
        process = subprocess.Popen(
            [program, "-q", configuration],
            user=embedded.system_user(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
    try:
        found = Pooler(port)
        _wait(found.url(f"postgresql://postgres@/postgres?host={folder}"), process, log)
        yield found
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return True
        return False

    def why() -> str:
        return f"PgBouncer did not start: {log.read_text(errors='replace')[-500:]}"

    until(answers, _SECONDS, why, ended=lambda: process.poll() is not None)
