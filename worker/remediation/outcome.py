"""What a verification of applied fixes means for each of them: pure functions of the results before and after."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from worker.core.vocabulary import Outcome

_FEW = 3


@dataclass(frozen=True)
class Result:
    """A criterion's result: its outcome, and the places that show a failure, as (path, what is quoted there).

    `more`: so many were cited that there may be others.
    """

    outcome: Outcome
    places: frozenset[tuple[str, str]] = frozenset()
    more: bool = False

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _ in self.places)


@dataclass(frozen=True)
class Applied:
    """An applied fix. `keys` are the criteria that it shall have met, `places` what it was for, as (path, quote);
    `checked`: the analyzers have proven that these are gone."""

    id: str
    keys: tuple[str, ...]
    places: frozenset[tuple[str, str]]
    written: Mapping[str, frozenset[str]]
    """Of each file that it changes the lines that it writes, without the white space around them."""
    checked: bool

    def writes(self, places: Collection[tuple[str, str]]) -> bool:
        """Whether one of the places quotes a line that the fix wrote."""
        return any(
            line.strip() in self.written.get(path, ())
            for path, quote in places
            for line in quote.split("\n")
            # A bracket is anybody's.
            if sum(map(str.isalnum, line)) > _FEW
        )


@dataclass(frozen=True)
class Fate:
    kept: bool
    why: str


def decide(
    fixes: Sequence[Applied],
    before: Mapping[str, Result],
    after: Mapping[str, Result],
    brought: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Fate]:
    """What becomes of each fix. `before` and `after` are by criterion; `brought` are rules that find more than they
    did, by file.

    Kept is what is proven: each of its criteria is met now, or broken elsewhere alone; or, where nobody can decide it,
    the analyzers have shown that its own places are gone. Whatever fails that did not fail
    before takes those along that touch the place, or all of them where it was met before and no place says whose it is.
    """
    fates = {fix.id: _own(fix, after) for fix in fixes}
    for key, result in after.items():
        was = before.get(key)
        if result.outcome is not Outcome.FAIL:
            continue
        if was is not None and was.outcome is Outcome.FAIL:
            # Where it was broken already, only what a fix wrote is the fix's.
            guilty = [fix for fix in fixes if fix.writes(result.places)]
        else:
            guilty = [fix for fix in fixes if set(fix.written) & result.paths]
        if not guilty and was is not None and was.outcome is Outcome.PASS:
            guilty = list(fixes)
        for fix in guilty:
            _lose(fates, fix, f"{key} is broken in what it changes, and was not before.")
    for path, rules in (brought or {}).items():
        for fix in fixes:
            if path in fix.written:
                _lose(fates, fix, f"There is more of {', '.join(sorted(rules)[:3])} in {path} than before.")
    return fates


def _lose(fates: dict[str, Fate], fix: Applied, why: str) -> None:
    if fates[fix.id].kept:
        fates[fix.id] = Fate(False, why)


def brought(before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]) -> dict[str, set[str]]:
    """Rules of which a file has more findings than it had, by file. Both count (path, rule)."""
    found: dict[str, set[str]] = {}
    for (path, rule), count in after.items():
        if count > before[path, rule]:
            found.setdefault(path, set()).add(rule)
    return found


def _own(fix: Applied, after: Mapping[str, Result]) -> Fate:
    if not fix.keys:
        return Fate(False, "Nobody knows what it is for.")
    proven = []
    for key in fix.keys:
        result = after.get(key)
        if result is None:
            # A finding that no criterion speaks of: its analyzer has the word.
            if not fix.checked:
                return Fate(False, f"Nobody judged {key} again.")
            continue
        if result.outcome is Outcome.PASS:
            proven.append(key)
        elif result.outcome is Outcome.FAIL and (result.places & fix.places or fix.writes(result.places)):
            return Fate(False, f"{key} is still broken in what it changes.")
        elif result.outcome is Outcome.FAIL and result.places and not result.more:
            # Whoever judged it again found it elsewhere, and not where it was.
            continue
        elif not fix.checked:
            word = "still broken" if result.outcome is Outcome.FAIL else "not decided"
            return Fate(False, f"{key} is {word}, and no analyzer can show that its own places are gone.")
    if len(proven) == len(fix.keys):
        return Fate(True, "Judged again, and met: " + ", ".join(proven) + ".")
    if fix.checked:
        return Fate(True, "Its findings are gone, by the analyzers that found them.")
    return Fate(True, "Judged again: what is still broken is elsewhere.")
