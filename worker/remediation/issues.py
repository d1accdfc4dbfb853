"""What is to be fixed: the failures that a run has proven, each with the places that show it. Values in, values out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from worker.core.vocabulary import Category, IssueOrigin, Severity

_MAX_PLACES = 200


@dataclass(frozen=True)
class Place:
    """Lines count from 1, both inclusive. `rule` is `analyzer:id`, None where no analyzer names one; `quote` is the
    code as it was shown, secrets masked."""

    path: str
    start_line: int
    end_line: int
    quote: str = ""
    rule: str | None = None
    fingerprint: str | None = None

    def touches(self, other: "Place") -> bool:
        """Whether both speak of a same line."""
        return self.path == other.path and self.start_line <= other.end_line and other.start_line <= self.end_line


@dataclass(frozen=True)
class Issue:
    """One proven failure. `key` is the criterion's, or the rule for a finding that no criterion speaks of."""

    origin: IssueOrigin
    key: str
    category: Category
    severity: Severity
    message: str
    statement: str
    """What the constitution says, or what the analyzer's rule finds."""
    places: tuple[Place, ...]

    @property
    def fixable(self) -> bool:
        """Whether anything says where to begin."""
        return bool(self.places)


@dataclass(frozen=True)
class Failed:
    """A criterion's result as the run recorded it."""

    key: str
    category: Category
    severity: Severity
    statement: str
    reason: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Found:
    """A verified finding as the run recorded it. `precise`: its tool says that nearly all of the rule are true."""

    category: Category
    severity: Severity
    message: str
    precise: bool
    place: Place


_STEM, _ALIKE = 5, 2


def with_rules(failed: Failed, found: Sequence[Found]) -> Failed:
    """The failure with the rule of each place that judges cited, where an analyzer says much the same of that line: a
    tool may know how to mend it. Whether that was right is seen when it is judged again."""
    about = _stems(failed.statement)
    by_line: dict[tuple[str, int], list[Found]] = {}
    for finding in found:
        by_line.setdefault((finding.place.path, finding.place.start_line), []).append(finding)
    places = []
    for place in failed.places:
        same = by_line.get((place.path, place.start_line), []) if place.rule is None else []
        fits = [one for one in same if len(about & _stems(one.message)) >= _ALIKE]
        places.append(replace(place, rule=fits[0].place.rule) if len({one.place.rule for one in fits}) == 1 else place)
    return replace(failed, places=tuple(places))


def _stems(text: str) -> set[str]:
    """How the longer words begin: «imports», «imported»."""
    words = "".join(character if character.isalnum() else " " for character in text.lower()).split()
    return {word[:_STEM] for word in words if len(word) >= _STEM}


def of_run(failed: Sequence[Failed], found: Sequence[Found], accepted: Collection[str]) -> list[Issue]:
    """The issues of a run, the gravest first: its failed criteria, and the precise critical findings that decide a
    verdict by themselves, unless a criterion's places hold them already. What people accepted is no issue."""
    issues = []
    for one in failed:
        places = tuple(place for place in one.places if place.fingerprint not in accepted)[:_MAX_PLACES]
        if one.places and not places:
            continue
        issues.append(
            Issue(IssueOrigin.CRITERION, one.key, one.category, one.severity, one.reason, one.statement, places)
        )
    held = [place for issue in issues for place in issue.places]
    by_rule: dict[str, Issue] = {}
    for finding in found:
        place = finding.place
        if not finding.precise or finding.severity is not Severity.CRITICAL or place.fingerprint in accepted:
            continue
        if place.rule is None or any(place.rule == other.rule and place.touches(other) for other in held):
            continue
        known = by_rule.get(place.rule)
        if known is None:
            by_rule[place.rule] = Issue(
                IssueOrigin.FINDING, place.rule, finding.category, finding.severity, finding.message, finding.message,
                (place,),
            )  # fmt: skip
        elif len(known.places) < _MAX_PLACES:
            by_rule[place.rule] = replace(known, places=(*known.places, place))
    return sorted([*issues, *by_rule.values()], key=_gravity)


def _gravity(issue: Issue) -> tuple[int, int, str]:
    return issue.category.rank, issue.severity.rank, issue.key
