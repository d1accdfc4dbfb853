"""`invariant bench clients`: what another user notices of a thousand clients with one user's token.

The crowd (crowd.py) uploads, opens sockets and enqueues runs for all it is worth; the other user lists runs, enqueues
one and looks at it, at a steady pace. It is good enough when the other's p95 is at most twice what it is alone, and the
api's memory stays below 300 MiB; the exit code says so.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from invariant import stack
from invariant.bench.database import settings_on, temporary
from worker.core import settings

_PACE_SECONDS = 0.12
_MOST_SLOWER = 2.0
_MOST_MEMORY = 300 << 20
_BODY = {
    "source": {"kind": "files", "files": {"a.py": "x = 1\n"}},
    "constitution": "- Code MUST NOT call eval().\n",
}


def command(arguments: argparse.Namespace) -> int:
    """Measure, print one table; 0 when it is good enough."""
    config = settings.load()
    # Below a minute the burst that a user may make at its beginning would count for more than it does.
    seconds = max(arguments.seconds, 20.0)
    with temporary(config) as url:
        own = settings_on(config, url)
        with stack.running(own, workers=0, environment={"CVA_USER_RUNS_WAITING": "1000"}) as api:
            crowd, other = _token(api, "crowd"), _token(api, "other")
            _measure(api.url, other, 3)
            alone = _measure(api.url, other, seconds)
            with _crowd(api.url, crowd, arguments.clients, seconds + 10) as process:
                try:
                    # The crowd is at its height by then.
                    time.sleep(5)
                    beside = _measure(api.url, other, seconds)
                finally:
                    answers = json.loads(process.communicate()[0])
            memory = _peak_memory(api.pid)
    return _print(alone, beside, answers, memory, arguments.clients)


def _token(api: stack.Stack, user: str) -> str:
    made = httpx.post(
        f"{api.url}/api/tokens",
        json={"name": "bench", "user": user, "scopes": ["runs:read", "runs:write"]},
        headers={"Authorization": f"Bearer {api.token}"},
        trust_env=False,
    )
    token: str = made.raise_for_status().json()["token"]
    return token


def _crowd(url: str, token: str, clients: int, seconds: float) -> subprocess.Popen[bytes]:
    where = urlsplit(url)
    arguments = [str(where.hostname), str(where.port), token, str(clients), str(seconds)]
    # Clients have machines of their own; here they are given what nobody else wants.
    argv = ["nice", "-n", "19", sys.executable, "-m", "invariant.bench.crowd", *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE)


def _measure(url: str, token: str, seconds: float) -> list[float]:
    """How long each request took, in milliseconds."""
    found: list[float] = []
    deadline = time.monotonic() + seconds
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as client:

        def timed(method: str, path: str, body: object = None) -> httpx.Response:
            began = time.perf_counter()
            answer = client.request(method, path, json=body)
            found.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
            time.sleep(_PACE_SECONDS)
            return answer

        while time.monotonic() < deadline:
            timed("GET", "/api/runs?limit=20")
            run = timed("POST", "/api/runs", _BODY).json()["id"]
            timed("GET", f"/api/runs/{run}")
    return found


def _peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _print(alone: list[float], beside: list[float], answers: dict[str, int], memory: int, clients: int) -> int:
    table = Table(title=f"one user beside {clients} clients of another")
    for column in ("figure", "alone", "beside", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for percent in (50, 95):
        before, after = _percentile(alone, percent), _percentile(beside, percent)
        table.add_row(f"p{percent}", f"{before:.1f} ms", f"{after:.1f} ms", f"{after / before:.2f}")
    table.add_row("api's memory, highest", "", f"{memory / (1 << 20):.0f} MiB", "")
    console = Console()
    console.print(table)
    console.print("the crowd was answered: " + ", ".join(f"{kind} {n}×" for kind, n in sorted(answers.items())))
    slower = _percentile(beside, 95) / _percentile(alone, 95)
    return 0 if slower <= _MOST_SLOWER and memory <= _MOST_MEMORY else 1
