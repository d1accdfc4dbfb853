"""What came of one criterion, who decided it, and how much of its scope anybody saw."""

from dataclasses import dataclass, field
from enum import StrEnum

from worker.core.vocabulary import CriterionKind, JudgeRole, Outcome, Vote
from worker.verification.constitution.criteria import Criterion
from worker.verification.opinion import Evidence, Opinion

QUORUM = 2


class Decider(StrEnum):
    """Who decided a criterion."""

    ANALYZERS = "analyzers"
    JUDGES = "judges"
    SEARCH = "search"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Coverage:
    """How much of a criterion's scope was seen. All counts are of text files and their lines."""

    files: int = 0
    """Files in scope, those that could not be read included."""
    lines: int = 0
    """Lines in scope."""
    shown_files: int = 0
    """Files in scope of which the judges were shown anything."""
    shown_lines: int = 0
    """Lines in scope that the judges were shown."""
    read_files: int = 0
    """Files in scope that were read whole: by scouts, or by judges who were shown them."""
    read_lines: int = 0
    """Lines in scope that were read."""
    scouted_lines: int = 0
    """Of these, how many scouts have read."""
    deep: bool = False
    """Whether all of the scope is to be read (CVA_DEPTH)."""
    spared: tuple[str, ...] = ()
    """Files in scope that need not be read, since a machine or somebody else wrote them: the first of them."""
    spared_files: int = 0
    """How many these are, those included that are not named."""
    spared_lines: int = 0
    """Their lines that were not read."""
    places: int = 0
    """Places that may break it, by the scouts' word."""
    places_shown: int = 0
    """Of these, how many the judges were shown."""
    unreadable: tuple[str, ...] = ()
    """Files in scope that nobody could read or that no judge may be shown."""
    unchanged: int = 0
    """Files in scope that `diff` mode leaves out, since they did not change."""
    patterns: tuple[str, ...] = ()
    """What code searched for in every line and path of the scope."""
    hits: int = 0
    """Lines and paths that the search found."""
    hits_shown: int = 0
    """Of these, how many the judges were shown."""
    overflow: bool = False
    """Whether there are more lines that the search would find than were counted."""

    @property
    def whole(self) -> bool:
        """Whether the judges were shown every line of the scope."""
        return not self.unreadable and self.shown_lines >= self.lines

    @property
    def sampled(self) -> bool:
        """Whether a search alone chose what was looked at."""
        return not self.deep and not self.whole

    @property
    def read(self) -> bool:
        """Whether every line of the scope was read that had to be, by a scout or by judges."""
        return not self.unreadable and self.read_lines + self.spared_lines >= self.lines

    @property
    def nothing_named(self) -> bool:
        """Whether scouts have read all of the scope and named no place that may break the criterion."""
        by_scouts = self.scouted_lines > 0 and self.scouted_lines + self.spared_lines >= self.lines
        return by_scouts and not self.unreadable and not self.places

    @property
    def searched(self) -> bool:
        """Whether code searched the whole scope, and everything that it found was shown to the judges."""
        return bool(self.patterns) and not self.unreadable and not self.overflow and self.hits_shown >= self.hits

    @property
    def nowhere(self) -> bool:
        """Whether code searched the whole scope and found nothing."""
        return self.searched and not self.hits

    @property
    def seen(self) -> bool:
        """Whether the judges have seen all that there is to see: every line, or all that a search found; and every path
        that it found."""
        return self.hits_shown >= self.hits and (self.whole or (self.searched and not self.nowhere))

    @property
    def known(self) -> bool:
        """Whether nothing of the scope is hidden from the judges: it was read, and of what scouts named and the search
        found they were shown everything."""
        all_shown = self.places_shown >= self.places and self.hits_shown >= self.hits
        return self.read and all_shown and (not self.overflow or self.whole)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in scope: no text, and no path that the search found."""
        return not self.files and not self.hits

    @property
    def share(self) -> float:
        """Lines shown of lines in scope, 0 to 1."""
        return 1.0 if not self.lines else min(1.0, self.shown_lines / self.lines)

    @property
    def found(self) -> str:
        """How many places the search found, for people."""
        more = "more than " if self.overflow else ""
        return f"{more}{self.hits} {'place' if self.hits == 1 else 'places'}"

    @property
    def percent(self) -> str:
        """The share of lines shown, for people."""
        return _percent(self.shown_lines, self.lines)

    @property
    def percent_read(self) -> str:
        """The share of lines read of those that had to be, for people."""
        return _percent(self.read_lines, self.lines - self.spared_lines)


def _percent(part: int, whole: int) -> str:
    """100 % is said of all, and 0 % of nothing."""
    if 0 < part < whole:
        return f"{min(0.99, max(0.01, part / whole)):.0%}"
    return f"{1 if part >= whole else 0:.0%}"


@dataclass(frozen=True)
class CriterionResult:
    """The outcome of one criterion."""

    criterion: Criterion
    outcome: Outcome
    score: float | None
    """The mean of the judges that decided, 1 to 10; None when undecided, or decided by no judge."""
    reason: str
    """One sentence for a person: why, and where it is undecided what would prove it."""
    opinions: tuple[Opinion, ...] = ()
    """Those of the last round, as they counted."""
    earlier: tuple[Opinion, ...] = ()
    """Those of a round before a debate."""
    accepted: tuple[str, ...] = ()
    """Places where the criterion fails, and people let them be."""
    by: Decider = Decider.NOBODY
    evidence: tuple[Evidence, ...] = ()
    """What analyzers found, where they decided."""
    look_at: tuple[Evidence, ...] = ()
    """Places that may matter and prove nothing."""
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def split(self) -> bool:
        """Enough judges could decide, and they do not agree."""
        votes = {opinion.vote for opinion in self.opinions if opinion.vote is not Vote.ABSTAIN}
        return self.outcome is Outcome.UNDECIDED and len(votes) > 1

    @property
    def sampled(self) -> bool:
        """It passed though nobody has read all that it speaks of: judges saw what a search had chosen."""
        everywhere = self.criterion.kind in (CriterionKind.FORBIDS, CriterionKind.EVERYWHERE)
        judged = self.outcome is Outcome.PASS and self.by is Decider.JUDGES
        return judged and everywhere and self.coverage.sampled

    @property
    def objection(self) -> Opinion | None:
        """The security judge's FAIL with evidence that concerns the criterion, where both others say PASS."""
        if self.outcome is not Outcome.PASS:
            return None
        return next(
            (o for o in self.opinions if o.role is JudgeRole.SECURITY and o.vote is Vote.FAIL and o.places),
            None,
        )

    @property
    def places(self) -> tuple[Evidence, ...]:
        """Where the criterion fails: each verified place that concerns it once, whoever cites it."""
        failing = [opinion for opinion in self.opinions if opinion.vote is Vote.FAIL]
        cited = [item for opinion in failing for item in opinion.places]
        if self.outcome is Outcome.FAIL:
            cited = [*self.evidence, *cited]
        return tuple({(item.path, item.start_line, item.rule): item for item in reversed(cited)}.values())[::-1]
