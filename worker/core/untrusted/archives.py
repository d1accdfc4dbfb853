"""zip and tar.gz archives from strangers: looked at when they arrive, unpacked when they are verified.

Both go through one reader that counts what really comes out; an archive's own headers are not believed.
"""

import contextlib
import gzip
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from worker.core.untrusted import tar
from worker.core.untrusted.paths import Tree, UnsafePath, safe_path

_CHUNK = 1 << 16
# Source code compresses to a tenth; a hundredth is no source code. Small archives may do as they like.
_MAX_RATIO = 100
_RATIO_MATTERS_ABOVE = 8 << 20
_BLOCK = 512
# A member has a header, often an extended one with its content, and what fills its last block.
_BLOCKS_PER_FILE = 4
# What an entry of a zip's directory has beside its name: times, owners, larger sizes. The library's time for it grows
# with its square.
_MAX_EXTRA = 1 << 10
_DIRECTORY_BYTES = 512
_DIRECTORY_ENTRY = 46
# The end of a directory with 64 bits, and what says where it is.
_ZIP64_END = 56 + 20


class ArchiveRejected(ValueError):
    """The archive is not accepted. The message says what is wrong with it, for its sender."""


@dataclass(frozen=True)
class ArchiveLimits:
    """`files` counts entries, `total` bytes after unpacking."""

    files: int
    total: int


@dataclass(frozen=True)
class ArchiveSummary:
    format: str
    files: int
    total: int


Entry = tuple[PurePosixPath, Callable[[], contextlib.AbstractContextManager[tar.Readable]]]


def sniff(head: bytes) -> str:
    """ "zip" or "tar.gz" from the first bytes. Raises ArchiveRejected for anything else."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "tar.gz"
    raise ArchiveRejected("The body is neither a zip nor a tar.gz archive.")


def _check_directory(file: IO[bytes], most: int) -> None:
    """Look through a zip's directory before the library makes an object of each entry, whatever the end says of it."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # nothing public says where the directory is
    if end is None:
        raise zipfile.BadZipFile("it has no directory")
    signature, size, location = end[0], end[5], end[9]
    start = location - size - (_ZIP64_END if signature == b"PK\x06\x06" else 0)
    if start < 0 or size > _DIRECTORY_BYTES * most:
        raise ArchiveRejected(f"The archive's directory says that it has {size} bytes.")
    file.seek(start)
    directory = file.read(size)
    entries = at = 0
    while at < size:
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        entries += 1
        if entries > most:
            raise ArchiveRejected(f"The archive has more than {most} entries.")
        if extra > _MAX_EXTRA:
            raise ArchiveRejected(f"The archive has an entry with {extra} bytes of extra fields.")
        at += _DIRECTORY_ENTRY + name + extra + comment
    file.seek(0)


def _zip_entries(file: IO[bytes], limits: ArchiveLimits) -> Iterator[Entry | None]:
    _check_directory(file, limits.files)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveRejected(f"{info.filename[:120]!a} is a link or a device; only files are accepted.")
            if info.flag_bits & 0x1:
                raise ArchiveRejected("The archive is encrypted.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # The others unpack in pieces that nothing bounds.
                raise ArchiveRejected("The archive is compressed in another way than deflate.")
            path = safe_path(info.filename)
            if info.is_dir():
                yield None
                continue
            yield path, partial(archive.open, info)


def _open(content: tar.Readable) -> contextlib.AbstractContextManager[tar.Readable]:
    return contextlib.nullcontext(content)


class _Counted:
    """What comes out of a gzip, as long as it is not more than `most` bytes."""

    def __init__(self, packed: tar.Readable, most: int, total: int) -> None:
        self._packed = packed
        self._left = most
        self._total = total

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._packed.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise ArchiveRejected(f"The archive unpacks to more than {self._total} bytes.")
        return chunk


def _tar_entries(file: IO[bytes], limits: ArchiveLimits) -> Iterator[Entry | None]:
    around = _BLOCKS_PER_FILE * _BLOCK * limits.files + (1 << 20)
    with gzip.GzipFile(fileobj=file, mode="rb") as packed:
        for member, content in tar.Reader(_Counted(packed, limits.total + around, limits.total)):
            if member.kind == tar.FOLDER:
                if member.name.strip("./"):
                    safe_path(member.name)
                yield None
            elif member.kind == tar.REGULAR:
                yield safe_path(member.name), partial(_open, content)
            else:
                raise ArchiveRejected(f"{member.name[:120]!a} is a link or a device; only files are accepted.")


class _End:
    """After the last entry."""


_END = _End()


def _read(file: IO[bytes], limits: ArchiveLimits, sink: Callable[[PurePosixPath], IO[bytes]] | None) -> ArchiveSummary:
    file.seek(0, 2)
    packed = file.tell()
    file.seek(0)
    kind = sniff(file.read(4))
    file.seek(0)
    files = entries = total = 0
    tree = Tree(most_folders=2 * limits.files)
    found = _zip_entries(file, limits) if kind == "zip" else _tar_entries(file, limits)
    while True:
        with _reading():
            entry = next(found, _END)
        if isinstance(entry, _End):
            break
        entries += 1
        if entries > limits.files:
            raise ArchiveRejected(f"The archive has more than {limits.files} entries.")
        if entry is None:
            continue
        path, opened = entry
        with _reading():
            tree.add(path)
        files += 1
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(sink(path)) if sink else None
            with _reading():
                source = stack.enter_context(opened())
            while True:
                with _reading():
                    chunk = source.read(_CHUNK)
                if not chunk:
                    break
                total += len(chunk)
                if total > limits.total:
                    raise ArchiveRejected(f"The archive unpacks to more than {limits.total} bytes.")
                if total > _RATIO_MATTERS_ABOVE and total > packed * _MAX_RATIO:
                    raise ArchiveRejected(f"The archive unpacks to more than {_MAX_RATIO} times its size.")
                if out:
                    out.write(chunk)
    if files == 0:
        raise ArchiveRejected("The archive holds no files.")
    return ArchiveSummary(kind, files, total)


_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """What fails while the archive is read is the archive's fault; what fails while writing is not."""
    try:
        yield
    except ArchiveRejected:
        raise
    except UnsafePath as error:
        raise ArchiveRejected(f"The archive is not safe: {error}.") from None
    except _DAMAGED as error:
        raise ArchiveRejected(f"The archive is damaged or of a kind that cannot be read: {error}.") from None


def inspect(file: IO[bytes], limits: ArchiveLimits) -> ArchiveSummary:
    """Read the whole archive without writing anything. Blocking; raises ArchiveRejected."""
    return _read(file, limits, None)


def unpack(file: IO[bytes], target: Path, limits: ArchiveLimits) -> ArchiveSummary:
    """Unpack into `target`, an empty folder. Blocking; raises ArchiveRejected, and may then leave a part."""

    def create(path: PurePosixPath) -> IO[bytes]:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("xb")

    return _read(file, limits, create)
