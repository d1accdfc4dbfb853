"""The two that are put under the same treatment: the product, and a bare procrastinate worker."""

import abc
import contextlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from client.http import ApiError, Client
from invariant import stack
from invariant.bench import provider
from invariant.bench.provider import Provider, Reply, Request
from invariant.chaos import bare
from invariant.waiting import until

WORKERS = 2
_OUTSTANDING = 40
_READY_SECONDS = 60.0
_WORD = re.compile(r"word_\d+_of_\d+")
_COMPLETED = """
    SELECT c.role, substring(v.content FROM 'word_[0-9]+_of_[0-9]+'), extract(epoch FROM min(c.finished_at))
    FROM llm_calls c JOIN runs r ON r.id = c.run_id JOIN constitution_versions v ON v.id = r.constitution_version_id
    WHERE c.state = 'completed' GROUP BY 1, 2
"""
# From the last sign of an attempt to the claim of the next one.
_TAKEN_UP = """
    SELECT coalesce(max(extract(epoch FROM created_at - before)), 0) FROM (
        SELECT type, created_at, lag(created_at) OVER (PARTITION BY run_id ORDER BY seq) AS before,
            row_number() OVER (PARTITION BY run_id, type ORDER BY seq) AS number
        FROM run_events WHERE type <> 'requeued'
    ) AS told WHERE type = 'claimed' AND number > 1
"""


@dataclass
class Workers:
    """Worker processes of one side. `serving` is what one writes to its log once it serves."""

    argv: Sequence[str]
    environment: dict[str, str]
    logs: Path
    name: str
    serving: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> Path:
        """Start one more; gives where its log is."""
        path = self.logs / f"{self.name}-{time.monotonic_ns()}.log"
        with path.open("wb") as log:
            found = subprocess.Popen(
                [sys.executable, *self.argv],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(found)
        return path

    def start_and_serve(self) -> None:
        """Start one more; returns when it serves."""
        path = self.start()
        until(
            lambda: self.serving in path.read_text(errors="replace"), _READY_SECONDS, lambda: path.read_text()[-2000:]
        )

    def end(self, which: subprocess.Popen[bytes], number: signal.Signals, seconds: float = 60) -> None:
        """Send the signal and wait for the end; a process that does not end is killed."""
        which.send_signal(number)
        try:
            which.wait(seconds)
        except subprocess.TimeoutExpired:
            which.kill()
            which.wait()
        self.running.remove(which)

    def stop(self) -> None:
        for which in list(self.running):
            which.send_signal(signal.SIGCONT)
            self.end(which, signal.SIGKILL)


class Side(abc.ABC):
    """What both have. `url` is how this program reaches the database, whatever the workers go through."""

    name: str
    workers: Workers

    def __init__(self, url: str) -> None:
        self.url = url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._produce, daemon=True)

    def begin(self) -> None:
        for _ in range(WORKERS):
            self.workers.start()
        self._thread.start()

    def stop_producing(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(90)

    def _produce(self) -> None:
        """Keep some work waiting, for as long as there is somebody to give it to."""
        while not self._stopping.wait(0.1):
            with contextlib.suppress(psycopg.Error, ApiError, OSError):
                for _ in range(_OUTSTANDING - self.waiting()):
                    self.add()

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(statement, values).fetchall()

    @abc.abstractmethod
    def add(self) -> None: ...

    @abc.abstractmethod
    def waiting(self) -> int: ...

    @abc.abstractmethod
    def completed(self) -> list[float]:
        """When each piece of work ended, in seconds since the epoch."""

    @abc.abstractmethod
    def lost(self) -> int: ...

    @abc.abstractmethod
    def doubled(self) -> int: ...


class Product(Side):
    """Api, workers and a provider whose judges take `seconds` for each answer."""

    name = "invariant"

    def __init__(self, url: str, worker_url: str, client: Client, judges: Provider, logs: Path, **more: str) -> None:
        super().__init__(url)
        self.client = client
        self.judges = judges
        self.accepted: set[str] = set()
        environment = {
            **stack.clean_environment(),
            "DATABASE_URL": worker_url,
            "CVA_LLM_BASE_URL": judges.url,
            "CVA_LLM_MODEL": "judge-1",
            "CVA_LLM_PRICES": '{"judge-1": {"input": 0, "output": 0}}',
            "CVA_LOG_FORMAT": "json",
            **more,
        }
        self.workers = Workers(["-m", "worker"], environment, logs, "worker", "worker serving")

    def add(self) -> None:
        number = len(self.accepted)
        text = f"- Notes MUST be free of `word_{number}_of_{time.monotonic_ns()}`.\n"
        run = self.client.enqueue({"kind": "files", "files": {"notes.txt": "Nothing to see here.\n"}}, text)
        self.accepted.add(run["id"])

    def waiting(self) -> int:
        # What a dead worker holds waits for its lease, not for somebody free.
        return int(self.query("SELECT count(*) FROM runs WHERE status = 'queued'")[0][0])

    def completed(self) -> list[float]:
        rows = self.query("SELECT extract(epoch FROM finished_at)::float8 FROM runs WHERE status = 'completed'")
        return sorted(row[0] for row in rows)

    def lost(self) -> int:
        done = {str(row[0]) for row in self.query("SELECT id FROM runs WHERE status = 'completed'")}
        return len(self.accepted - done)

    def doubled(self) -> int:
        rows = self.query("SELECT run_id FROM run_events WHERE type = 'completed' GROUP BY run_id HAVING count(*) > 1")
        return len(rows)

    def spent(self) -> int:
        """Attempts that were spent on runs."""
        return int(self.query("SELECT coalesce(sum(failures), 0) FROM runs")[0][0])

    def stuck(self, seconds: float) -> int:
        """Runs that nobody holds and nobody took up for so long."""
        return int(
            self.query(
                "SELECT count(*) FROM runs WHERE status = 'running'"
                " AND lease_until < clock_timestamp() - make_interval(secs => %s)",
                (seconds,),
            )[0][0]
        )

    def taken_up_after(self) -> float:
        """The longest that a run lay still before another attempt took it up; seconds."""
        return float(self.query(_TAKEN_UP)[0][0])

    def paid_twice(self) -> int:
        """Calls that were made although their answer was on the ledger: every run has a word of its own, and no judge
        is asked twice about it."""
        known = {(role, text): float(at) for role, text, at in self.query(_COMPLETED)}
        again = 0
        for request in self.judges.requests:
            word = _WORD.search(request.text)
            answered = known.get((request.role, word[0])) if word else None
            again += answered is not None and request.at > answered
        return again


class Bare(Side):
    """procrastinate alone, as its documentation starts it."""

    name = "procrastinate"

    def __init__(self, url: str, worker_url: str, logs: Path, seconds: float) -> None:
        super().__init__(url)
        argv = ["-m", "invariant.chaos.bare", worker_url, str(seconds)]
        self.workers = Workers(argv, stack.clean_environment(), logs, "bare", "serving")
        self.added = 0
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(bare.DONE)

    def add(self) -> None:
        self.query(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES (%s, %s, '{}') RETURNING id",
            (bare.QUEUE, bare.TASK),
        )
        self.added += 1

    def waiting(self) -> int:
        return int(self.query("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")[0][0])

    def completed(self) -> list[float]:
        return sorted(row[0] for row in self.query("SELECT extract(epoch FROM at)::float8 FROM bare_done"))

    def lost(self) -> int:
        return self.added - int(self.query("SELECT count(DISTINCT job_id) FROM bare_done")[0][0])

    def doubled(self) -> int:
        return len(self.query("SELECT job_id FROM bare_done GROUP BY job_id HAVING count(*) > 1"))


@contextlib.contextmanager
def judges(seconds: float) -> Iterator[Provider]:
    """Honest judges who take `seconds` for an answer."""

    def script(request: Request) -> Reply:
        return Reply(provider.completion(request, provider.answer(request)), seconds=seconds)

    with provider.running(script) as found:
        yield found
