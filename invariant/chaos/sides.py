"""The two that are put under the same treatment: the product, and a bare procrastinate worker."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from invariant.bench import provider
from invariant.bench.provider import Provider, Reply, Request
from invariant.chaos import bare
from invariant.client import ApiError, Client

WORKERS = 2
_OUTSTANDING = 40
_NONCE = re.compile(r"DATA [0-9a-f]{16}")


@dataclass
class Workers:
    """Worker processes of one side, each started again when it was ended."""

    argv: Sequence[str]
    environment: dict[str, str]
    logs: Path
    name: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        with (self.logs / f"{self.name}-{time.monotonic_ns()}.log").open("wb") as log:
            found = subprocess.Popen(
                [sys.executable, *self.argv],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(found)
        return found

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


class Side:
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

    def add(self) -> None:
        raise NotImplementedError

    def waiting(self) -> int:
        raise NotImplementedError

    def completed(self) -> list[float]:
        """When each piece of work ended, in seconds since the epoch."""
        raise NotImplementedError

    def lost(self) -> int:
        raise NotImplementedError

    def doubled(self) -> int:
        raise NotImplementedError

    def paid_twice(self) -> int | None:
        return None


class Product(Side):
    """Api, workers and a provider whose judges take `seconds` for each answer."""

    name = "invariant"

    def __init__(self, url: str, worker_url: str, client: Client, judges: Provider, logs: Path, **more: str) -> None:
        super().__init__(url)
        self.client = client
        self.judges = judges
        self.accepted: set[str] = set()
        environment = {
            **clean_environment(),
            "DATABASE_URL": worker_url,
            "CVA_LLM_BASE_URL": judges.url,
            "CVA_LLM_MODEL": "judge-1",
            "CVA_LLM_PRICES": '{"judge-1": {"input": 0, "output": 0}}',
            "CVA_LOG_FORMAT": "json",
            **more,
        }
        self.workers = Workers(["-m", "worker"], environment, logs, "worker")

    def add(self) -> None:
        number = len(self.accepted)
        text = f"- Notes MUST be free of `word_{number}_of_{time.monotonic_ns()}`.\n"
        run = self.client.enqueue({"kind": "files", "files": {"notes.txt": "Nothing to see here.\n"}}, text)
        self.accepted.add(run["id"])

    def waiting(self) -> int:
        return int(self.query("SELECT count(*) FROM runs WHERE finished_at IS NULL")[0][0])

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

    def paid_twice(self) -> int:
        """Questions that were answered again although their answer was on the ledger, or given up for nobody's
        fault of ours: every further answer needs an entry that was lost."""
        asked = Counter(_NONCE.sub("DATA", r.text) for r in self.judges.requests if not r.cancelled)
        failed = int(self.query("SELECT count(*) FROM llm_calls WHERE state = 'failed'")[0][0])
        again = sum(count - 1 for count in asked.values())
        return max(0, again - failed)


class Bare(Side):
    """procrastinate alone, as its documentation starts it."""

    name = "procrastinate"

    def __init__(self, url: str, worker_url: str, logs: Path, seconds: float) -> None:
        super().__init__(url)
        argv = ["-m", "invariant.chaos.bare", worker_url, str(seconds)]
        self.workers = Workers(argv, clean_environment(), logs, "bare")
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


def clean_environment() -> dict[str, str]:
    """This process's, without settings of the product."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("CVA_") and not key.endswith("_API_KEY") and key != "DATABASE_URL"
    }


@contextlib.contextmanager
def judges(seconds: float) -> Iterator[Provider]:
    """Honest judges who take `seconds` for an answer."""

    def script(request: Request) -> Reply:
        return Reply(provider.completion(request, provider.answer(request)), seconds=seconds)

    with provider.running(script) as found:
        yield found
