"""Fixes that an analyzer makes itself: ruff's, each for the finding it belongs to and for nothing else.

Only what ruff calls safe is taken: it does not change what the code does
(https://docs.astral.sh/ruff/linter/#fix-safety).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from worker.core.settings import Settings
from worker.remediation.edits import lines_of
from worker.remediation.issues import Place
from worker.runtime import process

_RUFF = "ruff:"
_COMMAND = (
    "ruff", "check", "--isolated", "--no-cache", "--no-fix", "--ignore-noqa", "--no-respect-gitignore", "--quiet",
    "--output-format=json", "--target-version=py314",
)  # fmt: skip
_MAX_FILES = 400


@dataclass(frozen=True)
class Change:
    """Characters `start` to `stop` of a file, counted from 0, and what stands there instead."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True)
class Known:
    """What a tool would do about one place."""

    place: Place
    changes: tuple[Change, ...]


async def safe_fixes(
    root: Path, scratch: Path, places: Iterable[Place], settings: Settings, *, moved: bool = False
) -> list[Known]:
    """What ruff would do about those of the places that it can fix safely; nothing where it is not there or fails.

    A place is its line or, once other fixes have `moved` lines, any line that says what it quotes.
    """
    wanted = [place for place in places if place.rule is not None and place.rule.startswith(_RUFF)]
    files = list(dict.fromkeys(place.path for place in wanted))[:_MAX_FILES]
    rules = sorted({str(place.rule).removeprefix(_RUFF) for place in wanted} - {"invalid-syntax"})
    if not files or not rules:
        return []
    done = await process.run(
        [*_COMMAND, f"--select={','.join(rules)}", "--", *(f"./{path}" for path in files)],
        cwd=root,
        env=process.bare_environment(scratch),
        seconds=settings.analyzer_seconds,
        memory=settings.analyzer_memory_bytes,
    )
    try:
        reported = from_json(done.stdout)
    except ValueError:
        return []
    by_line: dict[tuple[str, str, int], list[Mapping[str, Any]]] = {}
    for entry in reported if isinstance(reported, list) else []:
        path = _relative(entry.get("filename"), root)
        row = (entry.get("location") or {}).get("row")
        if path is not None and isinstance(row, int):
            by_line.setdefault((path, f"{_RUFF}{entry.get('code')}", row), []).append(entry)
    starts = {path: _line_starts(root / path) for path in files}
    if moved:
        by_text = _by_text(by_line, {path: _lines(root / path) for path in files})
    found = []
    for place in wanted:
        if moved:
            entries = by_text.get((place.path, str(place.rule), place.quote.split("\n")[0].strip()), [])[:1]
        else:
            entries = by_line.get((place.path, str(place.rule), place.start_line), [])
        changes = _changes(entries, starts[place.path])
        if changes:
            found.append(Known(place, changes))
    return found


def _relative(filename: object, root: Path) -> str | None:
    if not isinstance(filename, str):
        return None
    for base in (root, root.resolve()):
        if Path(filename).is_relative_to(base):
            return Path(filename).relative_to(base).as_posix()
    return None


def _line_starts(path: Path) -> list[int] | None:
    """Where each line begins, in characters; None for what is no text."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    starts, at = [0], 0
    for at, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[at + 1 : at + 2] != "\n"):
            starts.append(at + 1)
    return [*starts, len(text)]


def _lines(path: Path) -> list[str]:
    try:
        return lines_of(path.read_bytes().decode())
    except (OSError, UnicodeDecodeError):
        return []


def _by_text(
    by_line: Mapping[tuple[str, str, int], list[Mapping[str, Any]]], lines: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for (path, rule, row), entries in by_line.items():
        own = lines.get(path, ())
        if row <= len(own):
            found.setdefault((path, rule, own[row - 1].strip()), []).extend(entries)
    return found


def _changes(entries: Sequence[Mapping[str, Any]], starts: Sequence[int] | None) -> tuple[Change, ...]:
    """All of the entries' changes, or none when one of them has none that is safe."""
    if starts is None or not entries:
        return ()
    changes: list[Change] = []
    for entry in entries:
        fix = entry.get("fix")
        if not isinstance(fix, dict) or fix.get("applicability") != "safe":
            return ()
        for edit in fix["edits"]:
            start, stop = (_offset(edit[name], starts) for name in ("location", "end_location"))
            if start is None or stop is None or stop < start:
                return ()
            changes.append(Change(start, stop, str(edit["content"])))
    return tuple(dict.fromkeys(changes))


def _offset(location: Mapping[str, Any], starts: Sequence[int]) -> int | None:
    row, column = location["row"], location["column"]
    return starts[row - 1] + column - 1 if 0 < row <= len(starts) and column > 0 else None


def made(text: str, changes: Iterable[Change]) -> str:
    """The text with the changes made; one that overlaps another is left for the next time."""
    end, pieces = 0, []
    for change in sorted(dict.fromkeys(changes), key=lambda change: (change.start, change.stop)):
        if change.start < end or change.stop > len(text):
            continue
        pieces += [text[end : change.start], change.text]
        end = change.stop
    return "".join([*pieces, text[end:]])
