"""How much of each criterion's scope was read, shown to judges, and searched by code."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.core.vocabulary import Category
from worker.verification import texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.shown import Context
from worker.verification.marks import Mark
from worker.verification.result import Coverage
from worker.verification.scouting.survey import Survey
from worker.verification.search import Scoped
from worker.verification.sighting import Sighting

_NAMED = 100
"""So many files are named of those that were left out."""
_MOST_SPARED = 4
"""What others wrote may be so many times what is the repository's own; beyond that the marks are not believed."""


@dataclass(frozen=True)
class Reading:
    """What is known of the reading of a snapshot."""

    survey: Survey | None = None
    """None: no scout read anything."""
    marked: Mapping[str, Mark] = field(default_factory=dict)
    """Texts that are not the repository's own."""
    constitution: frozenset[str] = frozenset()
    """Where the constitution itself stands in it."""

    masked_lines: Mapping[str, int] = field(default_factory=dict)
    """Lines of which a mask leaves nothing, by path: shown, they are not seen."""

    def sightings(self, key: str) -> list[Sighting]:
        """What scouts named for the criterion."""
        return [] if self.survey is None else self.survey.sightings(key)


def of(criterion: Criterion, scoped: Scoped, context: Context, reading: Reading | None = None) -> Coverage:
    """The coverage of one criterion's scope; `context` is what its batch was shown. Without a reading nobody but judges
    has read anything."""
    reading = reading or Reading()
    survey = reading.survey
    # The constitution itself is in no scope.
    lines = {path: count for path, count in scoped.lines.items() if path not in reading.constitution}
    shown = {p: min(count, max(0, context.lines(p) - reading.masked_lines.get(p, 0))) for p, count in lines.items()}
    scouted = {path: 0 if survey is None else min(count, survey.read_lines(path)) for path, count in lines.items()}
    read = {path: max(shown[path], scouted[path]) for path in lines}
    spared = _spared(criterion, scoped, lines, read, reading)
    binary = [path for path in scoped.unreadable if _may_be_spared(criterion, reading) and texts.is_binary(path)]
    unreadable = [path for path in scoped.unreadable if path not in frozenset(binary)]
    total, shown_lines = sum(lines.values()), sum(shown.values())
    hits = [hit for hit in scoped.hits or () if hit.path not in reading.constitution]
    all_lines = shown_lines >= total and not unreadable
    # What no judge may be shown (a file of secrets) is in scope, and was not seen. Who was shown every line has seen
    # every place in a line.
    seen = sum(hit in context.hits or (all_lines and hit.line > 0) for hit in hits)
    return Coverage(
        files=len(lines) + len(scoped.unreadable),
        lines=total,
        shown_files=sum(count > 0 for count in shown.values()),
        shown_lines=shown_lines,
        read_files=sum(read[path] >= count for path, count in lines.items()),
        read_lines=sum(read.values()),
        scouted_lines=sum(scouted.values()),
        deep=survey is not None,
        spared=(*spared, *binary)[:_NAMED],
        spared_files=len(spared) + len(binary),
        spared_lines=sum(lines[path] - read[path] for path in spared),
        places=0 if survey is None else survey.breaks(criterion.key),
        places_shown=sum(not place.holds for place in context.sightings if place.key == criterion.key),
        unreadable=tuple(unreadable[:_NAMED]),
        unchanged=scoped.unchanged,
        patterns=scoped.patterns,
        hits=len(hits),
        hits_shown=seen,
        overflow=scoped.overflow,
    )


def _may_be_spared(criterion: Criterion, reading: Reading) -> bool:
    """A mark is the repository's own word, and excuses nothing in matters of security."""
    return reading.survey is not None and criterion.category is not Category.SECURITY


def _spared(
    criterion: Criterion, scoped: Scoped, lines: Mapping[str, int], read: Mapping[str, int], reading: Reading
) -> list[str]:
    """Files that need not have been read; none where that would be most of the scope. Of files that may hold secrets,
    which nobody is sent, a search does, in matters of security too: what would run their text stands elsewhere."""
    unread = [path for path, count in lines.items() if path in reading.marked and read[path] < count]
    if not _may_be_spared(criterion, reading):
        searched = reading.survey is not None and bool(scoped.patterns) and not scoped.overflow
        return [path for path in unread if searched and reading.marked[path] is Mark.SECRET]
    own = sum(count for path, count in lines.items() if path not in reading.marked)
    return unread if own * _MOST_SPARED >= sum(lines[path] for path in unread) else []
