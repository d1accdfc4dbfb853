"""Files that a machine or somebody else wrote, by the marks that people give them.

The repository's own `.gitattributes` (`linguist-generated`, `linguist-vendored`), the folders and endings that such
files have everywhere, and what generators write at the top of theirs:

- https://github.com/github-linguist/linguist/blob/main/docs/overrides.md
- https://go.dev/s/generatedcode

A mark is the repository's own word. It spares reading, and excuses nothing in matters of security.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pathspec

from worker.core.linear import pattern
from worker.core.telemetry.masking import mask_file
from worker.sources.snapshot import Snapshot
from worker.verification import texts


class Mark(StrEnum):
    """Why a text is not read as the repository's own."""

    GENERATED = "generated"
    VENDORED = "vendored"
    SECRET = "may hold secrets"  # noqa: S105  a word, no password


_VENDORED = pattern(r"(?:^|/)(?:node_modules|bower_components|vendor|third_party|\.git)/")
_GENERATED = pattern(
    r"(?:^|/)dist/|\.min\.(?:js|css)$|\.(?:map|snap|svg|po|pot)$|(?:_pb2(?:_grpc)?\.pyi?|\.pb\.go|\.g\.dart)$"
)
_SECRET = pattern(
    r"\.(?:pem|key|p12|pfx|jks|keystore)$|(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$|(?:^|/)\.(?:netrc|pgpass|htpasswd)$"
)
# A whole line that is a comment and says it, near the top.
_SAYS_SO = pattern(r"(?m)^\s*(?://|#|/?\*|--|;|<!--)\s*(?:Code generated .* DO NOT EDIT\.?|@generated\b.*)\s*(?:-->)?$")
_NAME = "CONSTITUTION.md"
_HEAD = 1000
_ATTRIBUTES = ".gitattributes"
_MAX_ATTRIBUTES = 100_000
_MAX_RULES = 500


def by_path(path: str) -> Mark | None:
    """What the path alone says."""
    if _SECRET.search(path):
        return Mark.SECRET
    if _VENDORED.search(path):
        return Mark.VENDORED
    return Mark.GENERATED if _GENERATED.search(path) else None


def by_text(content: str) -> Mark | None:
    """What the beginning of the text says."""
    return Mark.GENERATED if _SAYS_SO.search(content[:_HEAD]) else None


class Attributes:
    """The `linguist-…` attributes of a snapshot's `.gitattributes` files; the last line that matches counts."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        """`files`: paths and contents. A file in a folder speaks of what is below it, after those above."""
        self._rules: list[_Rules] = []
        self._known: dict[str, Mark | None] = {}
        left = _MAX_RULES
        for path, content in sorted(files, key=lambda file: file[0].count("/")):
            for mark in (Mark.GENERATED, Mark.VENDORED):
                lines = [(glob, sets) for glob, sets, of in _lines(content) if of is mark][:left]
                left -= len(lines)
                self._rules += _rules(path.removesuffix(_ATTRIBUTES), mark, lines)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Attributes":
        """Those of the snapshot. Blocking."""
        found = []
        for file in snapshot.files:
            if file.path.rpartition("/")[2] == _ATTRIBUTES and file.size <= _MAX_ATTRIBUTES:
                content = texts.decode((snapshot.root / file.path).read_bytes(), file.path)
                found.append((file.path, content or ""))
        return cls(found)

    def mark(self, path: str) -> Mark | None:
        """The path's mark; what the attributes unset is unmarked, whatever the path says."""
        if path not in self._known:
            self._known[path] = self._mark(path)
        return self._known[path]

    def _mark(self, path: str) -> Mark | None:
        found = by_path(path)
        if found is Mark.SECRET:
            return found
        for rules in self._rules:
            if path.startswith(rules.folder):
                last = rules.globs.check_file(path.removeprefix(rules.folder)).index
                if last is None:
                    continue
                if rules.sets[last]:
                    found = rules.mark
                elif found is rules.mark:
                    found = None
        return found


@dataclass(frozen=True)
class _Rules:
    """The lines of one file about one mark: globs, matched together by RE2, and whether each sets the mark."""

    folder: str
    mark: Mark
    globs: "pathspec.PathSpec[pathspec.Pattern]"
    sets: Sequence[bool]


def _rules(folder: str, mark: Mark, lines: Sequence[tuple[str, bool]]) -> Iterator[_Rules]:
    """Nothing where no line is left; a glob that cannot be matched is left out."""
    usable = []
    for glob, sets in lines:
        try:
            pathspec.PathSpec.from_lines("gitignore", [glob], backend="re2")
        except ValueError:
            continue
        usable.append((glob, sets))
    if usable:
        globs = pathspec.PathSpec.from_lines("gitignore", [glob for glob, _ in usable], backend="re2")
        yield _Rules(folder, mark, globs, [sets for _, sets in usable])


def of(snapshot: Snapshot, attributes: Attributes, paths: Iterable[str]) -> Mapping[str, Mark]:
    """The marks of those of the paths that have one. Blocking."""
    found = {}
    for path in sorted(paths):
        mark = attributes.mark(path)
        if mark is None:
            with (snapshot.root / path).open("rb") as file:
                mark = by_text(file.read(_HEAD).decode("latin-1"))
        if mark is not None:
            found[path] = mark
    return found


def constitution(snapshot: Snapshot, text: str) -> frozenset[str]:
    """Where the constitution itself stands in the snapshot, whose text is given with its secrets masked: documents of
    the same words, whatever they are called. They are no evidence that it is kept. Blocking."""
    wanted = text.split()
    found = set()
    for file in snapshot.files:
        if texts.is_prose(file.path) and len(text) // 2 <= file.size <= 4 * len(text) + 1000:
            content = texts.decode((snapshot.root / file.path).read_bytes(), file.path)
            if content is not None and mask_file(content, _NAME).split() == wanted:
                found.add(file.path)
    return frozenset(found)


def _lines(content: str) -> Iterator[tuple[str, bool, Mark]]:
    """Glob, whether it sets or unsets, and which mark."""
    for line in content.splitlines():
        glob, _, attributes = line.strip().partition(" ")
        if not glob or glob.startswith(("#", "!", '"', "[attr]")):
            continue
        for attribute in attributes.split():
            name, _, value = attribute.lstrip("-!").partition("=")
            sets = not attribute.startswith(("-", "!")) and value.lower() != "false"
            if name == "linguist-generated":
                yield glob, sets, Mark.GENERATED
            elif name == "linguist-vendored":
                yield glob, sets, Mark.VENDORED
