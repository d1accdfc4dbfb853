"""Where a program's own files are, so that a room may read them and nothing else of the folders around them."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

_SHEBANG_BYTES = 256
_DEPTH = 3


def needed_by(commands: Iterable[str], path: str) -> tuple[Path, ...]:
    """Folders that running the commands, looked up on `path`, takes: of each its prefix (`…/bin/x` belongs to `…`), and
    the same of the interpreter that its first line names. Links are followed; what is not there is passed over."""
    return tuple(dict.fromkeys(folder for command in commands for folder in _of(command, path, _DEPTH)))


def _of(command: str, path: str, depth: int) -> Iterator[Path]:
    place = shutil.which(command, path=path)
    if place is None or not depth:
        return
    # The link itself stands in a folder of many, such as `~/.local/bin`: it alone is read there.
    yield Path(place)
    program = Path(place).resolve()
    prefix = program.parent.parent
    home = Path.home()
    # `~/bin` has no prefix of its own: the home is nobody's to read.
    whole = program.parent.name in ("bin", "sbin", "Scripts") and prefix not in (home, *home.parents)
    yield prefix if whole else program.parent
    interpreter = _interpreter(program)
    if interpreter is not None:
        yield from _of(interpreter, path, depth - 1)


def _interpreter(program: Path) -> str | None:
    """What the program's first line has run it; None for a binary."""
    try:
        with program.open("rb") as file:
            head = file.read(_SHEBANG_BYTES)
    except OSError:
        return None
    if not head.startswith(b"#!"):
        return None
    words = os.fsdecode(head[2:].split(b"\n", 1)[0]).split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return words[0] if words else None
