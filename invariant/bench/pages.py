"""`bench pages`: what the pages take beyond the api, and how soon a run of 200 criteria and 5,000 findings is there.

A real api and a real ui over HTTP, each page many times, one after the other, as one person reads. The ui says in
`Server-Timing` how long it waited for the api; what is left is its own.
"""

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from invariant import stack
from invariant.bench.database import settings_on, temporary
from invariant.stack import Stack
from worker.core.db.database import Database
from worker.core.ids import sha256
from worker.core.models import Artifact, Run
from worker.core.settings import Settings
from worker.core.version import VERDICT_FORMAT

_CRITERIA = 200
_FINDINGS = 5000
_TIMES = 60
_MOST_MS = 15.0
_MOST_FIRST_MS = 150.0
_USER = "reader"
_TIMING = re.compile(r"api;dur=([0-9.]+), total;dur=([0-9.]+)")
_JUDGES = ("architect", "security", "user_proxy")


@dataclass(frozen=True)
class Timed:
    """Milliseconds of each request: until the answer began, and the ui's own part."""

    first: Sequence[float]
    own: Sequence[float]


def command(arguments: argparse.Namespace) -> int:
    """Prints the table. 1 where a page's own p95 is above 15 ms, or the large run's first content above 150 ms."""
    with _stack() as (pages, large), httpx.Client(base_url=pages, follow_redirects=True, timeout=60) as reader:
        _log_in(reader)
        paths = ("/runs", "/runs/new", "/figures", "/repositories", "/fixes", "/settings", f"/runs/{large}")
        found = {path: _time(reader, path) for path in paths}
    table = Table(title=f"pages: {_TIMES} times each; the large run has {_CRITERIA} criteria, {_FINDINGS} findings")
    for title in ("page", "own p50", "own p95", "first content p95"):
        table.add_column(title, justify="left" if title == "page" else "right")
    for path, timed in found.items():
        name = "/runs/{large}" if large in path else path
        own = (statistics.median(timed.own), _p95(timed.own))
        table.add_row(name, *(f"{value:.1f} ms" for value in (*own, _p95(timed.first))))
    Console(width=100).print(table)
    too_slow = [path for path, timed in found.items() if large not in path and _p95(timed.own) > _MOST_MS]
    return 1 if too_slow or _p95(found[f"/runs/{large}"].first) > _MOST_FIRST_MS else 0


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _time(reader: httpx.Client, path: str) -> Timed:
    first, own = [], []
    for _ in range(_TIMES):
        began = time.perf_counter()
        with reader.stream("GET", path) as answer:
            next(answer.iter_bytes(1))
            first.append(1000 * (time.perf_counter() - began))
            timing = _TIMING.search(answer.headers["server-timing"])
            assert answer.status_code == httpx.codes.OK and timing is not None, (path, answer.status_code)
            own.append(float(timing[2]) - float(timing[1]))
    return Timed(first, own)


def _log_in(reader: httpx.Client) -> None:
    token = re.search(r'name="csrf" value="([^"]+)"', reader.get("/login").text)
    assert token is not None
    reader.post("/login", data={"csrf": token[1], "name": _USER}).raise_for_status()


@contextlib.contextmanager
def _stack() -> Iterator[tuple[str, str]]:
    """The address of a stack's pages, and the large run in it."""
    # One person reads a page in a minute, not a thousand; beyond that the api lets a user wait.
    unpaced = {"CVA_USER_REQUESTS_PER_MINUTE": "0", "CVA_TOKEN_REQUESTS_PER_MINUTE": "0"}
    config = Settings()
    with temporary(config) as url, stack.running(settings_on(config, url), workers=0, environment=unpaced) as running:
        large = _fill(running)
        with stack.pages(running) as pages:
            yield pages, large


def verdict() -> dict[str, Any]:
    """A verdict document with 200 criteria and 5,000 findings."""
    place = {
        "path": "src/package/module.py",
        "start_line": 10,
        "end_line": 12,
        "quote": "def function(argument):\n    value = argument + 1\n    return value",
        "rule": None,
        "fingerprint": None,
        "place": "0" * 32,
        "verified": True,
    }
    words = "The code does what is asked, as the place that is cited shows; nothing else was found. " * 4
    criteria = [_criterion(number, place, words) for number in range(_CRITERIA)]
    findings = [
        {
            **place,
            "rule": f"ruff:E{number % 90 + 100}",
            "category": "style",
            "severity": ("low", "medium", "high")[number % 3],
            "confidence": 0.9,
            "message": "A line that is longer than it should be, and says so at some length.",
            "fingerprint": f"{number:032x}",
            "accepted": False,
        }
        for number in range(_FINDINGS)
    ]
    return {
        "format": VERDICT_FORMAT,
        "verdict": "FAIL",
        "score": 6.5,
        "reason": "A hundred criteria are not met.",
        "tribunal": {"mode": "llm", "why": ""},
        "counts": {"criteria": _CRITERIA, "pass": 67, "fail": 67, "undecided": 66},
        "snapshot": {"digest": "0" * 64, "commit": None},
        "criteria": criteria,
        "not_checkable": [],
        "lines": [],
        "findings": findings,
        "analyzers": [],
        "notes": [],
    }


def _criterion(number: int, place: dict[str, Any], words: str) -> dict[str, Any]:
    vote = ("FAIL", "PASS", "ABSTAIN")[number % 3]
    opinion = {
        "vote": vote, "score": 5, "confidence": 0.9, "calibrated": None, "rationale": words, "asked_to_see": [],
        "unresolved_citations": 0, "void": None, "failure": None, "model": "a-model", "round": 1, "evidence": [place],
    }  # fmt: skip
    return {
        "key": f"criterion-{number}",
        "category": "functionality",
        "severity": "high",
        "kind": "forbids",
        "statement": f"Criterion {number}: code MUST NOT do what this sentence, which is rather long, speaks of.",
        "line": number + 1,
        "outcome": "UNDECIDED" if vote == "ABSTAIN" else vote,
        "score": 5.0,
        "reason": "3 of 3 judges whose votes count say so.",
        "decided_by": "judges",
        "evidence": [place] * 3,
        "look_at": [],
        "coverage": {"files": 500, "lines": 50_000, "lines_read": 50_000, "lines_shown": 4000},
        "opinions": [{**opinion, "judge": judge} for judge in _JUDGES],
        "before_debate": [],
        "accepted": [],
    }


def _fill(running: Stack) -> str:
    """Thirty runs, one of them large; its id."""
    headers = {"Authorization": f"Bearer {running.token}", "X-CVA-User": _USER}
    ids = []
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as api:
        for number in range(30):
            body = {
                "source": {"kind": "files", "files": {"a.py": f"x = {number}\n"}},
                "constitution": "- Code MUST NOT call eval().",
            }
            ids.append(str(api.post("/api/runs", json=body).raise_for_status().json()["id"]))
    asyncio.run(_complete(running, ids[-1]))
    return ids[-1]


async def _complete(running: Stack, run_id: str) -> None:
    """End the run as a worker would, with the large verdict."""
    content = json.dumps(verdict()).encode()
    db = Database(running.database, application="invariant-bench")
    try:
        async with db.transaction() as session:
            run = await session.get_one(Run, uuid.UUID(run_id))
            run.status, run.verdict, run.score = "completed", "FAIL", 6.5
            run.started_at = run.finished_at = datetime.now(UTC)
            session.add(
                Artifact(
                    run_id=run.id,
                    name="verdict.json",
                    media_type="application/json",
                    content=content,
                    sha256=sha256(content),
                    size=len(content),
                )
            )
    finally:
        await db.dispose()
