"""Hostile repositories through a real api and a real worker: each ends with a verdict or an error that says so, the
worker answers throughout, and an innocent run beside it notices nothing."""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from invariant.stack import free_port
from tests.support import processes, provider
from tests.support.provider import FILES

CONSTITUTION = "- Code MUST NOT call `eval()`.\n- Passwords MUST NOT be logged.\n"
INNOCENT = {"app.py": "import logging\n\n\ndef run(text):\n    return int(text)\n"}
LIST = ",".join(['"a"'] * 60)
PATIENCE = 8.0
"""Seconds that an innocent run may take at least: on a busy machine twice nothing is nothing."""

PAYLOADS: dict[str, dict[str, str]] = {
    "lists of tokens": {"a.py": "\n".join(f"eval(f(password=[{LIST}]))" for _ in range(5)) + "\n"},
    "one line of tokens": {"a.json": "[" + ",".join(f'"t{n}"' for n in range(60_000)) + "]"},
    "spaces in YAML": {"a.yaml": "password:" + " " * 400_000 + "x\n"},
    "empty lines in Go": {"a.go": "package a\n" + "\n" * 400_000},
    "spaces in Python": {"a.py": "import a\n" + " " * 500_000 + "\n"},
    "beginnings of tokens": {"a.py": "x = '" + "-eyJ" * 100_000 + "'\n"},
    "brackets": {"a.py": "x = " + "(" * 5_000 + ")" * 5_000 + "\n", "b.ts": "{" * 200_000},
    "comments": {"a.c": "/*" * 200_000, "b.py": "# x\n" * 100_000},
    "quotes": {"a.js": "`" * 200_001, "b.py": '"""' * 60_001},
    "backslashes": {"a.py": "x = '" + "\\" * 300_000 + "'\n"},
    "secrets": {"a.py": "password = " + "'" * 200_000 + "\n", "b.env": "API_KEY=" * 40_000},
    "long names": {"a.py": "a" * 500_000 + " = 1\n"},
    "carriage returns": {"a.py": "x = 1\r" * 100_000},
    "deep calls": {"a.py": "f(" * 900 + ")" * 900 + "\n", "b.js": "a?" * 50_000},
    "findings without end": {"a.py": "eval('1')\n" * 11_000, "b.py": "eval('2')\n"},
}

PLUGIN = """
import json, os, pathlib, socket
got = [os.environ.get("DATABASE_URL", "")]
for place in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try: got.append(place.read_text(errors="replace"))
    except OSError: pass
try: got.append(pathlib.Path(f"/proc/{os.getppid()}/environ").read_text(errors="replace"))
except OSError: pass
try: socket.create_connection(("127.0.0.1", PORT), 2); got.append("CONNECTED")
except OSError: pass
text = " ".join(got)
words = [word for word in ("THE-SECRET", "postgresql://", "CONNECTED") if word in text] or ["NOTHING"]
result = {"ruleId": "got", "message": {"text": "GOT " + " ".join(words)}, "locations": [{"physicalLocation": {
    "artifactLocation": {"uri": "plugin.py"}, "region": {"startLine": 1}}}]}
print(json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "p"}}, "results": [result]}]}))
"""


class Stack:
    """An api and a worker with judges."""

    def __init__(self, client: httpx.Client, health: int, url: str) -> None:
        self.client = client
        self.health = f"http://127.0.0.1:{health}"
        self.url = url
        self.alone = 0.0
        """Seconds that an innocent run takes by itself."""

    def start(self, files: dict[str, str], constitution: str = CONSTITUTION) -> str:
        body = {"source": {"kind": "files", "files": files}, "constitution": constitution}
        answer = self.client.post("/api/runs", json=body)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    def run(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.client.get(f"/api/runs/{run_id}").json()
        return run

    def wait(self, run_id: str, seconds: float) -> tuple[dict[str, Any], float]:
        """The finished run, and the slowest answer of any health check until then."""
        slowest = 0.0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for address in (f"{self.health}/health", f"{self.health}/ready", "/health", "/ready"):
                began = time.monotonic()
                assert self.client.get(address).status_code == 200, address
                slowest = max(slowest, time.monotonic() - began)
            run = self.run(run_id)
            if run["finished_at"]:
                return run, slowest
            time.sleep(0.05)
        raise AssertionError(f"the run did not end within {seconds} s: {self.run(run_id)}")


@pytest.fixture(scope="module")
def hostile_url(server: Any) -> Iterator[str]:
    with server.database() as url:
        yield url


@pytest.fixture(scope="module")
def stack(hostile_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("hostile")
    health = free_port()
    plugin = {"name": "plugin", "command": [sys.executable, "plugin.py"], "patterns": ["plugin.py"]}
    with (
        provider.running(provider.judging(provider.honest)) as models,
        processes.api(hostile_url, folder) as (client, _),
        processes.worker(
            hostile_url,
            folder,
            CVA_WORKER_PORT=str(health),
            CVA_WORKER_CONCURRENCY="4",
            CVA_CONTAINED_SECONDS="60",
            CVA_LLM_API_KEY="sk-THE-SECRET-THE-SECRET",
            CVA_ANALYZERS=json.dumps([plugin]),
            **provider.settings(models),
        ),
    ):
        made = Stack(client, health, hostile_url)
        processes.eventually(lambda: client.get(f"{made.health}/ready").status_code == 200)
        made.wait(made.start(INNOCENT), 60)
        began = time.monotonic()
        made.wait(made.start({**INNOCENT, "alone.py": "NAME = 1\n"}), 60)
        made.alone = time.monotonic() - began
        yield made


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_hostile_repository_ends_and_its_neighbour_notices_nothing(stack: Stack, name: str) -> None:
    hostile = stack.start(PAYLOADS[name])
    innocent = stack.start({**INNOCENT, "beside.py": f"NAME = {name!r}\n"})
    began = time.monotonic()
    beside, slowest = stack.wait(innocent, 60)
    assert time.monotonic() - began <= max(PATIENCE, 2 * stack.alone)
    ended, slowest_later = stack.wait(hostile, 120)
    assert max(slowest, slowest_later) <= 1
    assert beside["verdict"] != "ERROR", beside
    assert beside["attempt"] == 1
    assert ended["verdict"], ended


def test_an_analyzer_that_runs_the_repositorys_code_gets_nothing_of_ours(stack: Stack) -> None:
    port = psycopg.conninfo.conninfo_to_dict(stack.url).get("port", "5432")
    run_id = stack.start({"plugin.py": PLUGIN.replace("PORT", str(port)), **FILES})
    run, _ = stack.wait(run_id, 60)
    assert run["verdict"] != "ERROR", run
    verdict = stack.client.get(f"/api/runs/{run_id}/verdict").text
    assert "GOT NOTHING" in verdict
