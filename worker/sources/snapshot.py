"""A snapshot: the files of one commit, copied to a folder of our own and never changed again."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from worker.sources.errors import SourceTooLarge, SourceUnsafe

_CHUNK = 1 << 20


@dataclass(frozen=True)
class SnapshotLimits:
    """`total` and `file` in bytes; a file above `file` is kept, but not analysed."""

    files: int
    total: int
    file: int


@dataclass(frozen=True)
class SnapshotFile:
    """`path` is relative and POSIX."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """`digest` hashes every path and content: equal digests are equal code. `commit` is git's, where there is
    one. `changed` holds the paths that differ from the base in `diff` mode, None in `full` mode. `notes` tell
    what was left out.
    """

    root: Path
    files: tuple[SnapshotFile, ...]
    digest: str
    commit: str | None = None
    branch: str | None = None
    changed: frozenset[str] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def scratch(self) -> Path:
        """Where programs that read the snapshot may write."""
        return self.root.parent / "scratch"

    def lines(self, path: str) -> list[str] | None:
        """The file's lines without their ends, or None for a path that is not in the snapshot.

        Lines end at CR, LF or CRLF, as analyzers and editors count them; undecodable bytes are replaced.
        """
        if path not in self.paths:
            return None
        text = (self.root / path).read_bytes().decode("utf-8", errors="replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @property
    def paths(self) -> frozenset[str]:
        found: frozenset[str] | None = self.__dict__.get("_path_set")
        if found is None:
            found = frozenset(file.path for file in self.files)
            object.__setattr__(self, "_path_set", found)
        return found


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def scan(
    root: Path,
    limits: SnapshotLimits,
    *,
    commit: str | None = None,
    branch: str | None = None,
    changed: Iterable[str] | None = None,
    notes: Iterable[str] = (),
) -> Snapshot:
    """Read what is in `root`. Blocking; raises SourceTooLarge."""
    files: list[SnapshotFile] = []
    total = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            size = path.lstat().st_size
            total += size
            check_limits(len(files) + 1, total, limits)
            files.append(SnapshotFile(_checked(path.relative_to(root).as_posix()), size, _hash(path)))
    files.sort(key=lambda file: file.path)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.sha256} {file.path}\n".encode())
    return Snapshot(
        root=root,
        files=tuple(files),
        digest=digest.hexdigest(),
        commit=commit,
        branch=branch,
        changed=None if changed is None else frozenset(changed),
        notes=tuple(notes),
    )


def _checked(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SourceUnsafe(f"path {path[:120]!a} is not valid Unicode") from None
    return path


def check_limits(files: int, total: int, limits: SnapshotLimits) -> None:
    """Raises SourceTooLarge."""
    if files > limits.files:
        raise SourceTooLarge(f"The source has more than {limits.files} files (CVA_MAX_SNAPSHOT_FILES).")
    if total > limits.total:
        raise SourceTooLarge(f"The source has more than {limits.total} bytes (CVA_MAX_SNAPSHOT_BYTES).")
