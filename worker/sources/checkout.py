"""Which commit a folder is: the top of a git work tree whose files are those of its HEAD, byte for byte.

Nothing in the folder is run or obeyed. Its HEAD and its branch are read as text; git itself works in a repository of
ours, with the folder's objects and index lent to it, and never sees the folder's configuration: there is no filter,
hook, monitor, alias, pager or remote helper to run, and no missing object to fetch. What the files hold is hashed here.
What git would change on the way (line ends, large files kept elsewhere) therefore counts as a difference.

A folder below the top is no commit: its paths are not the commit's, and the commit is more than it.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.core.linear import pattern
from worker.runtime import process
from worker.sources.git import is_commit
from worker.sources.git_environment import environment

_SECONDS = 10.0
_SMALL, _LARGE = 4096, 32 << 20
_CHUNK = 1 << 20
_BRANCH = pattern(r"^ref: (refs/heads/([^\x00-\x20\x7f~^:?*\[\\]+))$")
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True)
class Revision:
    """`branch` is the one that is checked out; None when HEAD is a commit by itself."""

    commit: str
    branch: str | None


@dataclass(frozen=True)
class _Entry:
    """A file, link or submodule, as a tree or the index has it."""

    path: str
    mode: str
    oid: str


class _NoAnswer(Exception):
    """git did not do what it was asked."""


async def revision(folder: Path, files: Mapping[str, Path], work: Path) -> Revision | None:
    """HEAD, when `files` (all that was taken of the folder: path in it → where its bytes are) are what it holds.

    None when they are not, when anything is staged, when it is no work tree's top, and whatever else goes wrong.
    `work` is made for git, and removed by the caller. Links count with the text they hold, submodules when they are
    empty, as where a commit is taken from a repository; whether a file is executable does not.
    """
    try:
        return await _revision(folder, files, work)
    except (OSError, ValueError, _NoAnswer):
        return None


def folders(folder: Path) -> list[Path]:
    """The git directories of a work tree that lie elsewhere; none when it has none, or nothing can be read."""
    try:
        return [place.resolve() for place in _repository(folder)]
    except (OSError, ValueError):
        return []


async def _revision(folder: Path, files: Mapping[str, Path], work: Path) -> Revision | None:
    own, common = await asyncio.to_thread(_repository, folder)
    head = await asyncio.to_thread(_head, own, common)
    await asyncio.to_thread(_prepare, work, sha256=len(head.commit) == 64)
    env = _environment(work, objects=common / "objects", index=own / "index")
    tree = _entries(await _git(env, work, "ls-tree", "-r", "-z", "--full-tree", head.commit))
    staged = _entries(await _git(env, work, "ls-files", "--stage", "-z"))
    if set(tree) != set(staged):
        return None
    blobs = {entry.path: entry.oid for entry in tree if entry.mode not in (_LINK, _SUBMODULE)}
    if blobs.keys() != files.keys():
        return None
    links = {entry.path: entry.oid for entry in tree if entry.mode == _LINK}
    return head if await asyncio.to_thread(_holds, folder, files, blobs, links) else None


def _repository(folder: Path) -> tuple[Path, Path]:
    """The folder's own git directory, and the one that it shares with other work trees."""
    own = folder / ".git"
    if not own.is_dir():
        own = folder / _text(own, _SMALL).removeprefix("gitdir: ")
    try:
        return own, own / _text(own / "commondir", _SMALL)
    except FileNotFoundError:
        return own, own


def _head(own: Path, common: Path) -> Revision:
    head = _text(own / "HEAD", _SMALL)
    match = _BRANCH.match(head)
    if match is None:
        return Revision(_commit(head), None)
    name, branch = match.groups()
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(f"{name!a} is no branch")
    try:
        return Revision(_commit(_text(common / name, _SMALL)), branch)
    except FileNotFoundError:
        packed = (line.partition(" ") for line in _text(common / "packed-refs", _LARGE).splitlines())
        return Revision(_commit(next((commit for commit, _, ref in packed if ref == name), "")), branch)


def _commit(text: str) -> str:
    if not is_commit(text):
        raise ValueError("it names no commit")
    return text


def _text(path: Path, at_most: int) -> str:
    """A regular file's text without the space at its end. A pipe in its place keeps nobody waiting."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise ValueError("it is too long")
    return content.decode().rstrip()


def _prepare(work: Path, *, sha256: bool) -> None:
    """An empty repository; `git init` would ask for a template and more of this machine's settings."""
    for name in ("refs", "objects"):
        (work / name).mkdir(parents=True)
    (work / "HEAD").write_text("ref: refs/heads/none\n")
    form = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
    (work / "config").write_text(f"[core]\n\trepositoryFormatVersion = {int(sha256)}\n\tbare = true\n{form}")


def _environment(work: Path, *, objects: Path, index: Path) -> dict[str, str]:
    return environment(
        work,
        GIT_DIR=str(work),
        GIT_OBJECT_DIRECTORY=str(objects.absolute()),
        GIT_INDEX_FILE=str(index.absolute()),
        GIT_NO_LAZY_FETCH="1",
        GIT_ALLOW_PROTOCOL="none",
        GIT_OPTIONAL_LOCKS="0",
    )


async def _git(env: Mapping[str, str], work: Path, *arguments: str) -> bytes:
    done = await process.run(["git", *arguments], cwd=work, env=env, seconds=_SECONDS, output=_LARGE)
    if done.failure or done.returncode != 0:
        raise _NoAnswer(done.reason)
    return done.stdout


def _entries(listing: bytes) -> list[_Entry]:
    """`ls-tree -z` («mode type oid TAB path») or `ls-files --stage -z` («mode oid stage TAB path»)."""
    entries = []
    for record in filter(None, listing.split(b"\0")):
        head, _, path = record.partition(b"\t")
        mode, second, third = head.decode().split()
        if len(third) == 1 and third != "0":
            raise ValueError("a merge is under way")
        entries.append(_Entry(path.decode(), mode, second if len(third) == 1 else third))
    return entries


def _holds(folder: Path, files: Mapping[str, Path], blobs: Mapping[str, str], links: Mapping[str, str]) -> bool:
    """Whether every file and link holds what its blob does."""
    for path, oid in links.items():
        # Not a path's text: that would be put in order («./a» as «a»).
        target = os.readlink(folder / path).encode("utf-8", "surrogateescape")  # noqa: PTH115
        if _blob(len(oid), len(target), [target]) != oid:
            return False
    return all(_blob_of(files[path], len(oid)) == oid for path, oid in blobs.items())


def _blob_of(path: Path, digits: int) -> str:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _blob(digits, size, iter(lambda: file.read(_CHUNK), b""))


def _blob(digits: int, size: int, chunks: Iterable[bytes]) -> str:
    """The name that git has for a blob with this content."""
    digest = hashlib.new("sha1" if digits == 40 else "sha256", usedforsecurity=False)
    digest.update(b"blob %d\0" % size)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
