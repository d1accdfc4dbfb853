"""A working copy that git keeps the books of: what changes in it is a diff, and what was changed can be taken back.

The repository of git's is a folder of our own beside the tree. No attribute, filter, hook or configuration of the tree
takes effect, so that git changes no byte that nobody asked it to change.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.runtime import process
from worker.sources.errors import PatchRejected, SourceError, SourceUnsafe
from worker.sources.git_environment import environment

_SECONDS = 120.0
_MAX_DIFF = 16 << 20
_WHO = "Invariant"
# Above all attributes that a tree can have: gitattributes(5).
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding diff !merge -whitespace\n"
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "core.symlinks": "true",
    # Names that are another system's for `.git`: it is this system's files that are meant.
    "core.protectNTFS": "false",
    "core.protectHFS": "false",
    "core.quotePath": "true",
    "core.fsmonitor": "false",
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "commit.gpgSign": "false",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "apply.whitespace": "nowarn",
    "apply.ignoreWhitespace": "no",
    "gc.auto": "0",
    "safe.directory": "*",
}


@dataclass(frozen=True)
class Changed:
    """One path that differs between two states: git's letter, and its modes in octal before and after."""

    path: str
    status: str
    mode_before: str
    mode_after: str


@dataclass(frozen=True)
class Written:
    """One path as a commit leaves it: git's mode, and the content in base64; None where it is removed."""

    path: str
    mode: str
    content: str | None


class Tree:
    """The files below `root`; `git_dir` is made when the tree is begun. All methods raise SourceError."""

    def __init__(self, root: Path, git_dir: Path) -> None:
        self.root = root
        self._git_dir = git_dir

    async def begin(self) -> str:
        """Have git note every file as it is now; returns the commit."""
        for folder, folders, names in os.walk(self.root):
            if any(name.lower() == ".git" for name in (*folders, *names)):
                raise SourceUnsafe(f"There is a .git below {Path(folder).name[:80]!a}, which is no file of a commit.")
        await self._git("init", "--quiet", "--bare", str(self._git_dir), bare=True)
        (self._git_dir / "info").mkdir(exist_ok=True)
        (self._git_dir / "info" / "attributes").write_text(_ATTRIBUTES)
        (self._git_dir / "info" / "exclude").write_text("")
        await self.commit("snapshot", at=0)
        return await self.head()

    async def commit(self, message: str, *, at: int, staged: bool = False) -> None:
        """Note what changed since the last commit, or what is `staged` already. `at` in seconds since 1970."""
        if not staged:
            await self._git("add", "--all", "--force", "--", ".")
        when = {"GIT_AUTHOR_DATE": f"@{at} +0000", "GIT_COMMITTER_DATE": f"@{at} +0000"}
        await self._git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", message, more=when)

    async def head(self) -> str:
        return (await self._git("rev-parse", "HEAD")).decode().strip()

    async def contents(self) -> str:
        """A hash of every path, mode and byte of the tree as it is now."""
        await self._git("add", "--all", "--force", "--", ".")
        return (await self._git("write-tree")).decode().strip()

    async def reset(self, commit: str) -> None:
        """The tree as it was at the commit, byte for byte."""
        await self._git("reset", "--quiet", "--hard", commit)
        await self._git("clean", "-ffdxq")

    async def changed(self) -> tuple[Changed, ...]:
        """What differs from the last commit."""
        await self._git("add", "--all", "--force", "--", ".")
        listed = await self._git("diff-index", "--cached", "-z", "--no-renames", "HEAD")
        fields = listed.decode(errors="surrogateescape").split("\0")
        found = []
        for head, path in zip(fields[::2], fields[1::2], strict=False):
            before, after, _, _, status = head.removeprefix(":").split(" ")
            found.append(Changed(path, status, before, after))
        return tuple(found)

    async def diff(self, since: str, paths: Sequence[str] = ()) -> str:
        """A unified diff of the tree as it is against a commit, for `git apply`. Raises PatchRejected for bytes that
        are no text: nobody could read what changes."""
        await self._git("add", "--all", "--force", "--", ".")
        content = await self._git(
            "diff", "--cached", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index",
            "--text", "--src-prefix=a/", "--dst-prefix=b/", since, "--", *(f":(literal){path}" for path in paths),
        )  # fmt: skip
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise PatchRejected("What changes is not UTF-8.") from None

    async def apply(self, patch: str, *, reverse: bool = False, staged: bool = False) -> None:
        """Apply a patch as git does, wholly or not at all; `staged`: for the next commit. Raises PatchRejected."""
        if not patch:
            return
        # It is written beside the tree, where the tree's own files cannot stand in its way.
        place = self._git_dir / "incoming.patch"
        place.write_bytes(patch.encode())
        options = ["--whitespace=nowarn", *(["--reverse"] if reverse else []), *(["--index"] if staged else [])]
        done = await self._run("apply", *options, str(place))
        if done.returncode != 0:
            raise PatchRejected(f"The patch does not apply to what the source names ({done.reason[:200]}).")

    async def files(self, changes: Sequence[Changed]) -> tuple[Written, ...]:
        """The changed paths as they are now."""
        found = []
        for change in changes:
            place = self.root / change.path
            gone = change.status == "D"
            content = None if gone else base64.b64encode(place.read_bytes()).decode()
            found.append(Written(change.path, change.mode_before if gone else change.mode_after, content))
        return tuple(found)

    async def mailbox(self, since: str) -> str:
        """The commits after `since` in the form that `git am` takes."""
        listed = await self._git(
            "format-patch", "--stdout", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index",
            "--text", "--no-stat", "--no-signature", "--no-attach", f"{since}..HEAD",
        )  # fmt: skip
        return listed.decode(errors="replace")

    async def check_mailbox(self, since: str, mailbox: str) -> None:
        """Raises SourceError unless `git am` makes of the mailbox exactly what is committed."""
        head, wanted = await self.head(), await self.contents()
        if head == since:
            return
        place = self._git_dir / "incoming.mbox"
        place.write_bytes(mailbox.encode())
        await self.reset(since)
        try:
            await self._git("am", "--quiet", "--keep-cr", "--no-gpg-sign", "--whitespace=nowarn", str(place))
            if await self.contents() != wanted:
                raise SourceError("The mailbox of the fixes would change something else than they do.")
        finally:
            await self.reset(head)

    async def _git(self, *arguments: str, bare: bool = False, more: dict[str, str] | None = None) -> bytes:
        done = await self._run(*arguments, bare=bare, more=more)
        if done.failure and done.returncode in (126, 127):
            raise SourceError("git is not installed on the worker (Railway: RAILPACK_DEPLOY_APT_PACKAGES=git).")
        if done.returncode != 0 or done.failure:
            raise SourceError(f"git could not keep the working copy ({arguments[0]}: {done.reason[:200]}).")
        return done.stdout

    async def _run(self, *arguments: str, bare: bool = False, more: dict[str, str] | None = None) -> process.Completed:
        where = {} if bare else {"GIT_DIR": str(self._git_dir), "GIT_WORK_TREE": str(self.root)}
        given = environment(
            self._git_dir.parent,
            _CONFIG,
            GIT_ATTR_NOSYSTEM="1",
            GIT_LITERAL_PATHSPECS="0",
            GIT_AUTHOR_NAME=_WHO,
            GIT_AUTHOR_EMAIL="invariant@localhost",
            GIT_COMMITTER_NAME=_WHO,
            GIT_COMMITTER_EMAIL="invariant@localhost",
            **where,
            **(more or {}),
        )
        return await process.run(["git", *arguments], cwd=self.root, env=given, seconds=_SECONDS, output=_MAX_DIFF)
