"""Snapshots of a folder on this machine; for development and the command line."""

import shutil
from pathlib import Path

from worker.sources.errors import SourceNotFound
from worker.sources.folder import select
from worker.sources.snapshot import SnapshotLimits, check_limits


def folder(path: str) -> Path:
    """The folder that the path names, as its user would write it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def copy(source: Path, target: Path, limits: SnapshotLimits) -> list[str]:
    """Copy the project's own files; returns notes on what was left out. Blocking.

    Raises SourceNotFound, SourceTooLarge.
    """
    try:
        is_folder = source.is_dir()
    except OSError:
        is_folder = False
    if not is_folder:
        raise SourceNotFound(f"There is no folder {str(source)[:300]!a}.")
    selection = select(source)
    total = unreadable = 0
    for number, path in enumerate(selection.files, start=1):
        total += path.stat().st_size
        check_limits(number, total, limits)
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, place)
        except OSError:
            unreadable += 1
    return [*selection.notes, *([f"left out {unreadable} unreadable file(s)"] if unreadable else [])]
