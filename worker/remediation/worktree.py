"""The working copy of one remediation, in the contained process that holds the snapshot.

Everything that touches a stranger's tree happens here: finding the places again, reading, editing, applying, proving,
taking back. The worker names these methods and gets values back (`worker.isolation`); the snapshot itself is never
changed, the copy lies in the scratch folder, and between two calls it is as the applied fixes leave it.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.analyzers import analyze, catalog
from worker.analyzers.finding import Finding
from worker.core.ids import sha256
from worker.core.settings import Settings
from worker.core.telemetry.masking import mask_file
from worker.remediation import diff, edits, syntax, tools
from worker.remediation import trial as trials
from worker.remediation.edits import Edit, EditRefused
from worker.remediation.issues import Place
from worker.remediation.trial import Proposal, Trial
from worker.runtime import process
from worker.sources.errors import PatchRejected
from worker.sources.snapshot import Snapshot, SnapshotFile
from worker.sources.tree import Tree, Written

_MAX_TEXT = 400_000
_PASSES = 4


@dataclass(frozen=True)
class Text:
    """A file as it may be shown: line by line, secrets masked. None: it is no text that anybody could edit."""

    path: str
    lines: tuple[str, ...] | None


@dataclass(frozen=True)
class Surroundings:
    """What the grammar says around the places. `symbols`: for each (path, line) the function or class around it."""

    symbols: tuple[tuple[str, int, str], ...]
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    by_tool: tuple[tuple[str, int, str], ...]
    """(path, line, rule) of each place that a tool can fix safely."""


@dataclass(frozen=True)
class Commit:
    """A fix as a commit of the mailbox. `at` in seconds since 1970."""

    patch: str
    message: str
    at: int


@dataclass(frozen=True)
class Result:
    """Fixes put together: as one unified diff, as a mailbox with a commit for each, and what each commit writes."""

    patch: str
    mailbox: str
    written: tuple[tuple[Written, ...], ...]


@dataclass(frozen=True)
class Tested:
    """How the repository's own tests ended."""

    passed: bool
    reason: str


class Worktree:
    """One per process."""

    def __init__(self) -> None:
        self._tree: Tree | None = None
        self._snapshot: Snapshot | None = None
        self._base = ""
        self._paths: frozenset[str] = frozenset()
        self._known: dict[str, tuple[str, list[Finding]]] = {}

    async def open(self, snapshot: Snapshot) -> str:
        """Copy the snapshot; returns the hash of all that is in it. Asked again, everything is as it was in the
        beginning."""
        if self._tree is None:
            root = snapshot.scratch / "tree"
            shutil.copytree(snapshot.root, root, symlinks=True)
            tree = Tree(root, snapshot.scratch / "tree.git")
            self._base = await tree.begin()
            self._tree, self._snapshot = tree, snapshot
            self._paths = frozenset(file.path for file in snapshot.files)
        else:
            await self._tree.reset(self._base)
        return await self._tree.contents()

    async def stand(self, patches: Sequence[str]) -> tuple[int, ...]:
        """Bring the copy to the snapshot with these fixes applied, in their order; returns which of them did not
        apply, from 0."""
        tree = self._opened
        await tree.reset(self._base)
        lost = []
        try:
            await tree.apply("".join(patches))
        except PatchRejected:
            for number, patch in enumerate(patches):
                try:
                    await tree.apply(patch)
                except PatchRejected:
                    lost.append(number)
        await tree.commit("fixes", at=0)
        return tuple(lost)

    async def state(self) -> str:
        """The hash of all that is in the copy."""
        return await self._opened.contents()

    async def patch(self) -> str:
        """All that is applied, as one unified diff."""
        return await self._opened.diff(self._base)

    async def result(self, fixes: Sequence[Commit]) -> Result:
        """What the mailbox gives is held against what is applied: its words are a model's. Raises PatchRejected."""
        tree = self._opened
        await tree.reset(self._base)
        written = []
        for fix in fixes:
            await tree.apply(fix.patch, staged=True)
            written.append(await tree.files(await tree.changed()))
            await tree.commit(fix.message, at=fix.at, staged=True)
        mailbox = await tree.mailbox(self._base)
        await tree.check_mailbox(self._base, mailbox)
        return Result(await tree.diff(self._base), mailbox, tuple(written))

    async def around(self, places: Sequence[Place], settings: Settings) -> Surroundings:
        """What the grammar and the tools say of the places."""
        files = list(dict.fromkeys(place.path for place in places))
        texts = {path: self._text(path) for path in files}
        symbols = []
        for place in places:
            text = texts[place.path]
            name = None if text is None else syntax.symbol(place.path, text, place.start_line)
            if name is not None:
                symbols.append((place.path, place.start_line, name))
        imported = [
            (path, tuple(syntax.imports(path, text, files))) for path, text in texts.items() if text is not None
        ]
        known = await tools.safe_fixes(self._opened.root, self._scratch, places, settings)
        by_tool = tuple((one.place.path, one.place.start_line, str(one.place.rule)) for one in known)
        return Surroundings(tuple(symbols), tuple(imported), by_tool)

    async def look(self, paths: Sequence[str], settings: Settings, extra_rules: Mapping[str, Sequence[str]]) -> int:
        """Have the analyzers look at files as they are, so that a trial need not; returns how much they found. One that
        cannot is met again there."""
        known = [path for path in paths if self._text(path) is not None]
        try:
            return len(await self._findings(known, settings, extra_rules))
        except PatchRejected:
            return 0

    def found_again(self, places: Sequence[Place]) -> tuple[Place | None, ...]:
        """The places as they are now, one for one: where the quoted lines stand, nearest to where they stood. None for
        those that stand nowhere any more."""
        shown = {path: self._shown(path) for path in dict.fromkeys(place.path for place in places)}
        found: list[Place | None] = []
        for place in places:
            lines = shown[place.path]
            at = None if lines is None else _nearest(place, lines)
            end = 0 if at is None else at + place.end_line - place.start_line
            found.append(None if at is None else replace(place, start_line=at, end_line=end))
        return tuple(found)

    def show(self, paths: Sequence[str]) -> tuple[Text, ...]:
        """The files as they may be shown."""
        found = []
        for path in paths:
            lines = self._shown(path)
            found.append(Text(path, None if lines is None else tuple(lines)))
        return tuple(found)

    async def try_all(
        self, proposals: Sequence[Proposal], settings: Settings, extra_rules: Mapping[str, Sequence[str]]
    ) -> tuple[Trial, ...]:
        """Try proposals that share no file, and take them all back; git and the analyzers are asked once for all."""
        tree = self._opened
        head, state = await tree.head(), await tree.contents()
        texts: dict[str, dict[str, str]] = {}
        refused: dict[str, str] = {}
        taken: set[str] = set()
        for proposal in proposals:
            try:
                own = await self._rewritten(proposal, settings)
                if taken & set(own):
                    raise EditRefused("Another fix that is tried at the same time changes the same file.")
                taken |= set(own)
                texts[proposal.key] = own
            except EditRefused as error:
                refused[proposal.key] = str(error)
        before = {path: self._text(path) or "" for path in taken}
        try:
            was = await self._findings(sorted(taken), settings, extra_rules)
            for own in texts.values():
                for path, text in own.items():
                    (tree.root / path).write_bytes(text.encode())
            changed = {change.path: change for change in await tree.changed()}
            whole = await tree.diff(head)
            now = await self._findings(sorted(taken), settings, extra_rules)
            await tree.apply(whole, reverse=True)
            reversible = await tree.contents() == state
        except PatchRejected as error:
            # Nobody can say what was changed, or what would be found: none of them is proven.
            return tuple(Trial(one.key, refused=refused.get(one.key, str(error))) for one in proposals)
        finally:
            await tree.reset(head)
        patches = diff.by_file(whole)
        found = []
        for proposal in proposals:
            if proposal.key in refused:
                found.append(Trial(proposal.key, refused=refused[proposal.key]))
                continue
            own = texts[proposal.key]
            if not set(own) & set(changed):
                found.append(Trial(proposal.key, refused="It changes nothing."))
                continue
            patch = "".join(patches[path] for path in sorted(own) if path in patches)
            trial = replace(trials.of_change(proposal.key, before, own, changed, patch), reversible=reversible)
            found.append(trials.held_against(trial, proposal.places, was, now))
        return tuple(found)

    async def _rewritten(self, proposal: Proposal, settings: Settings) -> dict[str, str]:
        """Path and new text of each file. Raises EditRefused."""
        if not proposal.edits:
            return await self._mended_by_tools(proposal.places, settings)
        by_path: dict[str, list[Edit]] = {}
        for edit in proposal.edits:
            by_path.setdefault(edit.path, []).append(edit)
        return {path: self._edited(path, own, proposal.places) for path, own in by_path.items()}

    async def _mended_by_tools(self, places: Sequence[Place], settings: Settings) -> dict[str, str]:
        """Fixes that overlap follow each other, each on the ground of those before. Raises EditRefused."""
        root = self._opened.root
        before: dict[str, bytes] = {}
        try:
            for number in range(_PASSES):
                known = await tools.safe_fixes(root, self._scratch, places, settings, moved=number > 0)
                for path in dict.fromkeys(one.place.path for one in known):
                    text = self._text(path)
                    if text is not None:
                        before.setdefault(path, text.encode())
                        changes = (change for one in known if one.place.path == path for change in one.changes)
                        (root / path).write_bytes(tools.made(text, changes).encode())
                if not known:
                    break
            if not before:
                raise EditRefused("No tool has a safe fix for it.")
            return {path: self._text(path) or "" for path in before}
        finally:
            for path, content in before.items():
                (root / path).write_bytes(content)

    def _edited(self, path: str, own: Sequence[Edit], places: Sequence[Place]) -> str:
        text = self._text(path)
        if text is None:
            raise EditRefused(f"There is no text file {path[:200]!a} in the repository.")
        shown = self._shown(path)
        assert shown is not None
        near = [syntax.reach(path, text, place.start_line, place.end_line) for place in places if place.path == path]
        for edit in own:
            at = edits.locate(edit, shown)
            within = any(first <= at.start + 1 and at.stop <= last for first, last in near)
            if not within and not _imports_alone(path, edit, text):
                raise EditRefused(f"It changes {path}:{at.start + 1}, where the issue is not.")
        return edits.made(text, shown, own)

    async def test(self, command: Sequence[str], seconds: float, memory: int) -> Tested:
        """Run the repository's own tests in the tree as it is. For operators who asked for it, in a process without
        network; what they write is taken back."""
        tree = self._opened
        head = await tree.head()
        done = await process.run(
            command, cwd=tree.root, env=process.bare_environment(self._scratch), seconds=seconds, memory=memory
        )
        await tree.reset(head)
        return Tested(done.returncode == 0 and done.failure is None, done.reason)

    async def _findings(
        self, paths: Sequence[str], settings: Settings, extra_rules: Mapping[str, Sequence[str]]
    ) -> list[Finding]:
        """What the analyzers find in these files as they are."""
        root = self._opened.root
        stale: dict[str, tuple[str, list[Finding]]] = {}
        for path in paths:
            digest = sha256((root / path).read_bytes())
            if self._known.get(path, ("", []))[0] != digest:
                stale[path] = (digest, [])
        if stale:
            files = tuple(SnapshotFile(path, (root / path).stat().st_size, "") for path in stale)
            subject = Snapshot(root, files, "")
            analysis = await analyze.analyze(
                subject, catalog.all_analyzers(settings.analyzers), settings, dict(extra_rules)
            )
            for tool in analysis.tools:
                if tool.problem is not None and tool.problem != analyze.NOT_INSTALLED:
                    raise PatchRejected(f"{tool.name} could not read what changes: {tool.problem}.")
            for finding in analysis.findings:
                if finding.path in stale:
                    stale[finding.path][1].append(finding)
            self._known |= stale
        return [finding for path in paths for finding in self._known[path][1]]

    def _text(self, path: str) -> str | None:
        """The file's text; None for what is no regular file of the repository, or no UTF-8."""
        root = self._opened.root
        place = root / path
        if path not in self._paths or place.is_symlink() or not place.is_file():
            return None
        content = place.read_bytes()
        if len(content) > _MAX_TEXT or b"\0" in content:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None

    def _shown(self, path: str) -> list[str] | None:
        text = self._text(path)
        return None if text is None else mask_file("\n".join(edits.lines_of(text)), path).split("\n")

    @property
    def _opened(self) -> Tree:
        assert self._tree is not None
        return self._tree

    @property
    def _scratch(self) -> Path:
        assert self._snapshot is not None
        return self._snapshot.scratch


def _nearest(place: Place, lines: Sequence[str]) -> int | None:
    """The first line of the place, from 1; None when what was quoted stands nowhere."""
    quoted = [line.strip() for line in place.quote.split("\n")]
    if not any(quoted):
        return place.start_line if 1 <= place.start_line <= len(lines) else None
    bare = [line.strip() for line in lines]

    def stands(at: int) -> bool:
        # A long line, and a long quotation, was cut.
        return all(
            at + n < len(bare) and (bare[at + n] == line or (len(line) >= 100 and bare[at + n].startswith(line)))
            for n, line in enumerate(quoted)
        )

    found = [at + 1 for at in range(len(bare)) if stands(at)]
    return min(found, key=lambda at: abs(at - place.start_line)) if found else None


def _imports_alone(path: str, edit: Edit, text: str) -> bool:
    """Whether the edit adds or takes imports of Python's at the top, and nothing else: all other lines stay as they are
    and in their order, and no name that the file uses means something else."""
    used = syntax.names(text) if path.endswith((".py", ".pyi")) else None
    if used is None:
        return False
    old, new = _parted(edit.search), _parted(edit.replace)
    added, taken = set(new[0]) - set(old[0]), set(old[0]) - set(new[0])
    return old[1] == new[1] and bool(added or taken) and not syntax.bound(sorted(added)) & used


def _parted(block: str) -> tuple[list[str], list[str]]:
    """(the import statements at the top of a file, all other lines)."""
    imports: list[str] = []
    rest: list[str] = []
    for line in edits.lines_of(block):
        is_import = line.startswith(("import ", "from ")) and syntax.only_imports([line])
        (imports if is_import else rest).append(line)
    return imports, rest
