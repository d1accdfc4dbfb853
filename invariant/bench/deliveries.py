"""`invariant bench deliveries`: a storm of GitHub's deliveries, of one branch and of many others between.

A thousand pushes of one branch, each on top of the one before, and two hundred of other branches, in a random order, by
32 connections at once; an api and a worker. Good enough is: answered within 300 ms in 99 of 100 cases, every delivery
taken, one run for the newest commit and one for each of the others; the exit code says so. The runs themselves wait.
"""

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from invariant import stack
from invariant.bench.database import settings_on, temporary
from invariant.waiting import until
from worker.core import settings
from worker.core.db.database import libpq_url
from worker.core.github import signing

_MOST_MS = 300.0
_STORM, _OTHERS = 1000, 200
_CONNECTIONS = 32
_SECONDS = 120.0
_SECRET = "the secret of the bench"  # noqa: S105  of a stack that lives for a minute
_FORGE = "http://127.0.0.1:9"
_ZERO = "0" * 40


@dataclass(frozen=True)
class _Push:
    branch: str
    after: str
    before: str

    @property
    def payload(self) -> dict[str, Any]:
        repository = {"id": 1, "full_name": "acme/shop", "default_branch": "main", "private": False}
        # As large as GitHub's are.
        commits = [{"id": self.after, "message": "x" * 800, "modified": ["a/b.py"] * 40}] * 8
        return {
            "ref": f"refs/heads/{self.branch}",
            "before": self.before,
            "after": self.after,
            "commits": commits,
            "repository": repository,
        }


def command(arguments: argparse.Namespace) -> int:
    """Measure, print one table; 0 when it is good enough."""
    pushes = _pushes(arguments.seed)
    config = settings.load()
    environment = {"CVA_GITHUB_WEBHOOK_SECRET": _SECRET, "CVA_GITHUB_API_URL": f"{_FORGE}/api/v3"}
    with temporary(config) as url, stack.running(settings_on(config, url), workers=1, environment=environment) as it:
        with httpx.Client(base_url=it.url, headers={"Authorization": f"Bearer {it.token}"}, timeout=60) as client:
            repository = _connect(client)
            # What a run costs is measured elsewhere; these would look for a host that is not there.
            client.post("/api/queue/verification/pause").raise_for_status()
        _monitor(url, repository, {push.branch for push in pushes})
        times, statuses = asyncio.run(_send(it.url, pushes))
        taken = _settled(url)
        rows = _rows(url)
    newest = next(push.after for push in reversed(pushes) if push.after.startswith("f"))
    return _print(times, statuses, taken, rows, newest)


def _pushes(seed: int) -> list[_Push]:
    """In the order in which they are sent: each branch's own order stays."""
    chain = [f"{number:040x}" for number in range(1, _STORM)] + ["f" * 40]
    storm = [_Push("main", after, before) for before, after in zip([_ZERO, *chain], chain, strict=False)]
    others = [_Push(f"topic-{number}", f"{number + 1:039x}a", _ZERO) for number in range(_OTHERS)]
    places = set(random.Random(seed).sample(range(_STORM + _OTHERS), _OTHERS))  # noqa: S311  the same for the same seed
    rest, more = iter(storm), iter(others)
    return [next(more) if place in places else next(rest) for place in range(_STORM + _OTHERS)]


def _connect(client: httpx.Client) -> str:
    made = client.post("/api/repositories", json={"clone_url": f"{_FORGE}/acme/shop.git"}).raise_for_status().json()
    found: str = made["id"]
    constitution = {"content": "- Code MUST NOT call `eval()`.\n"}
    client.put(f"/api/repositories/{found}/constitution", json=constitution).raise_for_status()
    return found


def _monitor(url: str, repository: str, branches: set[str]) -> None:
    with psycopg.connect(libpq_url(url)) as connection, connection.cursor() as cursor:
        # As if an installation of the App had connected it; of an App that is not there nothing is asked.
        cursor.execute("UPDATE repo_connections SET forge = 'github', forge_id = 1, installation_id = 1")
        cursor.executemany(
            "INSERT INTO repo_branches (id, repo_id, name, monitored) VALUES (gen_random_uuid(), %s, %s, true)",
            [(repository, branch) for branch in sorted(branches)],
        )


async def _send(url: str, pushes: list[_Push]) -> tuple[list[float], list[int]]:
    """(milliseconds, status) of each answer; 0 where there was none. Nothing is made while the time runs but the bytes
    that go out."""
    where = urlsplit(url)
    times: list[float] = []
    statuses: list[int] = []
    waiting = iter([_request(where.netloc, number, push) for number, push in enumerate(pushes)])

    async def sender() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            times.append((time.perf_counter() - began) * 1000)
            statuses.append(int(head.split(b" ", 2)[1]))
        writer.close()

    done = await asyncio.gather(*(sender() for _ in range(_CONNECTIONS)), return_exceptions=True)
    for error in done:
        if error is not None:
            # GitHub does not send it again either.
            sys.stderr.write(f"A connection broke off: {type(error).__name__}\n")
            statuses.append(0)
    return times, statuses


def _request(host: str, number: int, push: _Push) -> bytes:
    content = json.dumps(push.payload).encode()
    head = [
        "POST /api/webhooks/github HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "X-GitHub-Event: push",
        f"X-GitHub-Delivery: bench-{number}",
        f"{signing.HEADER}: {signing.signature(_SECRET, content)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


def _settled(url: str) -> int:
    """How many deliveries were taken in the end."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:

        def taken() -> int:
            row = connection.execute("SELECT count(processed_at) FROM webhook_deliveries").fetchone()
            return row[0] if row else 0

        with contextlib.suppress(TimeoutError):
            until(lambda: taken() == _STORM + _OTHERS or None, _SECONDS, every=0.2)
        return taken()


def _rows(url: str) -> dict[tuple[str, str], bool]:
    """Whether a run waits for it, by branch and commit."""
    with psycopg.connect(libpq_url(url)) as connection:
        found = connection.execute(
            "SELECT m.branch, m.commit_sha, r.status = 'queued' FROM monitor_jobs m LEFT JOIN runs r ON r.id = m.run_id"
        ).fetchall()
    return {(branch, sha): bool(waits) for branch, sha, waits in found}


def _print(times: list[float], statuses: list[int], taken: int, rows: dict[tuple[str, str], bool], newest: str) -> int:
    others = sum(has_run for (branch, _), has_run in rows.items() if branch != "main")
    runs = sum(has_run for (branch, _), has_run in rows.items() if branch == "main")
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    accepted = sum(status == httpx.codes.ACCEPTED for status in statuses)
    table = Table(title=f"{_STORM} deliveries of one branch, {_OTHERS} of others between")
    table.add_column("figure")
    table.add_column("measured", justify="right")
    table.add_column("wanted", justify="right")
    table.add_row("accepted", str(accepted), str(_STORM + _OTHERS))
    table.add_row("answered, p50", f"{statistics.median(times):.1f} ms", "")
    table.add_row("answered, p99", f"{p99:.1f} ms", f"≤ {_MOST_MS:.0f} ms")
    table.add_row("taken", str(taken), str(_STORM + _OTHERS))
    table.add_row("commits noted", str(len(rows)), str(_STORM + _OTHERS))
    table.add_row("a run for the newest", "yes" if rows.get(("main", newest)) else "no", "yes")
    table.add_row("runs of the branch that wait", str(runs), "1")
    table.add_row("runs of the others", str(others), str(_OTHERS))
    Console().print(table)
    whole = accepted == taken == len(rows) == _STORM + _OTHERS
    good = whole and p99 <= _MOST_MS and rows.get(("main", newest), False) and runs == 1 and others == _OTHERS
    if not good:
        sys.stderr.write("Not good enough.\n")
    return 0 if good else 1
