"""Which issues are one: those that share a place, a rule or a symbol are fixed together, in an order that holds.

One issue is the primary one, the gravest; the others are its symptoms, which its fix is expected to take along. Causes
whose files are imported by those of others come first: what is built on them is fixed on the ground as it will be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.core.vocabulary import Category
from worker.remediation.issues import Issue, Place


@dataclass(frozen=True)
class RootCause:
    """`confidence` that all of it is one thing, 0 to 1: sharing a place is sure, sharing a symbol is a guess."""

    primary: Issue
    symptoms: tuple[Issue, ...]
    rationale: str
    confidence: float

    @property
    def issues(self) -> tuple[Issue, ...]:
        return (self.primary, *self.symptoms)

    @property
    def places(self) -> tuple[Place, ...]:
        """Each place once, in the order of files and lines."""
        unique = {(p.path, p.start_line, p.end_line, p.rule): p for issue in self.issues for p in issue.places}
        return tuple(sorted(unique.values(), key=lambda p: (p.path, p.start_line, p.end_line, p.rule or "")))

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.path for place in self.places))

    @property
    def category(self) -> Category:
        """The gravest one of its issues: its fix is approved as such."""
        return min((issue.category for issue in self.issues), key=lambda category: category.rank)


def group(
    issues: Sequence[Issue], symbols: Mapping[tuple[str, int], str], imports: Mapping[str, Sequence[str]]
) -> list[RootCause]:
    """The root causes in the order of fixing.

    `symbols` names the function or class around a place (path, first line), where one is known; `imports` lists the
    files that a file imports.
    """
    number = list(range(len(issues)))
    why: dict[int, tuple[str, float]] = {}

    def find(one: int) -> int:
        while number[one] != one:
            number[one] = number[number[one]]
            one = number[one]
        return one

    for later in range(len(issues)):
        for earlier in range(later):
            shared = _shared(issues[earlier], issues[later], symbols)
            if shared is None:
                continue
            first, second = sorted((find(earlier), find(later)))
            if first != second:
                number[second] = first
                known = why.get(first, shared)
                why[first] = known if known[1] <= shared[1] else shared
    members: dict[int, list[Issue]] = {}
    for place, issue in enumerate(issues):
        members.setdefault(find(place), []).append(issue)
    causes = [
        RootCause(own[0], tuple(own[1:]), *why.get(first, ("It stands alone.", 1.0))) for first, own in members.items()
    ]
    return _ordered(causes, imports)


def _shared(one: Issue, other: Issue, symbols: Mapping[tuple[str, int], str]) -> tuple[str, float] | None:
    for place in one.places:
        for second in other.places:
            if place.touches(second):
                return f"They meet at {place.path}:{place.start_line}.", 1.0
    rules = {place.rule for place in one.places} - {None}
    if rules and rules == {place.rule for place in other.places}:
        return f"The same rules show them: {', '.join(sorted(map(str, rules)))}.", 0.9
    within = {(p.path, symbols[p.path, p.start_line]) for p in one.places if (p.path, p.start_line) in symbols}
    both = {(p.path, symbols[p.path, p.start_line]) for p in other.places if (p.path, p.start_line) in symbols}
    shared = sorted(within & both)
    if shared:
        path, symbol = shared[0]
        return f"They are in the same symbol, {symbol} of {path}.", 0.7
    return None


def _ordered(causes: Sequence[RootCause], imports: Mapping[str, Sequence[str]]) -> list[RootCause]:
    """By gravity, but what others are built on before them; circles are cut where gravity says so."""
    left = sorted(causes, key=lambda cause: (cause.category.rank, cause.primary.severity.rank))
    ordered: list[RootCause] = []
    while left:
        free = next(
            (
                cause
                for cause in left
                if cause.category is left[0].category and not any(_built_on(cause, o, imports) for o in left)
            ),
            left[0],
        )
        left.remove(free)
        ordered.append(free)
    return ordered


def _built_on(cause: RootCause, other: RootCause, imports: Mapping[str, Sequence[str]]) -> bool:
    """Whether a file of the cause imports one of the other's. What comes later by its category is not waited for."""
    if other is cause or other.category is not cause.category:
        return False
    theirs = set(other.files) - set(cause.files)
    return any(path in theirs for file in cause.files for path in imports.get(file, ()))
