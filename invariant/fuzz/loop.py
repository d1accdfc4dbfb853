"""The loop: inputs are mutated, and kept when they reach code that none before them reached.

Coverage is of lines of our own code, by the interpreter's tracing. The same seed makes the same inputs. What fails is
written down as small as it can be made.
"""

import hashlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from invariant.fuzz.targets import Target

HANG_SECONDS = 2
"""Of the process's own time: what others do on the machine does not count."""
_MAX_BYTES = 6_000
_OURS = ("/worker/", "\\worker\\")


class Hang(BaseException):
    """The reader took too long. No error of the reader's: nothing in it may take it for one."""


@dataclass
class Found:
    """What came of a target: inputs that reach new lines, and by the error's place inputs that fail."""

    corpus: list[bytes] = field(default_factory=list)
    failures: dict[str, bytes] = field(default_factory=dict)
    executions: int = 0
    lines: int = 0


def failure(target: Target, data: bytes) -> str | None:
    """What is wrong with the reading of the input, None where nothing is."""
    previous = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        target.read(data)
    except (Exception, Hang) as error:
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last is not None else "?"
        return f"{type(error).__name__} at {where}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    return None


def _hang(_: int, __: FrameType | None) -> None:
    raise Hang(f"more than {HANG_SECONDS} s")


def fuzz(target: Target, corpus: list[bytes], *, seconds: float, seed: int) -> Found:
    """Fuzz for so long, from the corpus and the target's seeds."""
    random = Random(seed)
    found = Found()
    seen: set[tuple[str, int]] = set()
    ends = time.monotonic() + seconds
    for data in [*target.seeds, *corpus]:
        _try(target, data, seen, found)
    while time.monotonic() < ends:
        _try(target, _mutated(random, found.corpus or list(target.seeds), target.words), seen, found)
    found.lines = len(seen)
    return found


def _try(target: Target, data: bytes, seen: set[tuple[str, int]], found: Found) -> None:
    before = len(seen)
    sys.settrace(_tracer(seen))
    try:
        wrong = failure(target, data)
    finally:
        sys.settrace(None)
    found.executions += 1
    if wrong is not None and not _again(target, data):
        # Tracing made it slow.
        wrong = None
    if wrong is not None:
        found.failures.setdefault(wrong.split(": ", 1)[0], _smaller(target, data))
    elif len(seen) > before:
        found.corpus.append(data)


def _again(target: Target, data: bytes) -> bool:
    return failure(target, data) is not None


def _tracer(seen: set[tuple[str, int]]) -> Callable[[FrameType, str, Any], Any]:
    def within(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return within

    def entered(frame: FrameType, _: str, __: Any) -> Any:
        return within if any(part in frame.f_code.co_filename for part in _OURS) else None

    return entered


def _mutated(random: Random, corpus: list[bytes], words: tuple[bytes, ...]) -> bytes:
    data = random.choice(corpus)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        place = random.randrange(len(data) + 1)
        end = min(len(data), place + random.choice((0, 1, 1, 4, 40)))
        match random.randrange(6):
            case 0:
                data = data[:place] + random.randbytes(random.choice((1, 1, 4))) + data[end:]
            case 1 if words:
                data = data[:place] + random.choice(words) + data[end:]
            case 2:
                data = data[:place] + data[place:end] * random.choice((2, 10, 200)) + data[end:]
            case 3:
                other = random.choice(corpus)
                data = data[:place] + other[random.randrange(len(other) + 1) :]
            case 4 if words:
                data = data[:place] + random.choice(words) * random.choice((2, 30, 300)) + data[end:]
            case _:
                data = data[:place] + data[end:]
    return data[:_MAX_BYTES]


def _smaller(target: Target, data: bytes) -> bytes:
    """The input without what it fails without, as far as a few tries go."""
    ends = time.monotonic() + 20
    step = len(data) // 2
    while step and time.monotonic() < ends:
        place = 0
        while place < len(data) and time.monotonic() < ends:
            shorter = data[:place] + data[place + step :]
            if shorter != data and failure(target, shorter) is not None:
                data = shorter
            else:
                place += step
        step //= 2
    return data


def name_of(data: bytes) -> str:
    """The file's name in a corpus."""
    return hashlib.sha256(data).hexdigest()[:16]


def read_corpus(folder: Path) -> Iterator[bytes]:
    """The inputs in a folder, in the order of their names; none where there is no such folder."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        yield path.read_bytes()
