"""What the judges are shown for a batch of criteria, within a budget of tokens, and a record of it.

What all judges of a snapshot share stands first and is the same for every constitution: the tree of files, and the
whole repository where it fits. Otherwise come the places that the search over the scope found, and then the pieces that
answer each criterion best, in turn, by what stands in them and by what their files are called and define: so no
criterion starves another, and neither a telling name hides the one place that breaks a rule, nor the other way round.
They are put in the order of the repository: the same choice is the same text, however the scores moved a little, and
answers to it are found again on the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.analyzers.finding import Finding
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.chunks import Chunk
from worker.verification.context.index import Index, size
from worker.verification.context.words import words
from worker.verification.search import Hit

_BYTES_PER_TOKEN = 3
_MAX_FINDINGS = 40
_MAX_FOLDERS = 80
_MAX_FOLDERS_CHARS = 6_000
_PIECES_PER_CRITERION = 60
_FOUND = 0.25
_AROUND = 2
_HITS_SHARE = 0.5
_LIST_SHARE = 0.1

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""Per path, first and last lines, both inclusive, in order and apart from each other."""


@dataclass(frozen=True)
class Overview:
    """What every judge of a snapshot is shown first. `whole`: all text of the repository is in it."""

    text: str
    whole: bool


@dataclass(frozen=True)
class Context:
    """What the judges of a batch are shown: `text` after the overview. `shown` counts both. `hits` are the places found
    by search that are among it, and named as such. `complete`: all that may be shown is shown whole."""

    text: str
    shown: Spans
    of_files: int
    complete: bool
    hits: frozenset[Hit]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(self.shown))

    def lines(self, path: str) -> int:
        """How many lines of the file are shown."""
        return sum(end - start + 1 for start, end in self.shown.get(path, ()))

    def read(self, index: Index, path: str) -> list[str | None] | None:
        """The file's lines as they are shown, None for each that is not; None for a file of which nothing is."""
        file = index.files.get(path)
        if file is None or path not in self.shown:
            return None
        read: list[str | None] = [None] * len(file.lines)
        for start, end in self.shown[path]:
            read[start - 1 : end] = file.lines[start - 1 : end]
        return read


def overview(index: Index, *, budget: int, only: frozenset[str] | None = None) -> Overview:
    """The folders and, where it fits into `budget` tokens, everything. `only` limits it (`diff` mode).

    Of a repository that does not fit nothing is told that a small change would change: all answers would be asked anew.
    """
    paths = sorted(path for path in index.files if only is None or path in only)
    folders = sorted({path.rpartition("/")[0] or "." for path in index.files})
    whole = _cost(index, paths) <= budget
    parts = [f"Folders of the repository: {', '.join(folders[:_MAX_FOLDERS])[:_MAX_FOLDERS_CHARS]}"]
    if whole:
        parts += ["All of their text:", *_render(index, {path: [(1, len(index.files[path].lines))] for path in paths})]
    return Overview("\n".join(parts), whole)


def _cost(index: Index, paths: Iterable[str]) -> int:
    """Tokens that the files would take, at most."""
    return sum(size(index.files[path].lines) for path in paths) // _BYTES_PER_TOKEN + 1


def select(
    index: Index,
    criteria: Sequence[Criterion],
    findings: Iterable[Finding],
    *,
    budget: int,
    whole: bool,
    hits: Sequence[Sequence[Hit]] = (),
    only: frozenset[str] | None = None,
) -> Context:
    """The context for `criteria`. `whole`: the overview holds everything already. `hits` are what the search for each
    criterion found; what found few places has them all shown before what found many takes the room."""
    paths = sorted(path for path in index.files if only is None or path in only)
    hinted = [finding for finding in findings if finding.verified and (only is None or finding.path in only)]
    overviewed: Spans = {path: [(1, len(index.files[path].lines))] for path in paths} if whole else {}
    # What must be somewhere may be found in a file that `only` leaves out.
    searches = sorted(hits, key=len)
    ordered = list(dict.fromkeys(hit for of in searches for hit in of))
    placed = [[h for h in of if h.line and h.path in index.files and h.path not in overviewed] for of in searches]
    windows, left = _windows(index, placed, budget)
    if not whole:
        for number in _choose(index, criteria, hinted, _costs(index, only), left):
            chunk = index.chunks[number]
            windows.setdefault(chunk.path, []).append((chunk.start, chunk.end))
    parts = {path: _merged(spans) for path, spans in sorted(windows.items())}
    shown = {**overviewed, **parts}
    seen = [hit for hit in ordered if not hit.line or _within(shown, hit.path, hit.line)]
    listed, told = _told_hits(seen, int(budget * _LIST_SHARE))
    text = ["Parts of the repository:", *_render(index, parts)] if parts or not whole else []
    complete = all(_is_whole(index, shown, path) for path in paths)
    return Context("\n".join([*text, *listed, *_told_findings(hinted, shown)]), shown, len(paths), complete, told)


def _is_whole(index: Index, shown: Spans, path: str) -> bool:
    return list(shown.get(path, ())) == [(1, len(index.files[path].lines))]


def _within(shown: Spans, path: str, line: int) -> bool:
    return any(start <= line <= end for start, end in shown.get(path, ()))


def _costs(index: Index, only: frozenset[str] | None) -> dict[int, int]:
    return {
        number: index.sizes[number] // _BYTES_PER_TOKEN + 1
        for number, chunk in enumerate(index.chunks)
        if only is None or chunk.path in only
    }


def _windows(
    index: Index, searches: Sequence[Sequence[Hit]], budget: int
) -> tuple[dict[str, list[tuple[int, int]]], int]:
    """The lines around as many of the hits as fit into their share, in turn from each file, so that no file takes all
    the room; and what is left of the budget."""
    windows: dict[str, list[tuple[int, int]]] = {}
    taken: set[tuple[str, int]] = set()
    room = share = int(budget * _HITS_SHARE)
    for hit in (hit for hits in searches for hit in _in_turn(hits)):
        lines = index.files[hit.path].lines
        start, end = max(1, hit.line - _AROUND), min(len(lines), hit.line + _AROUND)
        fresh = [n for n in range(start, end + 1) if (hit.path, n) not in taken]
        title = () if hit.path in windows else (hit.path,)
        cost = size([*title, *(lines[n - 1] for n in fresh)]) // _BYTES_PER_TOKEN + 1
        if cost <= room:
            room -= cost
            taken.update((hit.path, n) for n in fresh)
            windows.setdefault(hit.path, []).append((start, end))
    return windows, budget - (share - room)


def _in_turn(hits: Sequence[Hit]) -> list[Hit]:
    """The first of each file, then the second of each, and so on."""
    by_path: dict[str, list[Hit]] = {}
    for hit in hits:
        by_path.setdefault(hit.path, []).append(hit)
    turns = ((turn, hit) for of in by_path.values() for turn, hit in enumerate(of))
    return [hit for _, hit in sorted(turns, key=lambda entry: (entry[0], entry[1].path))]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _choose(
    index: Index, criteria: Sequence[Criterion], findings: Sequence[Finding], cost: dict[int, int], budget: int
) -> set[int]:
    """In turn, the best piece of each criterion, in each of the two orders, that is not taken and still fits."""
    at = _places(index, findings)
    queues = []
    for criterion in criteria:
        query = f"{criterion.statement}\n{criterion.section or ''}"
        wanted = set(words(criterion.statement))
        for scores in (index.score_chunks(query), index.place_chunks(query)):
            # Where an analyzer found something that shares words with the criterion the judges should rather look;
            # not so much that it would hide what names the very thing.
            share = _FOUND * max(scores.values(), default=1.0)
            for number, bag in at.items():
                if wanted & bag:
                    scores[number] = scores.get(number, 0.0) + share
            # Coarse, so that a small change elsewhere does not change the order here.
            ranked = sorted(
                (n for n in scores if n in cost), key=lambda n: (-round(scores[n], 1), index.chunks[n].path, n)
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


def _render(index: Index, shown: Spans) -> list[str]:
    """The lines with their numbers, file by file."""
    parts = []
    for path in sorted(shown):
        parts.append(f"=== {path}")
        parts += [index.files[path].numbered(Chunk(path, start, end, ())) for start, end in shown[path]]
    return parts


def _told_hits(hits: Sequence[Hit], budget: int) -> tuple[list[str], frozenset[Hit]]:
    """The places, a line for each path and one for each file's lines, as many as fit in their order; and which those
    are."""
    entries: dict[tuple[str, bool], list[Hit]] = {}
    for hit in hits:
        entries.setdefault((hit.path, hit.line > 0), []).append(hit)
    listed: list[str] = []
    told: set[Hit] = set()
    for (path, in_text), of in entries.items():
        entry = f"{path}:{_ranges([hit.line for hit in of])}" if in_text else path
        cost = size([entry]) // _BYTES_PER_TOKEN + 1
        if cost <= budget:
            budget -= cost
            listed.append(entry)
            told.update(of)
    title = "=== Places that a search for these criteria found, each of which may be nothing:"
    return ([title, *sorted(listed)] if listed else []), frozenset(told)


def _ranges(numbers: Sequence[int]) -> str:
    """`3,5-9` for 3, 5, 6, 7, 8, 9."""
    runs: list[tuple[int, int]] = _merged((number, number) for number in numbers)
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _told_findings(findings: Sequence[Finding], shown: Spans) -> list[str]:
    listed = [
        f"{f.path}:{f.start_line} {f.severity.value} {f.rule} {' '.join(f.message.split())[:200]}"
        for f in sorted(findings, key=lambda f: (f.severity.rank, f.path, f.start_line, f.rule))
        if _within(shown, f.path, f.start_line)
    ]
    return ["=== Hints of static analysis, which are often wrong:", *listed[:_MAX_FINDINGS]] if listed else []
