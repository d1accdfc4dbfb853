"""The code around a place, what the code there uses, and what uses it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from worker.verification.context.chunks import Chunk
from worker.verification.context.index import Index
from worker.verification.context.words import identifiers
from worker.verification.sighting import Sighting

_AROUND_LINE = 2
_AROUND_PLACE = 8
_MAX_CHUNK = 40
_MAX_DEFINED = 2
"""In so many places a name may be defined that says what is meant."""
_MAX_OF_PLACE = 6
_HEAD = 12

Window = tuple[str, int, int]
"""Path, first and last line."""


def around_line(line: int) -> tuple[int, int]:
    """The lines that are shown with a line that a search found."""
    return line - _AROUND_LINE, line + _AROUND_LINE


def around_place(index: Index, place: Sighting) -> tuple[int, int]:
    """The lines that are shown with a place: the definitions that it stands in, if they are short."""
    chunk = _chunk(index, place.path, place.start)
    start, end = place.start - _AROUND_PLACE, place.end + _AROUND_PLACE
    if chunk is not None and chunk.end - chunk.start < _MAX_CHUNK:
        return min(chunk.start, place.start), max(chunk.end, place.end)
    return start, end


def of(index: Index, places: Sequence[Sighting]) -> Iterator[Window]:
    """Where the names are defined that stand in the places, and where the definitions are used that the places stand
    in; in turn, the nearest first."""
    seen: set[Window] = set()
    for place in places:
        if place.holds:
            continue
        for window in (*_definitions(index, place), *_uses(index, place)):
            if window not in seen:
                seen.add(window)
                yield window


def _chunk(index: Index, path: str, line: int) -> Chunk | None:
    file = index.files.get(path)
    if file is None or not file.chunks:
        return None
    at = bisect_right([chunk.start for chunk in file.chunks], line) - 1
    chunk = file.chunks[max(0, at)]
    return chunk if chunk.start <= line <= chunk.end else None


def _definitions(index: Index, place: Sighting) -> list[Window]:
    file = index.files.get(place.path)
    if file is None:
        return []
    names = identifiers("\n".join(file.lines[place.start - 1 : place.end]))
    windows: list[Window] = []
    for name in sorted(names):
        numbers = sorted(index.defined(name))
        if 0 < len(numbers) <= _MAX_DEFINED:
            windows += [_head(index, index.chunks[number], name) for number in numbers]
    return windows[:_MAX_OF_PLACE]


def _head(index: Index, chunk: Chunk, name: str) -> Window:
    """The chunk from where the name is first written."""
    lines = index.files[chunk.path].lines[chunk.start - 1 : chunk.end]
    at = next((number for number, line in enumerate(lines) if name in line.lower()), 0)
    start = chunk.start + at
    return chunk.path, start, min(chunk.end, start + _HEAD)


def _uses(index: Index, place: Sighting) -> list[Window]:
    """Lines of the files that import this one, and of itself, which name what is defined at the place."""
    chunk = _chunk(index, place.path, place.start)
    if chunk is None:
        return []
    names = [name for name in chunk.names if len(name) > 2]
    windows: list[Window] = []
    for path in (place.path, *sorted(index.dependents.get(place.path, ()))):
        for number, line in enumerate(index.files[path].lines, start=1):
            elsewhere = path != place.path or not chunk.start <= number <= chunk.end
            if elsewhere and any(name in line for name in names):
                windows.append((path, *around_line(number)))
                if len(windows) >= _MAX_OF_PLACE:
                    return windows
    return windows
