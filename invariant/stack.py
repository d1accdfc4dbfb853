"""A stack of our own on this machine: Postgres, api and worker as processes, stopped as cleanly as started."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from worker.core.db import embedded
from worker.core.db.database import libpq_url
from worker.core.db.embedded import EmbeddedPostgres
from worker.core.settings import Settings

_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0


class StackFailed(RuntimeError):
    """A process of the stack did not start. The message says which, and where its log is."""


@dataclass(frozen=True)
class Stack:
    """A running stack. `logs` is the folder with a log per process, `pid` the api's, `database` where its data is."""

    url: str
    token: str
    logs: Path
    pid: int
    database: str


def home(settings: Settings) -> Path:
    """Where the embedded Postgres, logs and reports live: CVA_HOME, the checkout's `.invariant`, or the user's
    cache folder for an installed package."""
    if os.environ.get("CVA_HOME"):
        return settings.home.expanduser().resolve()
    checkout = Path(__file__).parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".invariant"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "invariant"


def clean_environment() -> dict[str, str]:
    """This process's, without settings of the product and keys of providers."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("CVA_") and not key.endswith("_API_KEY") and key != "DATABASE_URL"
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def running(settings: Settings, *, workers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Postgres (DATABASE_URL, or the embedded one), an api on a free port of this machine, and workers.

    Raises StackFailed. At the end everything that was started here is stopped; a Postgres that others use
    meanwhile is left to them.
    """
    folder = home(settings)
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with _database(settings, folder) as url:
        token = secrets.token_urlsafe(24)
        port = free_port()
        shared = {
            **os.environ,
            "DATABASE_URL": url,
            # That of the settings, not one of the environment for another database.
            "CVA_DATABASE_DIRECT_URL": settings.direct_database_url or "",
            "CVA_API_TOKEN": token,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "CVA_HOME": str(folder),
            "CVA_MONITOR_WORKER": "",
            "CVA_PRODUCTION": "",
            "CVA_LOG_FORMAT": "json",
            **(environment or {}),
        }
        with contextlib.ExitStack() as processes:
            api = processes.enter_context(_process("api", {**shared, "CVA_APPLY_MIGRATIONS": "true"}, logs))
            stack = Stack(f"http://127.0.0.1:{port}", token, logs, api.pid, url)
            for number in range(workers):
                name = "worker" if workers == 1 else f"worker-{number + 1}"
                own = {**shared, "CVA_APPLY_MIGRATIONS": ""}
                processes.enter_context(_process("worker", own, logs, log=name))
            _wait_until_serves("api", f"{stack.url}/ready", api, logs)
            yield stack


@contextlib.contextmanager
def pages(stack: Stack, *, port: int | None = None) -> Iterator[str]:
    """The address of a ui beside the stack, on a free port of this machine. Raises StackFailed."""
    port = port or free_port()
    own = {
        **clean_environment(),
        "CVA_BACKEND_URL": stack.url,
        "CVA_API_TOKEN": stack.token,
        "CVA_LOG_FORMAT": "json",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    with _process("ui", own, stack.logs) as ui:
        _wait_until_serves("ui", f"{url}/health", ui, stack.logs)
        yield url


@contextlib.contextmanager
def _database(settings: Settings, folder: Path) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = embedded.start(folder)
    try:
        yield server.url
    finally:
        if server.started and not _others_connected(server):
            server.stop()


def _others_connected(server: EmbeddedPostgres) -> bool:
    with contextlib.suppress(psycopg.Error), psycopg.connect(libpq_url(server.url), connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
        return row is not None and row[0] > 0
    return False


@contextlib.contextmanager
def _process(
    module: str, environment: Mapping[str, str], logs: Path, *, log: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    path = logs / f"{log or module}.log"
    with path.open("wb") as output:
        # A session of its own: Ctrl-C is for us, and we stop the others in order.
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_serves(name: str, url: str, process: subprocess.Popen[bytes], logs: Path) -> None:
    """Until the address answers with 200. Raises StackFailed."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    tail = (logs / f"{name}.log").read_text(errors="replace").strip().splitlines()[-3:]
    raise StackFailed("\n".join([f"The {name} did not start; its log ends with:", *tail, f"See {logs}."]))
