"""`invariant dev`: api, worker and ui in one terminal, all restarted when the code changes."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from worker.core import settings
from worker.core.db import embedded, migrate

_WATCHED = ("api", "worker", "client", "ui", "alembic")
_UI_PORT = 3000
_ADMIN = "admin"


def command(_: argparse.Namespace) -> int:
    """Until Ctrl-C. Without the package watchfiles nothing is reloaded."""
    try:
        config = settings.load()
        url = embedded.database_url(config)
        migrate.upgrade(embedded.direct_url(config))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # Runs of the command line are nobody's: an administrator sees them on the pages.
    given = {"DATABASE_URL": url, "CVA_APPLY_MIGRATIONS": "", "CVA_MONITOR_WORKER": ""}
    environment = {"CVA_ADMINS": _ADMIN, **os.environ, **given}
    port = _UI_PORT if config.port != _UI_PORT else _UI_PORT + 1
    pages = {**environment, "PORT": str(port), "CVA_BACKEND_URL": f"http://localhost:{config.port}"}
    sys.stdout.write(
        f"pages on http://localhost:{port}, api on http://localhost:{config.port} (its description at /docs), "
        f"stop with Ctrl-C\nlog in under any name; «{_ADMIN}» sees everything\n"
    )
    sys.stdout.flush()
    modules = {"api": environment, "worker": environment, "ui": pages}
    processes = [_start(module, its) for module, its in modules.items()]
    try:
        for changed in _changes():
            sys.stdout.write(f"{changed} changed, restarting\n")
            _stop(processes)
            processes = [_start(module, its) for module, its in modules.items()]
        for process in processes:
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        _stop(processes)
    return 0


def _changes() -> Iterator[str]:
    """A changed file at a time; nothing at all where watchfiles is not installed."""
    try:
        import watchfiles
    except ImportError:
        return
    root = Path(__file__).parents[1]
    folders = [root / name for name in _WATCHED if (root / name).is_dir()]
    for changes in watchfiles.watch(
        *folders, watch_filter=watchfiles.PythonFilter(extra_extensions=(".html", ".css", ".js")), raise_interrupt=True
    ):
        yield sorted(path for _, path in changes)[0]


def _start(module: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module], env=environment, start_new_session=True)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait()
