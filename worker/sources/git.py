"""Snapshots of a git commit: fetched shallow, and read as raw blobs.

Nothing is checked out, so no attribute, filter, hook, submodule or link of the repository takes effect, and
`export-ignore` hides nothing from a verification.
"""

import asyncio
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from worker.core.linear import pattern
from worker.core.untrusted import hosts, urls
from worker.core.untrusted.paths import UnsafePath, safe_path
from worker.runtime import process
from worker.sources.errors import SourceError, SourceNotFound, SourceTooLarge, SourceUnavailable, SourceUnsafe
from worker.sources.git_environment import environment
from worker.sources.snapshot import SnapshotLimits, check_limits

_COMMIT = pattern(r"^[0-9a-f]{40}([0-9a-f]{24})?$")
_NOT_THERE = pattern(
    r"(?i)not found|does not exist|couldn't find remote ref|no such remote ref|not a git repository"
    r"|does not appear to be a git repository|unadvertised object|not our ref|upload-pack: not our"
    r"|Authentication failed|could not read Username|terminal prompts disabled|invalid refspec|invalid path spec"
)
_UNSAFE = pattern(r"(?i)fsck error|error in object|unpack-objects.*error|index-pack.*(?:fsck|object)")
_TOO_LARGE = pattern(r"(?i)File size limit exceeded|exceeds maximum allowed size|File too large")


def is_commit(ref: str) -> bool:
    """Whether `ref` is a commit's id in full, which names the same files for ever."""
    return _COMMIT.match(ref) is not None


@dataclass(frozen=True)
class _Blob:
    oid: str
    size: int
    path: str


class Repository:
    """A bare repository of our own in `folder`, filled from `url`; git finds in `credential` what it needs for that."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        seconds: float,
        public_only: bool,
        max_bytes: int,
        credential: Path | None = None,
    ) -> None:
        self.folder = folder
        # Some hosts answer the short form with a redirect, and redirects are not followed to addresses unknown.
        self.url = f"{url.rstrip('/')}.git" if public_only and not url.rstrip("/").endswith(".git") else url
        self.seconds = seconds
        self.public_only = public_only
        self.max_bytes = max_bytes
        self.credential = credential

    def _environment(self) -> dict[str, str]:
        config: Mapping[str, str] = {
            "protocol.allow": "never",
            "protocol.https.allow": "always",
            "http.followRedirects": "false" if self.public_only else "initial",
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "30",
            "core.hooksPath": os.devnull,
            "core.askPass": "",
            "credential.helper": "" if self.credential is None else f"store --file={shlex.quote(str(self.credential))}",
            "fetch.fsckObjects": "true",
            "fetch.recurseSubmodules": "false",
            "submodule.recurse": "false",
            "gc.auto": "0",
            "advice.detachedHead": "false",
        }
        if not self.public_only:
            allowed = {f"protocol.{scheme}.allow": "always" for scheme in ("file", "http", "git", "ssh")}
            config = {**config, **allowed, "safe.directory": "*"}
        return environment(
            self.folder.parent,
            config,
            GIT_LFS_SKIP_SMUDGE="1",
            GIT_SSH_COMMAND="ssh -o BatchMode=yes -o ConnectTimeout=15",
        )

    async def _git(self, *arguments: str, output: int = 64 << 20) -> process.Completed:
        return await process.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self._environment(),
            seconds=self.seconds,
            file_size=self.max_bytes,
            output=output,
        )

    async def _pinned(self) -> list[str]:
        """For production: resolve the host once, refuse what is not public, connect to that address."""
        if not self.public_only:
            return []
        host = urlsplit(self.url).hostname or ""
        try:
            address = await urls.look_up(host, 443)
        except OSError:
            raise SourceUnavailable(f"The host {host} cannot be resolved.") from None
        if not hosts.is_public(address):
            raise SourceUnsafe(f"The host {host} is not a public address.")
        literal = f"[{address}]" if address.version == 6 else str(address)
        return ["-c", f"http.curloptResolve={host}:443:{literal}"]

    def _failed(self, done: process.Completed) -> SourceError:
        """The error that git's own words mean. The URL is ours to name, not git's to echo."""
        if done.failure and done.returncode in (126, 127):
            return SourceError("git is not installed on the worker (Railway: RAILPACK_DEPLOY_APT_PACKAGES=git).")
        if done.returncode == -25 or _TOO_LARGE.search(done.stderr):
            return SourceTooLarge(f"The repository needs more than {self.max_bytes} bytes.")
        if _UNSAFE.search(done.stderr):
            return SourceUnsafe("The repository holds objects that git itself refuses (fsck).")
        if done.failure and "wrote more" in done.failure:
            return SourceTooLarge("The repository has more files than can be listed.")
        if _NOT_THERE.search(done.stderr):
            return SourceNotFound("The repository or the ref does not exist, or is not public.")
        return SourceUnavailable(f"git could not fetch the repository ({done.reason}).")

    async def fetch(self, ref: str | None) -> str:
        """Fetch `ref` (the remote's HEAD without one); returns the commit. Raises SourceError."""
        self.folder.mkdir(parents=True)
        started = await self._git("init", "--quiet", "--bare", ".")
        if started.returncode != 0:
            raise self._failed(started)
        pinned = await self._pinned()
        base = [*pinned, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
        wanted = ref or "HEAD"
        done = await self._git(*base, "--depth=1", "--", self.url, f"+{wanted}:refs/wanted")
        if done.returncode != 0 and _COMMIT.match(wanted) and _NOT_THERE.search(done.stderr):
            # Not every server gives out a commit that is no branch's tip; the whole history has it.
            done = await self._git(*base, "--", self.url, "+refs/heads/*:refs/all/*")
            if done.returncode == 0:
                return await self._resolve(wanted)
        if done.returncode != 0:
            raise self._failed(done)
        return await self._resolve("refs/wanted")

    async def _resolve(self, name: str) -> str:
        done = await self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        commit = done.stdout.decode().strip()
        if done.returncode != 0 or not _COMMIT.match(commit):
            raise SourceNotFound("The ref does not name a commit of the repository.")
        return commit

    async def fetch_base(self, base: str) -> None:
        """Fetch what `changed_since_base` compares with. Raises SourceError."""
        pinned = await self._pinned()
        done = await self._git(
            *pinned, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", "--", self.url,
            f"+{base}:refs/base",
        )  # fmt: skip
        if done.returncode != 0 and _NOT_THERE.search(done.stderr):
            raise SourceNotFound(f"The base {base!r} does not exist in the repository.")
        if done.returncode != 0:
            raise self._failed(done)

    async def changed_since_base(self, commit: str) -> tuple[str, ...]:
        """Paths that differ between the base and `commit`. Raises SourceError."""
        listed = await self._git("diff-tree", "-r", "-z", "--name-only", "--no-renames", "refs/base", commit)
        if listed.returncode != 0:
            raise self._failed(listed)
        return tuple(name.decode(errors="replace") for name in listed.stdout.split(b"\0") if name)

    async def write_tree(self, commit: str, target: Path, limits: SnapshotLimits) -> list[str]:
        """Write the commit's files below `target`; returns notes on what was left out. Raises SourceError."""
        done = await self._git("ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        if done.returncode != 0:
            raise self._failed(done)
        blobs, notes = _parse_tree(done.stdout, limits)
        await asyncio.to_thread(self._write_blobs, blobs, target)
        return notes

    def _write_blobs(self, blobs: list[_Blob], target: Path) -> None:
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as reader:
            assert reader.stdin and reader.stdout
            for blob in blobs:
                reader.stdin.write(blob.oid.encode() + b"\n")
                reader.stdin.flush()
                header = reader.stdout.readline().split()
                if len(header) != 3 or header[1] != b"blob":
                    raise SourceUnavailable(f"git has no content for {blob.path}.")
                content = reader.stdout.read(int(header[2]) + 1)[:-1]
                place = target / blob.path
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
                except (FileExistsError, NotADirectoryError, IsADirectoryError):
                    raise SourceUnsafe(f"{blob.path!a} is both a file and a folder.") from None
            reader.stdin.close()


def _records(listing: bytes) -> Iterator[tuple[str, str, str, str]]:
    for record in listing.split(b"\0"):
        if record:
            head, _, name = record.partition(b"\t")
            mode, _, oid, size = head.decode().split()
            try:
                yield mode, oid, size, name.decode("utf-8")
            except UnicodeDecodeError:
                raise SourceUnsafe(f"path {name[:120]!r} is not valid Unicode") from None


def _parse_tree(listing: bytes, limits: SnapshotLimits) -> tuple[list[_Blob], list[str]]:
    """`git ls-tree -r -z --long` as blobs to write, within `limits`, and notes on the rest."""
    blobs: list[_Blob] = []
    total = links = submodules = 0
    for mode, oid, size, name in _records(listing):
        if mode == "120000":
            links += 1
        elif mode == "160000":
            submodules += 1
        else:
            try:
                path = safe_path(name)
            except UnsafePath as error:
                raise SourceUnsafe(f"The repository is not safe to read: {error}.") from None
            total += int(size)
            check_limits(len(blobs) + 1, total, limits)
            blobs.append(_Blob(oid, int(size), str(path)))
    notes = []
    if links:
        notes.append(f"left out {links} symbolic link(s)")
    if submodules:
        notes.append(f"left out {submodules} submodule(s)")
    return blobs, notes
