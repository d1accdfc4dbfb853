"""`invariant bench verify`: what the product adds to the time that its calls take.

A git repository of 500 files in several languages, a constitution of 24 criteria, a provider whose every call takes
two seconds, a real api, worker and queue. The judges split over one criterion of each batch, so the longest chain
is three calls: extraction, judging, debate. One run, then 32 at once in one worker: against the same constitution
(their calls are one another's), and against 32 different ones (no call is shared). Beside each figure stands how long
the same calls take through litellm alone: on a slow machine that is much of it.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from client.http import Client
from invariant import stack
from invariant.bench.database import settings_on, temporary
from invariant.waiting import until
from worker.core import settings
from worker.core.settings import Settings

_FILES = 500
_CRITERIA = 24
_PER_CALL = 4
_RUNS = 32
_DEADLINE = 240.0
# How a function opens, goes on and ends.
_LANGUAGES = {
    "py": (
        "def {name}(request, limit=10):",
        "    # Part {n} of the {word} is kept apart from the others.\n"
        "    value_{n} = limit * {n} if limit > {n} else {n}\n"
        "    limit += request.get('{word}', value_{n})",
        "    return limit",
    ),
    "ts": (
        "export function {name}(request: Request, limit = 10): number {{",
        "  const value{n} = request.{word} + {n} * limit;",
        "  return value1;\n}}",
    ),
    "go": (
        "func {name}(request *Request, limit int) int {{",
        "\tvalue{n} := request.{word} + {n}*limit",
        "\treturn value1\n}}",
    ),
    "md": ("## {name}\n", "The {word} of part {n} is told here, in a sentence that is not short.", ""),
}
_SUBJECTS = (
    "session password upload invoice callback schedule template currency webhook retention archive locale "
    "gateway metric snapshot permission consent receipt warehouse shipment voucher digest quota replica"
)
_WORDS = _SUBJECTS.split()


@dataclass(frozen=True)
class _Running:
    """The product, the address of its database, and that of its provider."""

    api: stack.Stack
    url: str
    provider: str


@dataclass(frozen=True)
class Measured:
    """Seconds of work of each run, what the runs of the database did in all, and the seconds of their calls alone."""

    seconds: list[float]
    chain: float
    calls: int
    prompt_tokens: int
    alone: float


def command(arguments: argparse.Namespace) -> int:
    """Measure and print one table; returns 0."""
    config = settings.load()
    table = Table(title=f"verify: {_FILES} files, {_CRITERIA} criteria, every call {arguments.call_seconds:g} s")
    for column in ("figure", "wall", "chain of calls", "ratio", "calls", "litellm alone", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right", no_wrap=column == "figure")
    with tempfile.TemporaryDirectory(prefix="invariant-bench-") as name:
        folder = Path(name)
        place = folder / "repository"
        whole = generate(place) // 4
        source = {"kind": "git", "url": str(place), "ref": _commit(place)}
        for title, many in (
            ("one run", [0]),
            (f"{_RUNS} at once, the same", [0] * _RUNS),
            (f"{_RUNS} at once, different", list(range(_RUNS))),
        ):
            with _stack(config, folder, arguments.call_seconds) as running:
                found = _measure(running, source, [_constitution(n) for n in many], arguments.call_seconds)
            wall = max(found.seconds)
            beside = [f"{seconds:.2f} s" for seconds in (wall, found.chain, found.alone)]
            ratios = [f"{wall / seconds:.2f}" for seconds in (found.chain, found.alone)]
            table.add_row(title, beside[0], beside[1], ratios[0], str(found.calls), beside[2], ratios[1])
            if len(many) == 1:
                share = found.prompt_tokens / (3 * whole)
    console = Console()
    console.print(table)
    console.print(f"prompt tokens of one run: {share:.0%} of sending the whole repository to each judge")
    return 0


def _measure(running: _Running, source: dict[str, str], constitutions: list[str], seconds: float) -> Measured:
    with Client(running.api.url, running.api.token) as client:
        # The libraries are loaded and the pools are warm before anything is measured.
        warm = client.enqueue({"kind": "files", "files": {"a.py": "x = 1\n"}}, "- Code MUST NOT call `warm_up(`.\n")
        _wait(running.url, [warm["id"]])
        with psycopg.connect(running.url, autocommit=True) as connection:
            connection.execute("DELETE FROM llm_uses; DELETE FROM llm_calls")
        ids = [client.enqueue(source, text)["id"] for text in constitutions]
        _wait(running.url, ids)
    with psycopg.connect(running.url, autocommit=True) as connection:
        worked = [
            float(row[0])
            for row in connection.execute(
                "SELECT extract(epoch FROM finished_at - (SELECT min(started_at) FROM runs WHERE id = ANY(%s)))"
                " FROM runs WHERE id = ANY(%s) AND status = 'completed'",
                [ids, ids],
            )
        ]
        waves = connection.execute(
            "SELECT purpose, count(*), sum(prompt_tokens) FROM llm_calls WHERE state = 'completed' GROUP BY 1"
            " ORDER BY min(created_at)"
        ).fetchall()
    if len(worked) != len(ids):
        raise RuntimeError(f"{len(ids) - len(worked)} runs did not complete; the worker's log is in {running.api.logs}")
    calls = sum(number for _, number, _ in waves)
    tokens = sum(tokens for purpose, _, tokens in waves if purpose != "criteria")
    alone = _alone(running.provider, [f"{number}:{4 * tokens // number}" for _, number, tokens in waves])
    return Measured(worked, len(waves) * seconds, calls, tokens, alone)


def _alone(provider: str, waves: list[str]) -> float:
    """Seconds that the calls take without the product."""
    argv = [sys.executable, "-m", "invariant.bench.bare_calls", provider, *waves]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_DEADLINE).stdout)


def _wait(url: str, ids: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        unfinished = "SELECT count(*) FROM runs WHERE id = ANY(%s) AND finished_at IS NULL"
        until(
            lambda: connection.execute(unfinished, [ids]).fetchone() == (0,),
            _DEADLINE,
            lambda: "the runs did not end",
            every=0.2,
        )


@contextlib.contextmanager
def _stack(config: Settings, folder: Path, seconds: float) -> Iterator[_Running]:
    port = stack.free_port()
    address = f"http://127.0.0.1:{port}/v1"
    provider = subprocess.Popen([sys.executable, "-m", "invariant.bench.provider", str(port), str(seconds)])
    try:
        with temporary(config) as url:
            own = settings_on(config, url)
            environment = {
                "CVA_LLM_BASE_URL": address,
                "CVA_LLM_MODEL": "judge-1",
                "CVA_LLM_CONCURRENCY": "1000",
                "CVA_LLM_PRICES": json.dumps({"judge-1": {"input": 0, "output": 0}}),
                "CVA_WORKER_CONCURRENCY": str(_RUNS),
                "CVA_FAIL_FAST": "false",
            }
            kept = {key for key in os.environ if key.endswith("_API_KEY")}
            with stack.running(own, environment={**environment, **dict.fromkeys(kept, "")}) as api:
                yield _Running(api, url, address)
    finally:
        provider.send_signal(signal.SIGTERM)
        provider.wait(10)


def generate(folder: Path) -> int:
    """500 files of four languages, about a hundred lines each; returns how many bytes that is."""
    size = 0
    for place in range(_FILES):
        ending = list(_LANGUAGES)[place % len(_LANGUAGES)]
        opening, line, closing = _LANGUAGES[ending]
        parts = []
        for part in range(5):
            word = _WORDS[(place * 5 + part) % len(_WORDS)]
            parts.append(opening.format(name=f"{word}_{place}_{part}"))
            lines = 18 // (line.count("\n") + 1)
            parts += [line.format(n=n, word=word) for n in range(1, lines + 1)]
            parts.append(closing.format())
        path = folder / f"part{place % 20}" / f"{_WORDS[place % len(_WORDS)]}_{place}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_bytes("\n".join([*parts, ""]).encode())
    # What the first criterion of each batch speaks of is there, for the judges to split over.
    mentions = [f"# {word}_forbidden( is told of here" for word in _WORDS[:_CRITERIA:_PER_CALL]]
    return size + (folder / "notes.py").write_bytes("\n".join([*mentions, ""]).encode())


def _commit(folder: Path) -> str:
    """Make the folder a git repository of one commit; returns its id."""
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "The whole repository")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return head.stdout.strip()


def _constitution(number: int) -> str:
    rules = [f"- Every {word} of edition {number} MUST be free of `{word}_forbidden(`." for word in _WORDS[:_CRITERIA]]
    return "\n".join([f"# Edition {number}", "", *rules, ""])
