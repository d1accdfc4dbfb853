"""What a judge asks to be shown, answered by code from the snapshot, within bounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from worker.verification import search
from worker.verification.context import related
from worker.verification.context.index import Index, size
from worker.verification.context.listing import BYTES_PER_TOKEN
from worker.verification.context.shown import Spans, merged, render
from worker.verification.matching import Matcher, Rows
from worker.verification.search import Texts

MAX_LOOKS = 6
_LINES_OF_FILE = 160
_BEFORE = 20
_MAX_PLACES = 12
_HEAD = 40


class What(StrEnum):
    PATH = "path"
    SYMBOL = "symbol"
    PATTERN = "pattern"


@dataclass(frozen=True)
class Look:
    """`what` is a file's path, a name, or an RE2 pattern; `line` is where in the file, None its beginning."""

    by: What
    what: str
    line: int | None = None


@dataclass(frozen=True)
class Seen:
    """What was shown: the text, and which lines it holds."""

    text: str
    spans: dict[str, list[tuple[int, int]]]


def show(
    index: Index, known: Texts, looks: Sequence[Look], *, budget: int, constitution: frozenset[str] = frozenset()
) -> Seen:
    """What the looks ask for, as much as fits into `budget` tokens, each as much as the others. `constitution` are
    paths that are no evidence. Blocking."""
    chosen = list(dict.fromkeys(looks))[:MAX_LOOKS]
    share = budget // max(1, len(chosen))
    spans: dict[str, list[tuple[int, int]]] = {}
    nothing: list[str] = []
    for look in chosen:
        left, found = share, False
        for path, first, last in _windows(index, known, look):
            file = None if path in constitution else index.source(path)
            span = None if file is None else _fitting(path, file.lines, max(1, first), last, left)
            if span is not None:
                left -= span.cost
                found = True
                spans.setdefault(path, []).append((span.start, span.end))
        if not found:
            nothing.append(f"Nothing was found for {look.by.value} {look.what[:200]!r}.")
    parts: Spans = {path: merged(of) for path, of in spans.items()}
    return Seen("\n".join([*render(index, parts), *nothing]), {path: list(of) for path, of in parts.items()})


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    cost: int
    """In tokens."""


def _fitting(path: str, lines: Sequence[str], start: int, last: int, room: int) -> _Span | None:
    """From `start` on as many of the lines as fit into `room` tokens; None where not even the first does."""
    end = min(len(lines), last)
    while start <= end:
        cost = size([path, *lines[start - 1 : end]]) // BYTES_PER_TOKEN + 1
        if cost <= room:
            return _Span(start, end, cost)
        end = start + (end - start) * room // cost - 1
    return None


def _windows(index: Index, known: Texts, look: Look) -> Iterator[related.Window]:
    match look.by:
        case What.PATH:
            path = look.what.strip().strip("`").removeprefix("./")
            start = 1 if look.line is None else max(1, look.line - _BEFORE)
            yield path, start, start + _LINES_OF_FILE
        case What.SYMBOL:
            yield from _symbol(index, known, look.what.strip().strip("`").removesuffix("()"))
        case What.PATTERN:
            yield from _lines(index, known, search.usable([look.what]))


def _symbol(index: Index, known: Texts, name: str) -> Iterator[related.Window]:
    """Where it is defined, and then where it is named."""
    bare = name.replace("::", ".").rsplit(".", 1)[-1]
    for number in sorted(index.defined(bare))[:_MAX_PLACES]:
        chunk = index.chunks[number]
        lines = index.files[chunk.path].lines[chunk.start - 1 : chunk.end]
        start = chunk.start + next((n for n, line in enumerate(lines) if bare.lower() in line.lower()), 0)
        yield chunk.path, start, start + _HEAD
    if bare:
        yield from _lines(index, known, search.usable([rf"\b{search.literal(bare)}\b"]))


def _lines(index: Index, known: Texts, patterns: Sequence[str]) -> Iterator[related.Window]:
    """The lines that match, those of code before those of documents and data."""
    matcher = Matcher.of(patterns)
    if matcher is None:
        return
    left = _MAX_PLACES
    paths = sorted((file.path for file in known.snapshot.files), key=lambda path: (path not in index.files, path))
    for path in paths:
        file = index.files.get(path)
        rows = known.rows(path) if file is None and known.is_text(path) else None
        if file is not None:
            rows = Rows.of(file.lines)
        for number in () if rows is None else matcher.lines(rows, left):
            left -= 1
            yield (path, *related.around_line(number))
        if left <= 0:
            return
