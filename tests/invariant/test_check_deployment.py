"""The deployment checklist against real processes, started as a platform starts them: environment variables alone."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psycopg
import pytest

from invariant.postgres import Server
from invariant.stack import clean_environment, free_port
from tests.support import processes, provider
from tests.support.processes import TOKEN, environment, process
from tests.support.ui import SECRET
from worker.core.db.database import libpq_url


class Receiver(BaseHTTPRequestHandler):
    """Somebody who is called back."""

    told: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        self.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/told"
        server.shutdown()


@dataclass
class Installation:
    api: str
    ui: str
    database: str


@pytest.fixture(scope="module")
def installation(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Api, worker and ui of production. Git and callbacks lead nowhere else on this machine."""
    folder = tmp_path_factory.mktemp("deployed")
    port = free_port()
    pages = f"http://127.0.0.1:{port}"
    with (
        server.database() as url,
        provider.running(provider.judging(provider.honest)) as models,
        processes.api(url, folder, CVA_PRODUCTION="true", CVA_APPLY_MIGRATIONS="true") as (client, _),
        processes.worker(url, folder, CVA_PRODUCTION="true", **provider.settings(models)),
    ):
        api = str(client.base_url).rstrip("/")
        with process("ui", ui_environment(api, port), folder) as ui:
            ui.wait_for("Application startup complete")
            yield Installation(api, pages, url)


def ui_environment(api: str, port: int, **more: str) -> dict[str, str]:
    return {
        **clean_environment(),
        "CVA_PRODUCTION": "true",
        "CVA_BACKEND_URL": api,
        "CVA_API_TOKEN": TOKEN,
        "CVA_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CVA_UI_SECRET": SECRET,
        "CVA_UI_ALLOW": "ada",
        "GITHUB_CLIENT_ID": "an-id",
        "GITHUB_CLIENT_SECRET": "a-secret",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        **more,
    }


def check(url: str, *more: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    env = {**clean_environment(), "CVA_API_TOKEN": token, "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "invariant", "check-deployment", url, *more]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=170)


def failed(output: str) -> dict[str, str]:
    """The lines that do not hold, with what is to be done."""
    lines = output.splitlines()
    return {line[2:]: lines[place + 1].strip() for place, line in enumerate(lines) if line.startswith("✗")}


def test_installation_that_is_in_order_passes(installation: Installation) -> None:
    done = check(installation.api, "--ui", installation.ui)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout and done.stdout.count("✓") == 14 and "– Callbacks are sent: left out" in done.stdout


def test_callback_is_sent_where_somebody_may_be_called(server: Server, tmp_path: Path) -> None:
    with (
        server.database() as url,
        processes.api(url, tmp_path) as (client, _),
        processes.worker(url, tmp_path),
        receiver() as told,
    ):
        done = check(str(client.base_url), "--callback", told)
    assert "✓ Callbacks are sent: delivered" in done.stdout, done.stdout
    assert Receiver.told


def test_callback_to_a_private_address_says_what_is_wrong(installation: Installation) -> None:
    done = check(installation.api, "--ui", installation.ui, "--callback", "http://127.0.0.1:1/told")
    assert set(failed(done.stdout)) == {"Callbacks are sent"} and done.returncode == 1


def test_nothing_at_the_address(installation: Installation) -> None:
    done = check(f"http://127.0.0.1:{free_port()}", "--ui", installation.ui)
    assert "bash start.sh" in failed(done.stdout)["The api answers (GET /health)"]
    assert done.returncode == 1


def test_wrong_token(installation: Installation) -> None:
    for token in ("x" * 40, ""):
        wrong = failed(check(installation.api, "--ui", installation.ui, token=token).stdout)
        assert "CVA_API_TOKEN" in wrong["The token is the api's, and is asked for"]


def test_api_that_asks_for_no_token(server: Server, tmp_path: Path) -> None:
    port = free_port()
    with server.database() as url, process("api", environment(url, PORT=str(port)), tmp_path) as api:
        api.wait_for("Application startup complete")
        wrong = failed(check(f"http://127.0.0.1:{port}").stdout)
    assert "CVA_PRODUCTION=true" in wrong["The token is the api's, and is asked for"]


def test_migrations_that_were_not_applied(server: Server, tmp_path: Path) -> None:
    with server.database() as url, processes.api(url, tmp_path) as (client, _):
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            connection.execute("UPDATE schema_migrations SET version_num = '014_remediation'")
        wrong = failed(check(str(client.base_url)).stdout)
    assert "CVA_APPLY_MIGRATIONS=true" in wrong["The migrations are applied"]


def test_database_that_is_away(server: Server, tmp_path: Path) -> None:
    with server.database() as url, processes.api(url, tmp_path) as (client, _):
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            name = connection.execute("SELECT current_database()").fetchone()
        assert name is not None
        other = libpq_url(url).replace(name[0], "postgres", 1)
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name[0]}" ALLOW_CONNECTIONS false')
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(ended, [name[0]])
            try:
                wrong = failed(check(str(client.base_url)).stdout)
            finally:
                connection.execute(f'ALTER DATABASE "{name[0]}" ALLOW_CONNECTIONS true')
    assert "link PostgreSQL" in wrong["The database is there"]


def test_worker_that_is_missing(server: Server, tmp_path: Path) -> None:
    with server.database() as url, processes.api(url, tmp_path) as (client, _):
        done = check(str(client.base_url))
    assert "bash start.sh worker" in failed(done.stdout)["A worker is there"]
    assert "– A run comes to its verdict: not looked at" in done.stdout


def test_provider_that_refuses(server: Server, tmp_path: Path) -> None:
    with (
        server.database() as url,
        provider.running(lambda request: provider.Reply({"error": {"message": "no"}}, 401)) as models,
        processes.api(url, tmp_path) as (client, _),
        processes.worker(url, tmp_path, **provider.settings(models)),
    ):
        wrong = failed(check(str(client.base_url), "--seconds", "60").stdout)
    assert "A provider's key may be wrong" in wrong["A run comes to its verdict"]


def test_run_that_does_not_end(server: Server, tmp_path: Path) -> None:
    with (
        server.database() as url,
        processes.api(url, tmp_path) as (client, _),
        processes.worker(url, tmp_path),
    ):
        client.post("/api/queue/verification/pause").raise_for_status()
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            # As if every worker had just left it alone.
            connection.execute("SELECT pg_sleep(6)")
        wrong = failed(check(str(client.base_url), "--seconds", "3").stdout)
    assert "paused" in wrong["A run comes to its verdict"]


@pytest.mark.parametrize(
    ("settings", "line", "remedy"),
    [
        ({"CVA_PUBLIC_URL": "https://elsewhere.example"}, "Logging in leads to a provider and back", "CVA_PUBLIC_URL"),
        ({"CVA_API_TOKEN": "y" * 40}, "The ui reaches the api", "CVA_API_TOKEN is not the api's"),
        ({"CVA_BACKEND_URL": "http://127.0.0.1:9"}, "The ui reaches the api", "CVA_BACKEND_URL"),
        ({"CVA_PRODUCTION": "", "GITHUB_CLIENT_ID": "", "GITHUB_CLIENT_SECRET": ""}, "The ui's login page loads", "CVA_PRODUCTION=true"),
    ],
    ids=["public url", "token", "backend", "production"],
)  # fmt: skip
def test_ui_that_is_set_wrongly(
    installation: Installation, tmp_path: Path, settings: dict[str, str], line: str, remedy: str
) -> None:
    port = free_port()
    env = ui_environment(installation.api, port, **settings)
    with process("ui", env, tmp_path) as ui:
        ui.wait_for("Application startup complete")
        wrong = failed(check(installation.api, "--ui", f"http://127.0.0.1:{port}").stdout)
    assert remedy in wrong[line], wrong


def test_ui_that_is_away(installation: Installation) -> None:
    wrong = failed(check(installation.api, "--ui", f"http://127.0.0.1:{free_port()}").stdout)
    assert "bash start.sh ui" in wrong["The ui's login page loads"]


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("CVA_API_TOKEN", "CVA_API_TOKEN environment variable is required in production"),
        ("CVA_PUBLIC_URL", "CVA_PUBLIC_URL (or NEXTAUTH_URL) is required"),
        ("CVA_UI_SECRET", "openssl rand -hex 32"),
        ("CVA_UI_ALLOW", "Nobody may log in"),
        ("GITHUB_CLIENT_SECRET", "are set together"),
    ],
)
def test_ui_of_production_says_what_it_lacks(missing: str, says: str) -> None:
    env = ui_environment("http://127.0.0.1:9", free_port())
    del env[missing]
    done = subprocess.run([sys.executable, "-m", "ui"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and says in done.stderr


@contextlib.contextmanager
def proxy(behind: str, broken: str) -> Iterator[str]:
    """What stands before the api and breaks one path of it; no WebSocket goes through."""

    class Passing(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith(broken) or "Upgrade" in self.headers:
                self.send_response(502)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = httpx.request(self.command, f"{behind}{self.path}", headers=headers, content=body, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_DELETE = _pass  # noqa: N815  the library calls them so

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("/api/analytics/summary", "The tables answer"),
        ("/api/queue", "A worker is there"),
        ("/api/repositories", "A repository can be connected"),
        ("/ws/", "Its progress is told over a socket"),
        ("/api/tokens", "A user's token works, and ends"),
    ],
)
def test_line_that_is_broken_on_the_way_is_named(installation: Installation, broken: str, line: str) -> None:
    with proxy(installation.api, broken) as url:
        done = check(url, "--ui", installation.ui)
    assert line in failed(done.stdout) and done.returncode == 1, done.stdout


def test_queue_that_is_missing(server: Server, tmp_path: Path) -> None:
    with server.database() as url, processes.api(url, tmp_path) as (client, _):
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            connection.execute("ALTER TABLE procrastinate_jobs RENAME TO gone")
        wrong = failed(check(str(client.base_url)).stdout)
    assert "CVA_APPLY_MIGRATIONS=true" in wrong["The queue is there"]
