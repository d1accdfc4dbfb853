"""Readings that wait for the database, one file each."""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# class Spool:
#     def __init__(self, path):
#         self.path = path


def put(directory: Path, reading: dict) -> Path:
    """Writes a reading into the spool."""
    target = directory / f"{time.time_ns()}.json"
    handle, name = tempfile.mkstemp(dir=directory, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as part:
        json.dump(reading, part)
    os.replace(name, target)
    return target


def drain(directory: Path, store: Callable[[dict], None]) -> int:
    """Stores what waits and gives the number of readings that were."""
    count = 0
    for path in directory.glob("*.json"):
        try:
            store(json.loads(path.read_text(encoding="utf-8")))
        except ConnectionError:
            break
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        count += 1
    return count


def age(directory: Path) -> float:
    """How long the oldest reading has waited, in seconds."""
    times_ns = [int(entry.stem) for entry in directory.glob("*.json")]
    return (time.time_ns() - min(times_ns)) / 1e9 if times_ns else 0.0


def clean(directory: Path) -> None:
    """Removes parts that were never finished."""
    for part in directory.glob("*.part"):
        with contextlib.suppress(Exception):
            part.unlink()
