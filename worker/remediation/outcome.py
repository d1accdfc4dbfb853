"""What a verification of applied fixes means for each of them: pure functions of the results before and after."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from worker.core.vocabulary import Outcome


@dataclass(frozen=True)
class Result:
    """A criterion's result: its outcome, and the paths of the places that show a failure."""

    outcome: Outcome
    paths: frozenset[str]


@dataclass(frozen=True)
class Applied:
    """An applied fix. `keys` are the criteria that it shall have met, `files` what it changes; `checked`: the
    analyzers have proven that what it was for is gone."""

    id: str
    keys: tuple[str, ...]
    files: frozenset[str]
    checked: bool


@dataclass(frozen=True)
class Fate:
    kept: bool
    why: str


def decide(
    fixes: Sequence[Applied], before: Mapping[str, Result], after: Mapping[str, Result], new_rules: Collection[str] = ()
) -> dict[str, Fate]:
    """What becomes of each fix. `before` and `after` are by criterion.

    Kept is what is proven: each of its criteria is met now; or, where others break it elsewhere or nobody can decide
    it, the analyzers have shown that its own places are gone and none is in its files. Whatever fails that did not fail
    before takes those along that touch the place, or all of them where it was met before and no place says whose it is.
    """
    fates = {fix.id: _own(fix, after) for fix in fixes}
    for key, result in after.items():
        if result.outcome is not Outcome.FAIL or (key in before and before[key].outcome is Outcome.FAIL):
            continue
        guilty = [fix for fix in fixes if fix.files & result.paths]
        if not guilty and key in before and before[key].outcome is Outcome.PASS:
            guilty = list(fixes)
        for fix in guilty:
            if fates[fix.id].kept:
                fates[fix.id] = Fate(False, f"{key} is broken now, and was not before.")
    return fates


def _own(fix: Applied, after: Mapping[str, Result]) -> Fate:
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
        elif result.outcome is Outcome.FAIL and result.paths & fix.files:
            return Fate(False, f"{key} is still broken in what it changes.")
        elif not fix.checked:
            word = "still broken" if result.outcome is Outcome.FAIL else "not decided"
            return Fate(False, f"{key} is {word}, and no analyzer can show that its own places are gone.")
    if len(proven) == len(fix.keys):
        return Fate(True, "Judged again, and met: " + ", ".join(proven) + ".")
    return Fate(True, "Its findings are gone, by the analyzers that found them.")
