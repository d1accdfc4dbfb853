"""Where a verdict goes, and in which form: `--output` and `--format`."""

import stat
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FORMATS = ("table", "json", "sarif", "markdown")
STANDARD_OUTPUT = "-"

_ENDINGS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".json": "json",
    ".txt": "table",
}


class WrongOutput(RuntimeError):
    """It cannot be told what to write, or it cannot be written there. The message is for the person at the terminal."""


@dataclass(frozen=True)
class Output:
    """One document to write. `path` None is standard output."""

    format: str
    path: Path | None = None


def plan(names: Sequence[str], given: str | None) -> tuple[Output, ...]:
    """What to write, from the names after `--output` and the form after `--format`. Raises WrongOutput.

    A file's form is known by its ending. `--format` says it for standard output (`-`, or no name at all), and for a
    single file whatever its ending.
    """
    files = [name for name in names if name != STANDARD_OUTPUT]
    if len(files) > 1 and given is not None and len(files) == len(names):
        raise WrongOutput("With several files their endings say the form; leave --format out, or add --output -.")
    outputs = []
    for name in dict.fromkeys(names or (STANDARD_OUTPUT,)):
        if name == STANDARD_OUTPUT:
            outputs.append(Output(given or "table"))
            continue
        form = given if given is not None and len(names) == 1 else _by_ending(name)
        if form is None and len(names) > 1:
            endings = ", ".join(_ENDINGS)
            raise WrongOutput(f"The ending of {name} does not say what to write there; known are {endings}.")
        outputs.append(Output(form or "table", _checked(Path(name))))
    return tuple(outputs)


def _by_ending(name: str) -> str | None:
    lower = name.lower()
    longest = sorted(_ENDINGS, key=len, reverse=True)
    return next((_ENDINGS[ending] for ending in longest if lower.endswith(ending)), None)


def _checked(path: Path) -> Path:
    """Before anything is spent on a verdict that could not be written."""
    if path.is_dir():
        raise WrongOutput(f"{path} is a folder.")
    if not path.parent.is_dir():
        raise WrongOutput(f"There is no folder {path.parent} to write {path.name} to.")
    return path


def write(path: Path, content: bytes) -> None:
    """Write the file so that whoever looks sees the old content or the new one, never a part. Raises WrongOutput."""
    try:
        # A link stays one; a device or a pipe is written to, not replaced.
        target = path.resolve()
        try:
            mode = target.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(content)
            return
        beside = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex[:8]}")
        try:
            beside.write_bytes(content)
            if mode is not None:
                beside.chmod(stat.S_IMODE(mode))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise WrongOutput(f"{path} cannot be written: {error.strerror or error}.") from None
