"""The text that scouts read, cut into pieces that depend on the content alone.

A file is a fragment, or several that begin at definitions. Fragments are sorted by a key and put together by its first
bits, as in extendible hashing (Fagin and others, ACM TODS 4(3), 1979): a bucket that is too large is halved by the next
bit. The key begins with the least of the hashes of the fragment's lines, which a changed line seldom changes (Broder,
«On the resemblance and containment of documents», 1997), and goes on with the hash of all of it. So a changed file
mostly changes its own piece alone, at worst the one that it leaves and the one that it comes to; a moved or renamed
one changes none. No path is told: the same text is asked about once, wherever it stands.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from worker.verification.context.chunks import SourceFile

_ROOM_SHARE = 2
_NUMBER = 6
"""Bytes that a line's number and end take, about."""
_LEAST, _WHOLE = 64, 256
_BITS = _LEAST + _WHOLE


@dataclass(frozen=True)
class Span:
    """Lines of a file, from 1, both inclusive."""

    path: str
    start: int
    end: int


@dataclass(frozen=True)
class Fragment:
    """A text, and everywhere it stands. `size` in bytes, as scouts are shown it."""

    key: int
    size: int
    places: tuple[Span, ...]


@dataclass(frozen=True)
class Piece:
    """What is asked about at once: fragments in the order of their keys."""

    fragments: tuple[Fragment, ...]

    @property
    def size(self) -> int:
        return sum(fragment.size for fragment in self.fragments)


def fragments(file: SourceFile, room: int) -> Iterator[tuple[int, int, Span]]:
    """Key, size and place of each fragment of the file, none larger than half a `room` of bytes.

    A line that is larger than that is in none: no scout can read it."""
    most = room // _ROOM_SHARE
    sizes = [len(line.encode()) + _NUMBER for line in file.lines]
    for start, end in _ranges(file, sizes, most):
        text = "\n".join(file.lines[start - 1 : end])
        if text.strip():
            yield _key(text), sum(sizes[start - 1 : end]), Span(file.path, start, end)


def _key(text: str) -> int:
    """Equal for equal texts alone."""
    least = min(_hash(line, _LEAST) for line in {line.strip() for line in text.split("\n")})
    return least << _WHOLE | _hash(text, _WHOLE)


def _hash(text: str, bits: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[: bits // 8])


def _ranges(file: SourceFile, sizes: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """As many whole parts as fit, one after the other."""
    begin = end = size = 0
    for first, last in _parts(file, sizes, most):
        part = sum(sizes[first - 1 : last])
        if size and size + part > most:
            yield begin, end
            size = 0
        if part > most:
            # A line of a machine's length.
            continue
        if not size:
            begin = first
        size += part
        end = last
    if size:
        yield begin, end


def _parts(file: SourceFile, sizes: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """The file's chunks, those that are too large line by line."""
    for chunk in file.chunks:
        if sum(sizes[chunk.start - 1 : chunk.end]) <= most:
            yield chunk.start, chunk.end
        else:
            yield from ((number, number) for number in range(chunk.start, chunk.end + 1))


def pieces(found: Iterable[tuple[int, int, Span]], room: int) -> list[Piece]:
    """Fragments put together to pieces of at most `room` bytes."""
    by_key: dict[int, tuple[int, list[Span]]] = {}
    for key, size, place in found:
        by_key.setdefault(key, (size, []))[1].append(place)
    whole = [Fragment(key, size, tuple(places)) for key, (size, places) in sorted(by_key.items())]
    return list(_buckets(whole, _BITS - 1, room))


def _buckets(within: Sequence[Fragment], bit: int, room: int) -> Iterator[Piece]:
    if not within:
        return
    if len(within) == 1 or bit < 0 or sum(fragment.size for fragment in within) <= room:
        yield Piece(tuple(within))
        return
    middle = next((n for n, fragment in enumerate(within) if fragment.key >> bit & 1), len(within))
    yield from _buckets(within[:middle], bit - 1, room)
    yield from _buckets(within[middle:], bit - 1, room)
