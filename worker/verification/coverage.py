"""How much of each criterion's scope was read, shown to judges, and searched by code."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.core.vocabulary import Category
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.shown import Context
from worker.verification.marks import Mark
from worker.verification.result import Coverage
from worker.verification.scouting.survey import Survey
from worker.verification.search import Scoped
from worker.verification.sighting import Sighting


@dataclass(frozen=True)
class Reading:
    """What is known of the reading of a snapshot."""

    survey: Survey | None = None
    """None: no scout read anything."""
    marked: Mapping[str, Mark] = field(default_factory=dict)
    """Texts that are not the repository's own."""
    constitution: frozenset[str] = frozenset()
    """Where the constitution itself stands in it."""

    def sightings(self, key: str) -> list[Sighting]:
        """What scouts named for the criterion."""
        return [] if self.survey is None else self.survey.sightings(key)


def of(criterion: Criterion, scoped: Scoped, context: Context, reading: Reading | None = None) -> Coverage:
    """The coverage of one criterion's scope; `context` is what its batch was shown. Without a reading nobody but judges
    has read anything."""
    reading = reading or Reading()
    survey = reading.survey
    shown = {path: min(count, context.lines(path)) for path, count in scoped.lines.items()}
    read = shown if survey is None else {path: max(shown[path], survey.read_lines(path)) for path in shown}
    # A mark excuses nothing in matters of security, but where code has searched all of the scope.
    excused = criterion.category is not Category.SECURITY or (bool(scoped.patterns) and not scoped.overflow)
    spared = [
        path
        for path, count in scoped.lines.items()
        if path in reading.constitution or (excused and path in reading.marked and read[path] < count)
    ]
    unreadable = scoped.unreadable if criterion.category is Category.SECURITY or survey is None else ()
    lines, shown_lines = sum(scoped.lines.values()), sum(shown.values())
    hits = [hit for hit in scoped.hits or () if hit.path not in reading.constitution]
    all_lines = shown_lines >= lines and not unreadable
    # What no judge may be shown (a file of secrets) is in scope, and was not seen. Who was shown every line has seen
    # every place in a line.
    seen = sum(hit in context.hits or (all_lines and hit.line > 0) for hit in hits)
    places = [place for place in reading.sightings(criterion.key) if not place.holds]
    spared_lines = sum(scoped.lines[path] - (0 if path in reading.constitution else read[path]) for path in spared)
    return Coverage(
        files=len(scoped.lines) + len(unreadable),
        lines=lines,
        shown_files=sum(count > 0 for count in shown.values()),
        shown_lines=shown_lines,
        read_files=sum(read[path] >= count for path, count in scoped.lines.items()),
        read_lines=sum(count for path, count in read.items() if path not in reading.constitution),
        scouted_lines=0 if survey is None else sum(min(n, survey.read_lines(p)) for p, n in scoped.lines.items()),
        deep=survey is not None,
        spared=tuple(spared),
        spared_lines=spared_lines,
        places=len(places),
        places_shown=len(context.sightings.intersection(places)),
        unreadable=unreadable,
        unchanged=scoped.unchanged,
        patterns=scoped.patterns,
        hits=len(hits),
        hits_shown=seen,
        overflow=scoped.overflow,
    )
