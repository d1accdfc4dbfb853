"""A unified diff, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

_MOST_LINES = 4000

Kind = Literal["same", "gone", "new", "changed"]


@dataclass(frozen=True)
class Row:
    """What stands beside each other; None where there is nothing on that side. Lines are numbered from 1."""

    kind: Kind
    old_line: int | None
    old: str | None
    new_line: int | None
    new: str | None


@dataclass
class Hunk:
    title: str
    rows: list[Row] = field(default_factory=list)


@dataclass
class File:
    path: str
    hunks: list[Hunk] = field(default_factory=list)


def side_by_side(diff: str) -> list[File]:
    """The files of a unified diff, as git writes it. What follows the first 4,000 lines is left out."""
    files: list[File] = []
    old_line = new_line = 0
    gone: list[str] = []
    new: list[str] = []

    def settle() -> None:
        nonlocal old_line, new_line
        if files and files[-1].hunks:
            files[-1].hunks[-1].rows.extend(_beside(gone, new, old_line, new_line))
        old_line, new_line = old_line + len(gone), new_line + len(new)
        gone.clear()
        new.clear()

    left_of_hunk = [0, 0]
    for line in diff.split("\n")[:_MOST_LINES]:
        mark, text = line[:1], line[1:].removesuffix("\r")
        within = any(left_of_hunk)
        if within and mark == "-":
            gone.append(text)
            left_of_hunk[0] -= 1
        elif within and mark == "+":
            new.append(text)
            left_of_hunk[1] -= 1
        elif within and mark in (" ", ""):
            settle()
            files[-1].hunks[-1].rows.append(Row("same", old_line, text, new_line, text))
            old_line, new_line = old_line + 1, new_line + 1
            left_of_hunk = [count - 1 for count in left_of_hunk]
        elif line.startswith("@@ "):
            settle()
            if not files:
                files.append(File(""))
            (old_line, old_count), (new_line, new_count) = _ranges(line)
            left_of_hunk = [old_count, new_count]
            files[-1].hunks.append(Hunk(line))
        elif line.startswith("--- "):
            settle()
            files.append(File(_path(line)))
        elif line.startswith("+++ ") and files and _path(line) != "/dev/null":
            files[-1].path = _path(line)
    settle()
    return files


def _path(line: str) -> str:
    path = line[4:].split("\t", maxsplit=1)[0].strip()
    return path[2:] if path[:2] in ("a/", "b/") else path


def _ranges(line: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """`@@ -1,3 +1,4 @@`: where either side begins and how many lines it has."""
    parts = line.split(" ")
    old, new = (_range(part) for part in [*parts, "", ""][1:3])
    return old, new


def _range(text: str) -> tuple[int, int]:
    start, _, count = text.lstrip("+-").partition(",")
    return _number(start, 0), _number(count, 1)


def _number(text: str, otherwise: int) -> int:
    return int(text[:9]) if text.isascii() and text.isdigit() else otherwise


def _beside(gone: list[str], new: list[str], old_line: int, new_line: int) -> Iterator[Row]:
    for place, (old, fresh) in enumerate(zip_longest(gone, new)):
        kind: Kind = "new" if old is None else "gone" if fresh is None else "changed"
        yield Row(
            kind,
            None if old is None else old_line + place,
            old,
            None if fresh is None else new_line + place,
            fresh,
        )
