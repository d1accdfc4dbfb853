"""Paths that come from outside: out of an archive, a request, a git tree, a patch."""

import unicodedata
from pathlib import PurePosixPath

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255


class UnsafePath(ValueError):
    """The path could leave its folder, or cannot be written as it is. The message says why."""


def safe_path(path: str) -> PurePosixPath:
    """`path` as a relative POSIX path that stays below its folder.

    Raises UnsafePath for absolute paths, `..`, drive letters, backslashes, control characters, names that are
    not Unicode or too long, and git's own folder.
    """

    def reject(why: str) -> UnsafePath:
        return UnsafePath(f"path {path[:120]!a} {why}")

    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise reject("is not valid Unicode") from None
    if not path:
        raise UnsafePath("a path is empty")
    if len(encoded) > MAX_PATH_BYTES:
        raise reject(f"is longer than {MAX_PATH_BYTES} bytes")
    if any(unicodedata.category(char) == "Cc" for char in path):
        raise reject("contains control characters")
    if "\\" in path:
        raise reject("contains a backslash")
    if path.startswith("/") or (len(path) > 1 and path[1] == ":" and path[0].isalpha()):
        raise reject("is absolute")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise reject("contains '..'")
    if not parts:
        raise reject("names no file")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise reject(f"has a name longer than {MAX_NAME_BYTES} bytes")
    if any(part.lower().rstrip(" .") == ".git" for part in parts):
        raise reject("lies in a .git folder")
    return PurePosixPath(*parts)


class Tree:
    """Paths of files that can stand side by side. It holds one string for every file and every folder."""

    def __init__(self, most_folders: int) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._most_folders = most_folders

    def add(self, path: PurePosixPath) -> None:
        """Raises UnsafePath when the file is there already, is a folder, or lies in a file; or for too many folders."""
        name = str(path)
        if name in self._files:
            raise UnsafePath(f"path {name[:120]!a} is there twice")
        if name in self._folders:
            raise UnsafePath(f"path {name[:120]!a} is both a file and a folder")
        self._files.add(name)
        # A folder that is known has known folders above it: no path is walked twice.
        while (name := name.rpartition("/")[0]) and name not in self._folders:
            if name in self._files:
                raise UnsafePath(f"path {name[:120]!a} is both a file and a folder")
            if len(self._folders) >= self._most_folders:
                raise UnsafePath(f"there are more than {self._most_folders} folders")
            self._folders.add(name)
