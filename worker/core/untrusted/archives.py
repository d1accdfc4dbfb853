"""zip and tar.gz archives from strangers: looked at when they arrive, unpacked when they are verified.

Both go through one reader that counts what really comes out; an archive's own headers are not believed.
"""

import contextlib
import gzip
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from worker.core.untrusted.paths import UnsafePath, safe_path

_CHUNK = 1 << 16
# Source code compresses to a tenth; a hundredth is no source code. Small archives may do as they like.
_MAX_RATIO = 100
_RATIO_MATTERS_ABOVE = 8 << 20
# A header that carries a long name or extended attributes; tarfile reads it into memory as a whole.
_MAX_HEADER = 16 << 10
_BLOCK = 512


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


Entry = tuple[PurePosixPath, Callable[[], IO[bytes]]]


def sniff(head: bytes) -> str:
    """ "zip" or "tar.gz" from the first bytes. Raises ArchiveRejected for anything else."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "tar.gz"
    raise ArchiveRejected("The body is neither a zip nor a tar.gz archive.")


def _zip_entries(file: IO[bytes], _: ArchiveLimits) -> Iterator[Entry | None]:
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


class _Member(tarfile.TarInfo):
    """A member whose header is small and whose content is stored as it is."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = self.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, *_PAX)
        if extended and self.size > _MAX_HEADER:
            raise ArchiveRejected(f"The archive has a header of {self.size} bytes.")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise ArchiveRejected("The archive holds sparse files; only plain ones are accepted.")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]  # not in the stubs: tarfile documents no hook for headers
        return found

    def _reject_sparse(self, *_: Any) -> None:
        raise ArchiveRejected("The archive holds sparse files; only plain ones are accepted.")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _reject_sparse


_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


@contextlib.contextmanager
def _unzipped(file: IO[bytes], limits: ArchiveLimits) -> Iterator[IO[bytes]]:
    """The tar within the gzip, whole and with its checksum verified, in a temporary file of bounded size."""
    most = limits.total + 4 * _BLOCK * limits.files + (1 << 20)
    with tempfile.SpooledTemporaryFile(max_size=8 << 20) as tar, gzip.GzipFile(fileobj=file, mode="rb") as packed:
        size = 0
        while True:
            with _reading():
                chunk = packed.read(_CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > most:
                raise ArchiveRejected(f"The archive unpacks to more than {limits.total} bytes.")
            tar.write(chunk)
        tar.seek(0)
        yield tar


def _tar_entries(file: IO[bytes], limits: ArchiveLimits) -> Iterator[Entry | None]:
    with _unzipped(file, limits) as tar:
        with tarfile.open(fileobj=tar, mode="r:", tarinfo=_Member) as archive:
            for info in archive:
                if info.isdir():
                    if info.name.strip("./"):
                        safe_path(info.name)
                    yield None
                    continue
                if not info.isreg():
                    raise ArchiveRejected(f"{info.name[:120]!a} is a link or a device; only files are accepted.")

                def opened(info: tarfile.TarInfo = info) -> IO[bytes]:
                    found = archive.extractfile(info)
                    assert found is not None
                    return found

                yield safe_path(info.name), opened
            end = archive.offset
        # tarfile stops at a damaged header as if it were the end; the end is two blocks of zeros, and nothing after.
        tar.seek(end)
        rest = 0
        while chunk := tar.read(_CHUNK):
            rest += len(chunk)
            if chunk.strip(b"\0"):
                raise ArchiveRejected("The archive is damaged: a header cannot be read, or something follows its end.")
        if rest < _BLOCK:
            raise ArchiveRejected("The archive is cut off: its end is missing.")


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
    seen: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
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
        if path in seen:
            raise ArchiveRejected(f"{str(path)!a} is in the archive twice.")
        if path in folders or not seen.isdisjoint(path.parents):
            raise ArchiveRejected(f"{str(path)!a} is both a file and a folder.")
        seen.add(path)
        folders.update(path.parents)
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
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
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


def unpack(
    file: IO[bytes], target: Path, limits: ArchiveLimits, *, each: Callable[[], None] = lambda: None
) -> ArchiveSummary:
    """Unpack into `target`, an empty folder. Blocking; raises ArchiveRejected, and may then leave a part.

    `each` is called before every file, and may raise to end it.
    """

    def create(path: PurePosixPath) -> IO[bytes]:
        each()
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("xb")

    return _read(file, limits, create)
