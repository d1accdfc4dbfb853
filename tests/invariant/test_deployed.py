"""The checklist against what a platform builds and starts: `uv sync --locked --no-dev`, an unprivileged user, environment
variables alone."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from invariant.postgres import Server
from invariant.stack import clean_environment, free_port
from tests.support import provider
from tests.support.processes import PROVIDERS, TOKEN, Process, environment
from tests.support.ui import SECRET

ROOT = Path(__file__).parents[2]
NOBODY = 65534
# One that everybody may execute: a Python of root's own home is none.
PYTHON = "/usr/bin/python3"
RECENT = "import sys; sys.exit(sys.version_info < (3, 11))"
IS_ANYBODYS = os.getuid() == 0 and shutil.which(PYTHON) is not None and not subprocess.call([PYTHON, "-c", RECENT])
NOT_BUILT = shutil.ignore_patterns(
    ".git", ".venv*", "node_modules", ".invariant", "__pycache__", ".*_cache", "tests", "docs"
)
# Installing takes longer than a test may otherwise.
pytestmark = pytest.mark.timeout(600)


def _uv() -> str:
    found = shutil.which("uv") or shutil.which(ROOT / ".venv-bootstrap" / "bin" / "uv")
    if found is None:
        pytest.skip("needs uv, which start.sh installs where there is none")
    return found


@pytest.fixture
def built() -> Iterator[Path]:
    """A checkout as the platform's builder leaves it, which everybody may read and nobody changes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        app = folder / "app"
        shutil.copytree(ROOT, app, ignore=NOT_BUILT)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CVA_", "VIRTUAL_ENV"))}
        env = {**kept, "UV_PROJECT_ENVIRONMENT": str(app / ".venv")}
        subprocess.run(
            [_uv(), "sync", "--quiet", "--locked", "--no-dev", "--python", PYTHON if IS_ANYBODYS else sys.executable],
            cwd=app,
            env=env,
            check=True,
        )
        shutil.copytree(ROOT / "ui" / "node_modules", app / "ui" / "node_modules")
        yield app


@contextlib.contextmanager
def _started(app: Path, role: list[str], env: dict[str, str], says: str) -> Iterator[None]:
    log = app.parent / f"{role[-1] if role else 'api'}.log"
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if IS_ANYBODYS else {}
    with log.open("wb") as output:
        popen = subprocess.Popen(
            ["bash", "start.sh", *role],
            cwd=app,
            env=env,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            **user,
        )
        try:
            Process(popen, log).wait_for(says, 90)
            yield
        finally:
            popen.terminate()
            popen.wait(60)


def test_what_a_platform_builds_passes_the_checklist(server: Server, built: Path) -> None:
    home = built.parent / "home"
    home.mkdir()
    home.chmod(0o777)
    api, pages = free_port(), free_port()
    with server.database() as url, provider.running(provider.judging(provider.honest)) as models:
        for folder in parse_qs(urlsplit(url).query).get("host", []):
            # The socket of the tests' server, which another user is to reach.
            Path(folder).chmod(0o755)
        # As the platform gives it: neither its own paths nor ours.
        shared = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(home),
            "HOST": "127.0.0.1",
            "CVA_PRODUCTION": "true",
            "CVA_API_TOKEN": TOKEN,
            "CVA_LOG_FORMAT": "json",
        }
        database = {"DATABASE_URL": environment(url)["DATABASE_URL"]}
        backend = {**shared, **database, "PORT": str(api), "CVA_APPLY_MIGRATIONS": "true"}
        worker = {**shared, **database, **provider.settings(models), "CVA_WORK_DIR": str(home)}
        ui = {
            **shared,
            "PORT": str(pages),
            "CVA_BACKEND_URL": f"http://127.0.0.1:{api}",
            "CVA_PUBLIC_URL": f"http://127.0.0.1:{pages}",
            "CVA_UI_SECRET": SECRET,
            "CVA_UI_ALLOW": "*",
            "GITHUB_CLIENT_ID": "an-id",
            "GITHUB_CLIENT_SECRET": "a-secret",
        }
        with (
            _started(built, [], backend, "Application startup complete"),
            _started(built, ["worker"], worker, "worker serving"),
            _started(built, ["ui"], ui, "Application startup complete"),
        ):
            command = [sys.executable, "-m", "invariant", "check-deployment", f"http://127.0.0.1:{api}"]
            done = subprocess.run(
                [*command, "--ui", f"http://127.0.0.1:{pages}"],
                env={**clean_environment(), "CVA_API_TOKEN": TOKEN, "NO_COLOR": "1"},
                capture_output=True,
                text=True,
                timeout=120,
            )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not set(PROVIDERS) & set(worker)
