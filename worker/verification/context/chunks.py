"""A file's text in pieces that can be read alone, cut where definitions begin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.verification.context.syntax import Symbol, symbols

_TARGET_LINES = 60
_MAX_LINES = 100


@dataclass(frozen=True)
class Chunk:
    """Lines count from 1, both inclusive. `names` are the definitions that begin in it."""

    path: str
    start: int
    end: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class SourceFile:
    """A file as judges may read it: secrets masked. `lines` without their ends."""

    path: str
    lines: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    masked: frozenset[int] = frozenset()
    """Numbers of the lines of which a mask leaves nothing, though they may be code: whoever reads the file has not read
    them."""

    def numbered(self, chunk: Chunk) -> str:
        """The chunk with line numbers."""
        return "\n".join(
            f"{number}| {line}"
            for number, line in enumerate(self.lines[chunk.start - 1 : chunk.end], start=chunk.start)
        )


def cut(path: str, shown: tuple[str, ...], text: str) -> SourceFile:
    """`text` gives the syntax, `shown` are its lines with secrets masked."""
    found = symbols(text, path)
    return SourceFile(path, shown, tuple(_chunks(path, len(shown), found)))


def _chunks(path: str, count: int, found: Sequence[Symbol]) -> Iterator[Chunk]:
    start = 1
    for begin in (*_borders(found), count + 1):
        # As many whole definitions as fit; one that is longer than a chunk is cut by lines.
        if begin - start >= _TARGET_LINES or begin > count:
            while begin - start > _MAX_LINES:
                yield _chunk(path, start, start + _MAX_LINES - 1, found)
                start += _MAX_LINES
            if begin > start:
                yield _chunk(path, start, begin - 1, found)
            start = begin


def _borders(found: Sequence[Symbol]) -> list[int]:
    """Lines where a definition begins that is at the top of its file, or right in a class."""
    return sorted({symbol.start for symbol in found if symbol.depth <= 1 and symbol.start > 1})


def _chunk(path: str, start: int, end: int, found: Sequence[Symbol]) -> Chunk:
    return Chunk(path, start, end, tuple(symbol.name for symbol in found if start <= symbol.start <= end))
