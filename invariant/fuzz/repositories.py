"""Hostile repositories, made of a number: the same number makes the same files, on every machine.

`repository` gives what can be written to a disk as it is. `archive` packs it, with entries that no disk would hold:
links, devices, ways out of the folder, two of one name.
"""

import gzip
import io
import tarfile
import zipfile
from random import Random

from invariant.fuzz import names, texts

_FILES = (1, 1, 3, 8, 8, 20, 20, 60)
_MAX_BYTES = 1_500_000
_ATTRIBUTES = (
    b"* text=auto\n*.py -diff\n", b"*.py filter=lfs diff=lfs merge=lfs -text\n", b"* export-ignore\n", b"* working-tree-encoding=UTF-16\n",
    b"*.js linguist-generated\n", b"[attr]x\n" * 2_000, b"* ident eol=crlf\n", b"\0*\n",
)  # fmt: skip
_KINDS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"Z")
_YEAR = (2020, 1, 1, 0, 0, 0)


def repository(seed: int) -> dict[str, bytes]:
    """A repository's files by path, POSIX and relative; no path is a folder of another."""
    random = Random(seed)
    files: dict[str, bytes] = {}
    total = 0
    for _ in range(random.choice(_FILES)):
        path = names.path(random)
        data = _content(random, path)
        total += len(data)
        if total > _MAX_BYTES:
            break
        if not _in_the_way(files, path):
            files[path] = data
    if random.random() < 0.2 and not _in_the_way(files, ".gitattributes"):
        files[".gitattributes"] = random.choice(_ATTRIBUTES)
    return files


def _content(random: Random, path: str) -> bytes:
    name = path.rsplit("/", 1)[-1]
    ending = name.split(".", 1)[-1] if "." in name else ""
    if ending in ("zip", "tar.gz"):
        return _packed(random, {names.path(random): texts.content(random, "py") for _ in range(3)}, ending)
    return texts.content(random, ending)


def _in_the_way(files: dict[str, bytes], path: str) -> bool:
    """Whether the path is there, below a file that is there, or a folder of one."""
    parts = path.split("/")
    above = {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return not above.isdisjoint(files) or any(other.startswith(f"{path}/") for other in files)


def archive(seed: int) -> tuple[str, bytes]:
    """The repository of that number packed, with hostile entries among its own: the format (zip or tar.gz), the
    bytes."""
    random = Random(f"archive {seed}")
    kind = random.choice(("zip", "tar.gz"))
    data = _packed(random, repository(seed), kind)
    if random.random() < 0.2:
        # What a connection that broke leaves, or somebody's hand.
        place = random.randrange(len(data))
        data = data[:place] + random.choice((b"", random.randbytes(8) + data[place + 8 :]))
    return kind, data


def _packed(random: Random, files: dict[str, bytes], kind: str) -> bytes:
    entries = list(files.items())
    for _ in range(random.choice((0, 0, 1, 3))):
        entries.insert(random.randrange(len(entries) + 1), (random.choice(names.ESCAPES), b"out"))
    if entries and random.random() < 0.2:
        entries.append((entries[0][0], b"twice"))
    return _zip(random, entries) if kind == "zip" else _tar(random, entries)


def _zip(random: Random, entries: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for path, data in entries:
            info = zipfile.ZipInfo("x", _YEAR)
            # Past the constructor, which cuts at NUL and mends the slashes.
            info.filename = path
            info.compress_type = file.compression
            info.external_attr = random.choice((0o100644, 0o100755, 0o104777, 0o120777, 0o040755, 0o060644)) << 16
            file.start_dir = target.seek(0, io.SEEK_END)
            file.NameToInfo.pop(path, None)
            file.writestr(info, data)
    return target.getvalue()


def _tar(random: Random, entries: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    form = random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    with tarfile.open(fileobj=target, mode="w", format=form) as file:
        for path, data in entries:
            info = tarfile.TarInfo(path.replace("\0", "\x01"))
            info.mode = random.choice((0o644, 0o755, 0o4777, 0o000))
            if random.random() < 0.1:
                info.type = random.choice(_KINDS)
                info.linkname = random.choice((*names.ESCAPES, *(entry for entry, _ in entries)))
                file.addfile(info)
                continue
            if form == tarfile.PAX_FORMAT and random.random() < 0.05:
                info.pax_headers = {
                    random.choice(("comment", "path", "size", "linkpath", "x")): random.choice(
                        ("9" * 30, "x" * 9_000, "../x")
                    )
                }
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return gzip.compress(target.getvalue(), compresslevel=1, mtime=0)
