"""What a judge says of a criterion, and what it rests on."""

from dataclasses import dataclass

from worker.core.vocabulary import JudgeRole, Vote


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
    """One judge's answer on one criterion in one round.

    `score` 1 to 10 and `confidence` 0 to 1, both None with ABSTAIN. `absence` says what was searched when
    the answer rests on something not being there; `absence_confirmed` that the search covered all of it.
    `absent` are the words that a judge says are nowhere, yet to be searched for. `unresolved` counts citations
    that were dropped since they are not in the snapshot. `failure` is the code of the error that kept the
    judge from answering at all.
    """

    key: str
    role: JudgeRole
    vote: Vote
    rationale: str
    model: str
    score: int | None = None
    confidence: float | None = None
    evidence: tuple[Evidence, ...] = ()
    absence: str | None = None
    absence_confirmed: bool = False
    absent: tuple[str, ...] = ()
    unresolved: int = 0
    round: int = 1
    failure: str | None = None

    @property
    def supported(self) -> bool:
        """A FAIL counts only with verified evidence, or an absence that was confirmed."""
        return self.absence_confirmed or any(item.verified for item in self.evidence)
