"""Remove a folder that strangers filled: folders in folders by the thousand, closed to their owner, and links."""

import contextlib
import os
import stat
import uuid
from pathlib import Path


def remove(folder: Path) -> bool:
    """Remove it with all that is in it; returns whether it is gone. Links are removed, never followed.

    Blocking; raises nothing. Nobody may write there any more.
    """
    with contextlib.suppress(OSError):
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()
    return not os.path.lexists(folder)


def _empty(top: int) -> None:
    """Each folder within one is moved to the top before it is emptied: no path grows long, and nothing is recursive."""
    waiting = _folders(top)
    unused = uuid.uuid4().hex
    moved = 0
    while waiting:
        name = waiting.pop()
        os.chmod(name, stat.S_IRWXU, dir_fd=top)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            for within in _folders(inner):
                moved += 1
                place = f"{unused}-{moved}"
                # A folder that is closed to its owner cannot be moved.
                os.chmod(within, stat.S_IRWXU, dir_fd=inner)
                os.rename(within, place, src_dir_fd=inner, dst_dir_fd=top)
                waiting.append(place)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)


def _folders(folder: int) -> list[str]:
    """The names of the folders in an open one, from which everything else is removed."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return found
