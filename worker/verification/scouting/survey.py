"""What scouts are to read of a snapshot, what they have read, and what they named: in the contained process.

Every text in the scope of a criterion is read, whole, but for what all judges are shown anyway and for what a machine
or somebody else wrote. What could not be read counts against the criteria that it concerns.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.core.telemetry.masking import mask_code
from worker.verification import evidence, texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Scope, Within
from worker.verification.context.index import Index
from worker.verification.marks import Mark
from worker.verification.opinion import Evidence
from worker.verification.scouting.pieces import Fragment, Piece, Span, fragments, pieces
from worker.verification.search import Scoped, Texts
from worker.verification.sighting import Sighting

MAX_SIGHTINGS = 300
"""So many places of one criterion are kept."""
_WHY = 160


@dataclass(frozen=True)
class NamedPlace:
    """A place as a scout named it. `text` is the number of a text of the piece, from 1; lines count within it."""

    text: int
    criterion: str
    start: int
    end: int
    quote: str
    holds: bool
    why: str


@dataclass(frozen=True)
class PieceRead:
    """A piece that a scout has read, by its number, and what it named there."""

    number: int
    places: tuple[NamedPlace, ...]


@dataclass(frozen=True)
class ToRead:
    """A piece by its number, and how large it is in bytes."""

    number: int
    size: int


@dataclass(frozen=True)
class Surveyed:
    """What came of it. `invented` counts quotations that stand nowhere in what the scout was shown."""

    places: int
    invented: int


class Survey:
    """`hidden` are paths that nobody need read, `shown` those that all judges are shown whole, `also` those that are
    read though no criterion is held against them (`diff` mode: what a change can affect). Blocking."""

    def __init__(
        self,
        known: Texts,
        index: Index,
        criteria: Sequence[Criterion],
        scoped: Mapping[str, Scoped],
        *,
        marked: Mapping[str, Mark],
        hidden: frozenset[str],
        shown: frozenset[str],
        also: frozenset[str],
        room: int,
    ) -> None:
        self._index = index
        self._criteria = {criterion.key: criterion for criterion in criteria}
        self.shown = shown
        self._within: dict[tuple[Scope, str], bool] = {}
        needed = {path for scope in scoped.values() for path in scope.lines} | (also & known.snapshot.paths)
        wanted = sorted(path for path in needed if path not in hidden and path not in shown and path not in marked)
        self._read_lines: dict[str, int] = defaultdict(int)
        found: list[tuple[int, int, Span]] = []
        for path in wanted:
            found += self._fragments(path, room)
        self.pieces = pieces(found, room)
        self._order = self._by_promise(scoped)
        self._done: set[int] = set()
        self._sightings: dict[str, dict[tuple[str, int, int, bool], Sighting]] = defaultdict(dict)
        self._invented = 0

    def _fragments(self, path: str, room: int) -> Iterable[tuple[int, int, Span]]:
        file = self._index.source(path, whole=room // 2)
        if file is None:
            return []
        found = list(fragments(file, room))
        asked = [False] * len(file.lines)
        for _, _, span in found:
            asked[span.start - 1 : span.end] = [True] * (span.end - span.start + 1)
        # Blank lines say nothing; what is in no fragment and not blank is read by nobody.
        silent = (line for there, line in zip(asked, file.lines, strict=True) if not there)
        self._read_lines[path] = sum(not line.strip() for line in silent)
        return found

    def _by_promise(self, scoped: Mapping[str, Scoped]) -> list[int]:
        """Numbers of the pieces, those first where a search found most, code before documents: should the budget end,
        the best of it is read."""
        hits: dict[str, list[int]] = defaultdict(list)
        for scope in scoped.values():
            for hit in scope.hits or ():
                if hit.line:
                    hits[hit.path].append(hit.line)
        for lines in hits.values():
            lines.sort()

        def promise(number: int) -> tuple[int, int, int]:
            places = [span for fragment in self.pieces[number].fragments for span in fragment.places]
            found = sum(
                bisect_left(hits[span.path], span.end + 1) - bisect_left(hits[span.path], span.start)
                for span in places
                if span.path in hits
            )
            code = sum(not texts.is_prose(span.path) for span in places)
            return -found, -code, number

        return sorted(range(len(self.pieces)), key=promise)

    @property
    def to_read(self) -> tuple[ToRead, ...]:
        """The pieces in the order in which they should be read."""
        return tuple(ToRead(number, self.pieces[number].size) for number in self._order)

    def text(self, number: int) -> str:
        """The piece as a scout reads it: its texts one after the other, each with its own line numbers."""
        parts = []
        for count, fragment in enumerate(self.pieces[number].fragments, start=1):
            lines = self._lines(fragment)
            parts += [f"=== {count}", *(f"{n}| {line}" for n, line in enumerate(lines, start=1))]
        return "\n".join(parts)

    def _lines(self, fragment: Fragment) -> Sequence[str]:
        place = fragment.places[0]
        file = self._index.source(place.path)
        assert file is not None
        return file.lines[place.start - 1 : place.end]

    def take(self, read: PieceRead) -> None:
        """Take what a scout named in a piece that it has read: what it quotes must stand there."""
        if read.number in self._done:
            return
        self._done.add(read.number)
        piece = self.pieces[read.number]
        for fragment in piece.fragments:
            for span in fragment.places:
                self._read_lines[span.path] += span.end - span.start + 1
        for place in read.places:
            self._named(piece, place)

    def _named(self, piece: Piece, place: NamedPlace) -> None:
        criterion = self._criteria.get(place.criterion)
        if criterion is None or not 1 <= place.text <= len(piece.fragments):
            self._invented += 1
            return
        fragment = piece.fragments[place.text - 1]
        lines = self._lines(fragment)
        item = Evidence("", place.start, max(place.start, place.end), place.quote)
        item = evidence.verify(item, lambda _: lines)
        if not item.verified:
            self._invented += 1
            return
        why = mask_code(" ".join(place.why.split())).replace("\0", "")[:_WHY]
        own = self._sightings[criterion.key]
        for span in fragment.places:
            start, end = span.start + item.start_line - 1, span.start + item.end_line - 1
            if self._speaks_of(criterion, span.path) and len(own) < MAX_SIGHTINGS:
                sighting = Sighting(criterion.key, span.path, start, end, place.holds, why)
                own.setdefault((span.path, start, end, place.holds), sighting)

    def _speaks_of(self, criterion: Criterion, path: str) -> bool:
        known = (criterion.scope, path)
        if known not in self._within:
            self._within[known] = criterion.scope.of(path) is not Within.NO
        return self._within[known]

    def sightings(self, key: str) -> list[Sighting]:
        """What scouts named for the criterion, in the order of the repository."""
        return sorted(self._sightings[key].values())

    def read_lines(self, path: str) -> int:
        """How many of the file's lines scouts have read."""
        return self._read_lines.get(path, 0)

    @property
    def result(self) -> Surveyed:
        return Surveyed(sum(map(len, self._sightings.values())), self._invented)
