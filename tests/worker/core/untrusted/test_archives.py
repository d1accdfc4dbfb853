"""Archives from strangers."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.core.untrusted.archives import ArchiveLimits, ArchiveRejected, ArchiveSummary, inspect, unpack
from worker.core.untrusted.inspection import inspect_apart

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


def pax(kind: bytes, *records: bytes) -> bytes:
    """An extended header with these records."""
    content = b"".join(record if record[:1].isdigit() else _record(record) for record in records)
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, len(content)
    return info.tobuf() + content + bytes(-len(content) % 512)


def _record(text: bytes) -> bytes:
    length = len(text) + 2
    while len(b"%d %s\n" % (length, text)) != length:
        length += 1
    return b"%d %s\n" % (length, text)


def many_keys(number: int) -> bytes:
    """16 kB of records whose names nobody else has: a reader that keeps them for all members needs gigabytes."""
    return pax(tarfile.XGLTYPE, *(b"%x=" % (number * 2000 + key) for key in range(1200)))


def with_size(field: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar.gz whose only member says in this way how large it is."""
    block = bytearray(tarfile.TarInfo("a").tobuf())
    block[156:157] = kind
    block[124:136] = field
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    return gzip.compress(bytes(block) + bytes(4096))


def crowded_directory(entries: int, extra: bytes = b"") -> bytes:
    """A zip that has nothing but a directory, and says of it what is true."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, len(extra), 0, 0, 0, 0, 0)
    directory = (entry + b"a" + extra) * entries
    start = b"PK\3\4" + bytes(26)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(directory), len(start), 0)
    return start + directory + end


def overlapping_zip() -> bytes:
    """Many entries of the directory that all mean the same bytes."""
    one = make_zip({"a": bytes(2 << 20)})
    directory, end = one.index(b"PK\1\2"), one.index(b"PK\5\6")
    entry = one[directory:end]
    entries = b"".join(entry[:46] + b"%c" % (97 + number) + entry[47:] for number in range(20))
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 20, 20, len(entries), directory, 0)
    return one[:directory] + entries + last


def lying_zip64() -> bytes:
    """Its end says that the directory has 2**63 bytes."""
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 62, 1 << 62, 1 << 63, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 30, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return b"PK\3\4" + bytes(26) + end64 + locator + end


def deep(number: int) -> str:
    return f"{number}/" + "a/" * 400 + "b"


HOSTILE: dict[str, bytes] = {
    "many global headers": gzip.compress(
        b"".join(map(many_keys, range(60))) + plain_tar({f"{n}": b"x" for n in range(40)})
    ),
    "a header that costs a pattern dear": gzip.compress(pax(tarfile.XHDTYPE, b"1" * 16000) + plain_tar({"a": b"x"})),
    "a record longer than its header": gzip.compress(pax(tarfile.XHDTYPE, b"999 path=a\n") + plain_tar({"a": b"x"})),
    "headers without end": gzip.compress(pax(tarfile.XHDTYPE, b"path=a") * 5000),
    "a header for nothing": gzip.compress(pax(tarfile.XHDTYPE, b"path=a") + bytes(1024)),
    "negative size": with_size(b"\xff" * 11 + b"\x00"),
    "negative size of a header": with_size(b"\xff" * 10 + b"\xfe\x00", tarfile.XHDTYPE),
    "negative size in a record": gzip.compress(pax(tarfile.XHDTYPE, b"size=-1024") + plain_tar({"a": b"x"})),
    "a size of many digits": gzip.compress(pax(tarfile.XHDTYPE, b"size=" + b"9" * 5000) + plain_tar({"a": b"x"})),
    "a size beyond all disks": with_size(b"\x80" + b"\x7f" * 11),
    "a size that is no number": with_size(b"not a number"),
    "old sparse": gzip.compress(tarfile.TarInfo("a").tobuf()[:156] + b"S" + bytes(1000)),
    "sparse by a record": gzip.compress(pax(tarfile.XHDTYPE, b"GNU.sparse.map=0,1") + plain_tar({"a": b"x"})),
    "folders without number": make_tar({deep(number): b"" for number in range(20)}),
    "a directory of a million": crowded_directory(300_000),
    "extra fields by the thousand": crowded_directory(2, bytes(60_000)),
    "entries that overlap": overlapping_zip(),
    "lying zip64": lying_zip64(),
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


def test_what_tar_programs_write_is_read() -> None:
    """Long names in both ways, a header for all, old magic, sizes in binary; owners and times are not looked at."""
    long = "x/" * 90 + "file.py"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        buffer = io.BytesIO()
        headers = {"comment": "0" * 40} if form == tarfile.PAX_FORMAT else None
        with tarfile.open(fileobj=buffer, mode="w:gz", format=form, pax_headers=headers) as archive:
            for name in ("a.py", long if form != tarfile.USTAR_FORMAT else "p/" * 60 + "q.py", "grüße.py"):
                info = tarfile.TarInfo(name)
                info.size, info.mtime, info.uname = 700, 1700000000.5, "somebody"
                archive.addfile(info, io.BytesIO(b"y" * 700))
            archive.addfile(member("folder", tarfile.DIRTYPE))
        assert inspect(buffer, LIMITS) == ArchiveSummary("tar.gz", 3, 2100)
    binary = with_size(b"\x80" + (3000).to_bytes(11, "big"))
    assert inspect(io.BytesIO(binary), LIMITS).total == 3000


async def test_an_archive_that_takes_too_much_is_refused_apart(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w+b") as file:
        file.write(HOSTILE["many global headers"])
        file.flush()
        with pytest.raises(ArchiveRejected, match="more than 8 headers"):
            await inspect_apart(file, LIMITS)
        file.seek(0)
        file.truncate()
        file.write(make_zip({"a": b"x"}))
        file.flush()
        assert await inspect_apart(file, LIMITS) == ArchiveSummary("zip", 1, 1)
