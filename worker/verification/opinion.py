"""What a judge says of a criterion, and what it rests on."""

from dataclasses import dataclass

from worker.core.vocabulary import JudgeRole, Vote

MAX_EVIDENCE = 10
"""So many citations of an opinion are looked at."""


@dataclass(frozen=True)
class Evidence:
    """A place in the snapshot. Lines count from 1, both inclusive; `rule` names the analyzer's rule, if any.

    `verified` is set by evidence.verify alone, never by the one who cites. `trivial`: the quote says so little
    that it would be found anywhere.
    """

    path: str
    start_line: int
    end_line: int
    quote: str
    rule: str | None = None
    fingerprint: str | None = None
    verified: bool = False
    trivial: bool = False


@dataclass(frozen=True)
class Opinion:
    """One judge's answer on one criterion in one round."""

    key: str
    role: JudgeRole
    vote: Vote
    rationale: str
    model: str
    score: int | None = None
    """1 to 10, None with ABSTAIN."""
    confidence: float | None = None
    """0 to 1, None with ABSTAIN."""
    evidence: tuple[Evidence, ...] = ()
    absent: tuple[str, ...] = ()
    """Words, names or paths that the judge says are nowhere."""
    absence: str | None = None
    """What code searched for and did not find, where the vote rests on that."""
    places: tuple[Evidence, ...] = ()
    """Of the evidence what concerns the criterion: what the vote rests on."""
    at_hit: bool = False
    """Whether it cites a place where the search for the criterion hits."""
    asked: tuple[str, ...] = ()
    """What the judge asked to see, and was shown, before it decided."""
    said: Vote | None = None
    """What it voted, where that does not count."""
    said_confidence: float | None = None
    """How sure it was of that, 0 to 1."""
    unresolved: int = 0
    """Citations that were dropped since they are not in what the judge was shown."""
    void: str | None = None
    """Why the vote that was given does not count; it is an ABSTAIN then."""
    round: int = 1
    failure: str | None = None
    """The code of the error that kept the judge from answering at all."""

    @property
    def invented(self) -> bool:
        """Whether it cites, and nothing that it cites is there."""
        return self.unresolved > 0 and not any(item.verified for item in self.evidence)
