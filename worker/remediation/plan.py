"""In which steps root causes are fixed: small enough to be read, and none that waits for another without need.

Security first; what one rule finds in many files is one step, as long as it stays within what one fix may change;
steps that touch the same file follow each other, all others go side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from worker.core.ids import sha256
from worker.core.vocabulary import Category
from worker.remediation import policy
from worker.remediation.issues import Issue, Place
from worker.remediation.root_causes import RootCause


@dataclass(frozen=True)
class Step:
    """One fix to be proposed. `wave`: when; steps of one wave share no file. `key` is the same for the same code and
    issues, whoever plans and whatever lines moved; `complaint` says why a fix of it was taken back."""

    issues: tuple[Issue, ...]
    places: tuple[Place, ...]
    tool: bool
    """Whether an analyzer can fix all of its places by itself."""
    key: str
    wave: int = 0
    complaint: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.path for place in self.places))

    @property
    def category(self) -> Category:
        """The gravest one of its issues: it is proposed and approved as such."""
        return min((issue.category for issue in self.issues), key=lambda category: category.rank)


def steps(causes: Sequence[RootCause], by_tool: frozenset[tuple[str, int, str]], *, most_files: int) -> list[Step]:
    """The steps in their order, each with its wave. `by_tool` holds (path, line, rule) of what a tool can fix."""
    planned: list[Step] = []
    for cause in causes:
        mechanical = [p for p in cause.places if p.rule and (p.path, p.start_line, p.rule) in by_tool]
        rest = [p for p in cause.places if p not in mechanical]
        # What no fix may change without a person would keep the rest from being applied.
        sources = [p for p in rest if policy.is_source(p.path)]
        others = [p for p in rest if p not in sources]
        for places, tool in ((mechanical, True), (sources, False), (others, False)):
            for part in _parts(places, most_files):
                own = tuple(issue for issue in cause.issues if any(place in part for place in issue.places))
                planned.append(Step(own, tuple(part), tool, _key(own, part)))
    return _in_waves(planned)


def _parts(places: Sequence[Place], most_files: int) -> list[list[Place]]:
    """The places in stages of at most so many files."""
    by_file: dict[str, list[Place]] = {}
    for place in places:
        by_file.setdefault(place.path, []).append(place)
    files = list(by_file.values())
    return [[place for own in files[i : i + most_files] for place in own] for i in range(0, len(files), most_files)]


def _key(issues: Sequence[Issue], places: Sequence[Place]) -> str:
    what = sorted(f"{p.path}\0{p.end_line - p.start_line}\0{p.rule}\0{p.quote}" for p in places)
    return sha256("\n".join([*sorted(issue.key for issue in issues), *what]).encode())[:32]


def _in_waves(planned: Sequence[Step]) -> list[Step]:
    busy: dict[str, int] = {}
    found = []
    for step in planned:
        wave = max((busy.get(path, 0) for path in step.files), default=0)
        busy.update(dict.fromkeys(step.files, wave + 1))
        found.append(replace(step, wave=wave))
    return found
