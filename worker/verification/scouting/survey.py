"""What scouts are to read of a snapshot, what they have read, and what they named: in the contained process.

Every text in the scope of a criterion is read, whole, but for what all judges are shown anyway and for what a machine
or somebody else wrote. What could not be read counts against the criteria that it concerns.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.core.telemetry.masking import mask_code
from worker.core.vocabulary import Category
from worker.verification import evidence, texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Scope, Within
from worker.verification.context.index import Index
from worker.verification.marks import Mark
from worker.verification.opinion import Evidence
from worker.verification.scouting.pieces import Fragment, Span, fragments, pieces
from worker.verification.search import Scoped, Texts
from worker.verification.sighting import Sighting

MAX_BREAKS, MAX_HOLDS = 300, 100
"""So many places of one criterion are kept of each sort; all that may break it are counted."""
_WHY = 160
_MAX_LINES = 5
"""So many lines a place has of which the quotation does not stand there."""


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
    """What came of it. `places` are those kept. `invented` counts places whose quotation, criterion or text is none of
    what the scout was given; those that may break a criterion are kept without their quotation."""

    places: int
    invented: int


class Survey:
    """`constitution` are the paths where it stands itself, which nobody need read, `shown` those that all judges are
    shown whole, `also` those that are read though no criterion is held against them (`diff` mode: what a change can
    affect). Blocking."""

    def __init__(
        self,
        known: Texts,
        index: Index,
        criteria: Sequence[Criterion],
        scoped: Mapping[str, Scoped],
        *,
        marked: Mapping[str, Mark],
        constitution: frozenset[str],
        shown: frozenset[str],
        also: frozenset[str],
        room: int,
    ) -> None:
        self._index = index
        self._criteria = {criterion.key: criterion for criterion in criteria}
        self.shown = shown
        self._room = room
        self._within: dict[tuple[Scope, str], bool] = {}
        # What somebody else wrote matters for security alone, and is read last.
        secure = {c.key for c in criteria if c.category is Category.SECURITY}
        needed = {
            path
            for key, scope in scoped.items()
            for path in scope.lines
            if path not in marked or (key in secure and marked[path] is not Mark.SECRET)
        } | {path for path in also & known.snapshot.paths if path not in marked}
        wanted = sorted(path for path in needed if path not in constitution and path not in shown)
        self._marked = frozenset(marked)
        self._read_lines: dict[str, int] = defaultdict(int)
        found: list[tuple[int, int, Span]] = []
        others: list[tuple[int, int, Span]] = []
        for path in wanted:
            (others if path in marked else found).extend(self._fragments(path, room))
        self.pieces = [*pieces(found, room), *pieces(others, room)]
        self._order = self._by_promise(scoped)
        self._done: set[int] = set()
        self._sightings: dict[str, dict[tuple[str, int, int, bool], Sighting]] = defaultdict(dict)
        self._breaks: Counter[str] = Counter()
        self._holds: Counter[str] = Counter()
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

        def promise(number: int) -> tuple[bool, int, int, int]:
            places = [span for fragment in self.pieces[number].fragments for span in fragment.places]
            found = sum(
                bisect_left(hits[span.path], span.end + 1) - bisect_left(hits[span.path], span.start)
                for span in places
                if span.path in hits
            )
            code = sum(not texts.is_prose(span.path) for span in places)
            return places[0].path in self._marked, -found, -code, number

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
        file = self._index.source(place.path, whole=self._room // 2)
        assert file is not None
        return file.lines[place.start - 1 : place.end]

    def take(self, read: PieceRead) -> None:
        """Take what a scout named in a piece that it has read."""
        if read.number in self._done:
            return
        self._done.add(read.number)
        piece = self.pieces[read.number]
        for fragment in piece.fragments:
            for span in fragment.places:
                self._read_lines[span.path] += span.end - span.start + 1
        lines: dict[int, Sequence[str]] = {}
        for place in read.places:
            if place.criterion not in self._criteria or not 1 <= place.text <= len(piece.fragments):
                self._invented += 1
                continue
            if place.text not in lines:
                lines[place.text] = self._lines(piece.fragments[place.text - 1])
            self._named(piece.fragments[place.text - 1], lines[place.text], place)

    def _named(self, fragment: Fragment, lines: Sequence[str], place: NamedPlace) -> None:
        """What is quoted must stand there. A place that may break the criterion counts all the same, where the scout
        says that it is: letters that look like others are copied wrongly, and their author would have it dropped."""
        criterion = self._criteria[place.criterion]
        item = Evidence("", place.start, max(place.start, place.end), place.quote)
        item = evidence.verify(item, lambda _: lines)
        first, last = item.start_line, item.end_line
        if not item.verified:
            self._invented += 1
            if place.holds:
                return
            first = min(max(1, place.start), len(lines))
            last = min(max(first, place.end), first + _MAX_LINES - 1, len(lines))
        why = mask_code(" ".join(place.why.split())).replace("\0", "")[:_WHY]
        for span in fragment.places:
            if self._speaks_of(criterion, span.path):
                start, end = span.start + first - 1, span.start + last - 1
                self._keep(Sighting(criterion.key, span.path, start, end, place.holds, why))

    def _keep(self, sighting: Sighting) -> None:
        own = self._sightings[sighting.key]
        place = (sighting.path, sighting.start, sighting.end, sighting.holds)
        if place in own:
            return
        counted, most = (self._holds, MAX_HOLDS) if sighting.holds else (self._breaks, MAX_BREAKS)
        counted[sighting.key] += 1
        if counted[sighting.key] <= most:
            own[place] = sighting

    def _speaks_of(self, criterion: Criterion, path: str) -> bool:
        known = (criterion.scope, path)
        if known not in self._within:
            self._within[known] = criterion.scope.of(path) is not Within.NO
        return self._within[known]

    def sightings(self, key: str) -> list[Sighting]:
        """What scouts named for the criterion, in the order of the repository."""
        return sorted(self._sightings[key].values())

    def breaks(self, key: str) -> int:
        """How many places scouts named that may break the criterion, those included that are too many to be kept."""
        return self._breaks[key]

    def read_lines(self, path: str) -> int:
        """How many of the file's lines scouts have read. Blank ones that are in no piece count as read; those that a
        mask left nothing of do not."""
        return max(0, self._read_lines.get(path, 0) - self._index.masked_lines.get(path, 0))

    @property
    def result(self) -> Surveyed:
        return Surveyed(sum(map(len, self._sightings.values())), self._invented)
