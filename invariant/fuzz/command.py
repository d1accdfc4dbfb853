"""`invariant fuzz`: hostile input for the readers of strangers' bytes, and how their time grows."""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from invariant.fuzz import growth, loop, readers, runs
from invariant.fuzz.targets import TARGETS

CORPUS = Path("tests/fuzz/corpus")
_KEPT = 60


def command(arguments: argparse.Namespace) -> int:
    """1 when a reader failed, hung, or takes time that grows faster than its text; 2 for a target that is not there."""
    console = Console(width=200)
    if arguments.what == "growth":
        return _growth(console, arguments.size)
    if arguments.what == "runs":
        with tempfile.TemporaryDirectory(prefix="invariant-fuzz-") as work:
            return runs.command(console, first=arguments.seed, count=arguments.repositories, work=Path(work))
    if arguments.what not in ("all", *TARGETS):
        console.print(f"There is no target {arguments.what!r}; there are: {', '.join(TARGETS)}.", markup=False)
        return 2
    wanted = TARGETS if arguments.what == "all" else {arguments.what: TARGETS[arguments.what]}
    if arguments.guided:
        return _guided(console, list(wanted), arguments.seconds)
    failed = False
    for name, target in wanted.items():
        folder = CORPUS / name
        found = loop.fuzz(target, list(loop.read_corpus(folder)), seconds=arguments.seconds, seed=arguments.seed)
        folder.mkdir(parents=True, exist_ok=True)
        # The failures first: what is mended is read again by the tests.
        for data in [*found.failures.values(), *sorted(found.corpus, key=len)[:_KEPT]]:
            (folder / loop.name_of(data)).write_bytes(data)
        console.print(f"{name}: {found.executions} inputs, {found.lines} lines reached, {len(found.failures)} failures")
        for what, data in found.failures.items():
            console.print(f"  {what}: {folder / loop.name_of(data)}", markup=False)
        failed = failed or bool(found.failures)
    return int(failed)


def _guided(console: Console, names: Sequence[str], seconds: float) -> int:
    if importlib.util.find_spec("atheris") is None:
        console.print("--guided needs atheris, which is not installed: pip install atheris (Linux).")
        return 2
    codes = [
        subprocess.call([sys.executable, "-m", "invariant.fuzz.guided", name, str(round(seconds))]) for name in names
    ]
    return int(any(codes))


def _growth(console: Console, size: int) -> int:
    failed = False
    for name, reader in readers.readers().items():
        for grown in growth.too_fast(name, reader, largest=size):
            console.print(str(grown), markup=False)
            failed = True
    return int(failed)
