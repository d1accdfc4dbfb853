"""Archives from strangers."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.core.untrusted.archives import ArchiveLimits, ArchiveRejected, inspect, unpack

LIMITS = ArchiveLimits(files=50, total=20 << 20)


def make_zip(files: dict[str, bytes], edit: Callable[[zipfile.ZipInfo], None] = lambda _: None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            edit(info)
            archive.writestr(info, content)
    return buffer.getvalue()


def make_tar(files: dict[str, bytes], *infos: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in infos:
            archive.addfile(info)
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def as_link(info: zipfile.ZipInfo) -> None:
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


def doubled_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    return buffer.getvalue()


def with_header(kind: bytes, size: int) -> bytes:
    """A tar.gz whose extended header says that it has `size` bytes, and has them."""
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, size
    return gzip.compress(info.tobuf() + bytes(size) + plain_tar({"a": b"x"}))


def plain_tar(files: dict[str, bytes]) -> bytes:
    return gzip.decompress(make_tar(files))


def damaged_header() -> bytes:
    content = bytearray(plain_tar({"a": b"x", "b": b"y", "c": b"z"}))
    content[1024] ^= 0xFF
    return gzip.compress(bytes(content))


def bzip2_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", bytes(1 << 20))
    return buffer.getvalue()


def sparse_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "b"}
        info.size = 1024
        archive.addfile(info, io.BytesIO(b"0\n" * 512))
    return buffer.getvalue()


HOSTILE: dict[str, bytes] = {
    "huge pax header": with_header(tarfile.XHDTYPE, 30 << 20),
    "huge global header": with_header(tarfile.XGLTYPE, 1 << 20),
    "huge long name": with_header(tarfile.GNUTYPE_LONGNAME, 30 << 20),
    "sparse": sparse_tar(),
    "damaged second header": damaged_header(),
    "something after the end": gzip.compress(plain_tar({"a": b"x"}) + plain_tar({"b": b"y"})),
    "no end": gzip.compress(plain_tar({"a": b"x"})[:1024]),
    "cut in a header": gzip.compress(plain_tar({"a": b"x", "b": b"y"})[:1300]),
    "wrong checksum": make_tar({"a": b"x"})[:-8] + b"\0\0\0\0" + make_tar({"a": b"x"})[-4:],
    "bzip2 in a zip": bzip2_zip(),
    "bad gzip flags": b"\x1f\x8b\x08\xff" + bytes(6),
    "climbing zip": make_zip({"../evil": b"x"}),
    "absolute zip": make_zip({"/etc/cron.d/evil": b"x"}),
    "zip with a link": make_zip({"link": b"/etc/passwd"}, as_link),
    "climbing tar": make_tar({"a/../../evil": b"x"}),
    "absolute tar": make_tar({"/evil": b"x"}),
    "tar with a symlink": make_tar({"a": b"x"}, member("b", tarfile.SYMTYPE, "/etc/passwd")),
    "tar with a hard link": make_tar({"a": b"x"}, member("b", tarfile.LNKTYPE, "a")),
    "tar with a device": make_tar({"a": b"x"}, member("b", tarfile.CHRTYPE)),
    "tar with a fifo": make_tar({"a": b"x"}, member("b", tarfile.FIFOTYPE)),
    "git folder": make_tar({".git/config": b"[core]"}),
    "control characters": make_tar({"a\x1b[2Jb": b"x"}),
    "file and folder": make_tar({"a": b"x", "a/b": b"y"}),
    "folder and file": make_tar({"a/b": b"y", "a": b"x"}),
    "same name twice": make_tar({"a": b"x"}, member("a", tarfile.REGTYPE)),
    "too many": make_zip({f"f{n}": b"" for n in range(60)}),
    "zip bomb": make_zip({"zeros": bytes(40 << 20)}),
    "tar bomb": make_tar({"zeros": bytes(15 << 20)}),
    "empty zip": make_zip({}),
    "empty tar": make_tar({}),
    "no archive": b"hello",
    "nothing": b"",
    "cut zip": make_zip({"a": b"x" * 5000})[:40],
    "cut tar": make_tar({"a": bytes(range(256)) * 400})[:200],
    "gzip of no tar": gzip.compress(b"hello" * 1000),
    "zip magic, then nothing": b"PK\x03\x04" + b"\xff" * 200,
    "gzip magic, then nothing": b"\x1f\x8b" + b"\xff" * 200,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(ArchiveRejected) as refused:
        inspect(io.BytesIO(HOSTILE[name]), LIMITS)
    assert len(str(refused.value)) > 10
    with pytest.raises(ArchiveRejected):
        unpack(io.BytesIO(HOSTILE[name]), target, LIMITS)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_doubled_zip_entry_is_refused() -> None:
    with pytest.raises(ArchiveRejected, match="twice"):
        inspect(io.BytesIO(doubled_zip()), LIMITS)


def test_a_lying_size_does_not_help(tmp_path: Path) -> None:
    """The header of a zip entry says 10 bytes; what comes out decides."""
    content = bytearray(make_zip({"zeros": bytes(30 << 20)}))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(signature)
        content[at + offset : at + offset + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ArchiveRejected):
        inspect(io.BytesIO(bytes(content)), LIMITS)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_ordinary_archive_is_unpacked_whole(make: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    files = {"src/a.py": b"x = 1\n", "src/deep/er/b.bin": bytes(range(256)), "README": "grüße".encode()}
    content = make(files)
    assert inspect(io.BytesIO(content), LIMITS).files == 3
    unpack(io.BytesIO(content), tmp_path, LIMITS)
    found = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == files
