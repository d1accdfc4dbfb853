"""What judges are shown, as values: the text, and which lines of which files it holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.verification.context.chunks import Chunk
from worker.verification.context.index import Index
from worker.verification.search import Hit
from worker.verification.sighting import Sighting

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""Per path, first and last lines, both inclusive, in order and apart from each other."""


@dataclass(frozen=True)
class Overview:
    """What every judge of a snapshot is shown first. `whole`: all text of the repository is in it."""

    text: str
    whole: bool


@dataclass(frozen=True)
class Context:
    """What the judges of a batch are shown: `text` after the overview."""

    text: str
    shown: Spans
    """What of the files, in the overview or here."""
    of_files: int
    """Text files that may be shown."""
    complete: bool
    """All that may be shown is shown whole."""
    hits: frozenset[Hit]
    """Places found by search that are among it, and named as such."""
    sightings: frozenset[Sighting] = frozenset()
    """Places named by scouts that are among it, and named as such."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(self.shown))

    def lines(self, path: str) -> int:
        """How many lines of the file are shown."""
        return sum(end - start + 1 for start, end in self.shown.get(path, ()))

    def read(self, index: Index, path: str) -> list[str | None] | None:
        """The file's lines as they are shown, None for each that is not; None for a file of which nothing is."""
        file = index.source(path) if path in self.shown else None
        if file is None:
            return None
        read: list[str | None] = [None] * len(file.lines)
        for start, end in self.shown[path]:
            read[start - 1 : end] = file.lines[start - 1 : end]
        return read

    def with_more(self, spans: Spans) -> "Context":
        """As after these lines were shown as well."""
        both = {path: merged([*self.shown.get(path, ()), *of]) for path, of in spans.items()}
        return replace(self, shown={**self.shown, **both})


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def within(shown: Spans, path: str, line: int) -> bool:
    """Whether the line is shown."""
    return any(start <= line <= end for start, end in shown.get(path, ()))


def render(index: Index, shown: Spans) -> list[str]:
    """The lines with their numbers, file by file."""
    parts = []
    for path in sorted(shown):
        file = index.source(path)
        if file is not None:
            parts.append(f"=== {path}")
            parts += [file.numbered(Chunk(path, start, end, ())) for start, end in shown[path]]
    return parts
