"""What the judges are shown for a batch of criteria, within a budget of tokens, and a record of it.

What all judges of a snapshot share stands first and is the same for every constitution: the folders, and the whole
repository where it fits. Otherwise come the places that scouts named with the code around them, those that the search
over the scope found, what these use and are used by, and then the pieces that answer each criterion best, in turn, by
what stands in them and by what their files are called and define: so no criterion starves another, and neither a
telling name hides the one place that breaks a rule, nor the other way round. They are put in the order of the
repository: the same choice is the same text, however the scores moved a little, and answers to it are found again on
the ledger."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from worker.analyzers.finding import Finding
from worker.verification import texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.context import listing, related
from worker.verification.context.chunks import Chunk
from worker.verification.context.index import Index, size
from worker.verification.context.listing import BYTES_PER_TOKEN
from worker.verification.context.shown import Context, Overview, Spans, merged, render, within
from worker.verification.context.words import words
from worker.verification.search import Hit
from worker.verification.sighting import Sighting

_Place = TypeVar("_Place", Hit, Sighting)

_MAX_FOLDERS = 80
_MAX_FOLDERS_CHARS = 6_000
_PIECES_PER_CRITERION = 60
_FOUND = 0.25
_LIST_SHARE = 0.1
_LEAST_LINES = 3
_ABOUT_DOCUMENTS = frozenset(words("documentation docs readme changelog license guide manual comment markdown"))


@dataclass(frozen=True)
class Known:
    """What is known of a batch's criteria before anybody judges, in their order."""

    hits: Sequence[Sequence[Hit]] = ()
    """What the search for each found."""
    sightings: Sequence[Sighting] = ()
    """What scouts named for any of them."""
    scouted: bool = False
    """Whether scouts read for them."""
    unread: frozenset[str] = frozenset()
    """Keys of those of whose scope they have not read everything."""


@dataclass(frozen=True)
class _Shares:
    """Parts of the budget."""

    places: float
    related: float
    pieces: float


# Where scouts have read everything, what only might be of use need not fill the room.
_SCOUTED = _Shares(places=0.45, related=0.1, pieces=0.25)
_SEARCHED = _Shares(places=0.5, related=0.0, pieces=1.0)


def overview(
    index: Index, *, budget: int, only: frozenset[str] | None = None, constitution: frozenset[str] = frozenset()
) -> Overview:
    """The folders and, where it fits into `budget` tokens, everything. `only` limits it (`diff` mode); `constitution`
    are paths where it stands itself, which is no evidence.

    Of a repository that does not fit nothing is told that a small change would change: all answers would be asked anew.
    """
    paths = _paths(index, only, constitution)
    folders = sorted({path.rpartition("/")[0] or "." for path in index.files})
    whole = _cost(index, paths) <= budget
    parts = [f"Folders of the repository: {', '.join(folders[:_MAX_FOLDERS])[:_MAX_FOLDERS_CHARS]}"]
    if whole:
        parts += ["All of their text:", *render(index, {path: [(1, len(index.files[path].lines))] for path in paths})]
    return Overview("\n".join(parts), whole)


def _paths(index: Index, only: frozenset[str] | None, constitution: frozenset[str]) -> list[str]:
    return sorted(path for path in index.files if (only is None or path in only) and path not in constitution)


def _cost(index: Index, paths: Iterable[str]) -> int:
    """Tokens that the files would take, at most."""
    return sum(size(index.files[path].lines) for path in paths) // BYTES_PER_TOKEN + 1


def select(
    index: Index,
    criteria: Sequence[Criterion],
    findings: Iterable[Finding],
    *,
    budget: int,
    whole: bool,
    known: Known | None = None,
    only: frozenset[str] | None = None,
    constitution: frozenset[str] = frozenset(),
) -> Context:
    """The context for `criteria`. `whole`: the overview holds everything already. What the search found in few places
    has them all shown before what it found in many takes the room."""
    known = known or Known()
    shares = _SCOUTED if known.scouted else _SEARCHED
    paths = _paths(index, only, constitution)
    hinted = [finding for finding in findings if finding.verified and (only is None or finding.path in only)]
    overviewed: Spans = {path: [(1, len(index.files[path].lines))] for path in paths} if whole else {}
    # What must be somewhere may be found in a file that `only` leaves out.
    searches = sorted(([hit for hit in of if hit.path not in constitution] for of in known.hits), key=len)
    ordered = list(dict.fromkeys(hit for of in searches for hit in of))
    room = _Room(index, overviewed, int(budget * shares.places))
    by_path = attrgetter("path")
    for sighting in _in_turn([s for s in known.sightings if not s.holds], by_path):
        room.show(sighting.path, *related.around_place(index, sighting))
    for hit in (hit for of in searches for hit in _in_turn([hit for hit in of if hit.line], by_path)):
        room.show(hit.path, *related.around_line(hit.line))
    for sighting in _in_turn([s for s in known.sightings if s.holds], by_path):
        room.show(sighting.path, *related.around_place(index, sighting))
    left = budget - room.used
    if not whole:
        room.left = int(budget * shares.related)
        for place in related.of(index, known.sightings):
            room.show(*place)
        costs = _costs(index, frozenset(paths))
        for number in _choose(index, criteria, hinted, costs, min(left, int(budget * shares.pieces))):
            chunk = index.chunks[number]
            room.add(chunk.path, chunk.start, chunk.end)
    parts = {path: merged(spans) for path, spans in sorted(room.windows.items())}
    shown = {**overviewed, **parts}
    seen = [hit for hit in ordered if not hit.line or within(shown, hit.path, hit.line)]
    listed, told = listing.hits(seen, int(budget * _LIST_SHARE))
    text = ["Parts of the repository:", *render(index, parts)] if parts or not whole else []
    named: frozenset[Sighting] = frozenset()
    if known.scouted:
        listed_at = int(budget * _LIST_SHARE)
        words_of, named = listing.sightings(known.sightings, criteria, shown, known.unread, listed_at)
        text += words_of
    complete = all(list(shown.get(path, ())) == [(1, len(index.files[path].lines))] for path in paths)
    text += [*listed, *listing.findings(hinted, criteria, shown)]
    return Context("\n".join(text), shown, len(paths), complete, told, named)


class _Room:
    """The lines that are shown, as long as there is room for more."""

    def __init__(self, index: Index, overviewed: Spans, left: int) -> None:
        self.windows: dict[str, list[tuple[int, int]]] = {}
        self.used = 0
        self.left = left
        self._index = index
        self._overviewed = overviewed
        self._taken: set[tuple[str, int]] = set()

    def show(self, path: str, start: int, end: int) -> None:
        """Show the lines, if all of them fit and the file can be read; those that are shown already cost nothing."""
        file = None if path in self._overviewed else self._index.source(path)
        if file is None:
            return
        start, end = max(1, start), min(len(file.lines), end)
        fresh = [n for n in range(start, end + 1) if (path, n) not in self._taken]
        title = () if path in self.windows else (path,)
        cost = size([*title, *(file.lines[n - 1] for n in fresh)]) // BYTES_PER_TOKEN + 1
        if cost <= self.left:
            self.left -= cost
            self.used += cost
            self._taken.update((path, n) for n in fresh)
            self.windows.setdefault(path, []).append((start, end))

    def add(self, path: str, start: int, end: int) -> None:
        """Show the lines, whose cost somebody else has counted."""
        self.windows.setdefault(path, []).append((start, end))


def _costs(index: Index, paths: frozenset[str]) -> dict[int, int]:
    """Number of each chunk that may be chosen → tokens that it takes. One that says nothing by itself is none of
    them."""
    return {
        number: index.sizes[number] // BYTES_PER_TOKEN + 1
        for number, chunk in enumerate(index.chunks)
        if chunk.path in paths and _says_something(index, chunk)
    }


def _says_something(index: Index, chunk: Chunk) -> bool:
    lines = index.files[chunk.path].lines
    return bool(chunk.names) or len(lines) < _LEAST_LINES or chunk.end - chunk.start + 1 >= _LEAST_LINES


def _in_turn(found: Iterable[_Place], path: Callable[[_Place], str]) -> list[_Place]:
    """The first of each file, then the second of each, and so on: no file takes all the room."""
    by_path: dict[str, list[_Place]] = {}
    for one in found:
        by_path.setdefault(path(one), []).append(one)
    turns = ((turn, one) for of in by_path.values() for turn, one in enumerate(of))
    return [one for _, one in sorted(turns, key=lambda entry: (entry[0], path(entry[1])))]


def _choose(
    index: Index, criteria: Sequence[Criterion], findings: Sequence[Finding], cost: dict[int, int], budget: int
) -> set[int]:
    """In turn, the best piece of each criterion, in each of the two orders, that is not taken and still fits. Source
    goes before documents, but for criteria that speak of documents."""
    at = _places(index, findings)
    queues = []
    for criterion in criteria:
        query = f"{criterion.statement}\n{criterion.section or ''}"
        wanted = set(words(criterion.statement))
        source_first = not wanted & _ABOUT_DOCUMENTS
        for scores in (index.score_chunks(query), index.place_chunks(query)):
            # Where an analyzer found something that shares words with the criterion the judges should rather look;
            # not so much that it would hide what names the very thing.
            share = _FOUND * max(scores.values(), default=1.0)
            for number, bag in at.items():
                if wanted & bag:
                    scores[number] = scores.get(number, 0.0) + share
            # Coarse, so that a small change elsewhere does not change the order here.
            ranked = sorted(
                (n for n in scores if n in cost),
                key=lambda n: (
                    source_first and texts.is_prose(index.chunks[n].path),
                    -round(scores[n], 1),
                    index.chunks[n].path,
                    n,
                ),
            )
            queues.append(iter(ranked[:_PIECES_PER_CRITERION]))
    chosen: set[int] = set()
    left = budget
    while queues:
        for queue in list(queues):
            piece = next((n for n in queue if n not in chosen and cost[n] <= left), None)
            if piece is None:
                queues.remove(queue)
            else:
                chosen.add(piece)
                left -= cost[piece]
    # What is left goes to what the chosen files import: the definitions that their code rests on.
    near = {path for number in chosen for path in index.graph.get(index.chunks[number].path, ())}
    for number in sorted(cost):
        if number not in chosen and index.chunks[number].path in near and cost[number] <= left:
            chosen.add(number)
            left -= cost[number]
    return chosen


def _places(index: Index, findings: Sequence[Finding]) -> dict[int, set[str]]:
    """Number of a chunk → the words of what was found in it."""
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    found: dict[int, set[str]] = {}
    for number, chunk in enumerate(index.chunks):
        for finding in by_path.get(chunk.path, ()):
            if chunk.start <= finding.start_line <= chunk.end:
                found.setdefault(number, set()).update(words(finding.message))
    return found
