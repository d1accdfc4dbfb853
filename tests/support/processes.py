"""The product's own processes, started as an operator starts them."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from invariant.stack import clean_environment, free_port
from invariant.waiting import until
from tests.support import poolers

PROVIDERS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY")
T = TypeVar("T")
TOKEN = "test-service-token-0123456789-0123456789"


def environment(url: str, **more: str) -> dict[str, str]:
    """What the process sees: nothing of the settings of the machine that runs the tests."""
    return {**clean_environment(), **poolers.through(url), "CVA_LOG_FORMAT": "json", **more}


@dataclass
class Process:
    """A running process and what it has written so far."""

    popen: subprocess.Popen[bytes]
    path: Path
    base_url: str = ""

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def wait_for(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """Until the log matches. Fails with the log when the process ends or time runs out."""
        return eventually(lambda: re.search(pattern, self.log), seconds, lambda: self.log, self.popen)

    def terminate(self, seconds: float = 30) -> int:
        """SIGTERM, and the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(seconds)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


def eventually(
    found: Callable[[], T | None],
    seconds: float = 30,
    why: Callable[[], object] = lambda: "it never came about",
    popen: subprocess.Popen[bytes] | None = None,
) -> T:
    """What `found` gives once it gives something. A bound, not a hope: it fails when time runs out."""
    try:
        return until(found, seconds, why, ended=lambda: popen is not None and popen.poll() is not None)
    except TimeoutError as error:
        raise AssertionError(str(error)) from None


@contextlib.contextmanager
def process(module: str, env: Mapping[str, str], folder: Path, name: str | None = None) -> Iterator[Process]:
    """`python -m module` for as long as the block lasts."""
    path = folder / f"{name or module}-{time.monotonic_ns()}.log"
    with path.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", module],
            env=dict(env),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            yield Process(popen, path)
        finally:
            if popen.poll() is None:
                popen.terminate()
                try:
                    popen.wait(20)
                except subprocess.TimeoutExpired:
                    popen.kill()
                    popen.wait()


@contextlib.contextmanager
def api(url: str, folder: Path, **more: str) -> Iterator[tuple[httpx.Client, Process]]:
    """An api process that serves, and a client of it with the service token."""
    port = free_port()
    env = environment(url, HOST="127.0.0.1", PORT=str(port), CVA_API_TOKEN=TOKEN, **more)
    with process("api", env, folder) as running:
        running.wait_for("Application startup complete")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            yield client, running


@contextlib.contextmanager
def worker(url: str, folder: Path, name: str = "worker", **more: str) -> Iterator[Process]:
    """A worker process that serves."""
    with process("worker", environment(url, **more), folder, name) as running:
        running.wait_for("worker serving")
        yield running


def stands_still(beat: Path) -> bool:
    """Whether nobody goes on writing to the file. Blocking."""
    before = beat.read_text()
    # Many times as long as whoever writes pauses: that nothing comes can only be waited for.
    time.sleep(0.2)
    return beat.read_text() == before
