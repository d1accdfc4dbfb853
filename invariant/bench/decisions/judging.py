"""Judge what the product decided of a case by the labels: values in, values out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from invariant.bench.decisions import matching
from invariant.bench.decisions.cases import Answer, Case, Label
from invariant.bench.decisions.matching import Match
from worker.core.vocabulary import CriterionKind, Outcome
from worker.verification import pipeline
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.reading import Fate, Reading
from worker.verification.opinion import Evidence
from worker.verification.result import CriterionResult

_NEAR = 3
"""Lines that a published place may be away from a labelled one."""
NO_TOPIC = "(no label)"


class Judgement(StrEnum):
    """`process`: the product says that the criterion is about people, and decides nothing."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    PROCESS = "process"


@dataclass(frozen=True)
class Decision:
    """One criterion that the product read, what it says of it, and what the labels say.

    `outcome` None: it speaks of people, and is not decided.
    """

    line: int
    statement: str
    outcome: Outcome | None
    reason: str
    places: tuple[str, ...]
    labels: tuple[Label, ...]
    judgement: Judgement
    objection: str = ""
    """Why it is wrong."""

    @property
    def topic(self) -> str:
        return self.labels[0].topic if self.labels else NO_TOPIC

    @property
    def false_pass(self) -> bool:
        return self.outcome is Outcome.PASS and self.judgement is Judgement.WRONG

    @property
    def hidden(self) -> bool:
        """The product says that it is about people, and a label that the code would show it."""
        return self.judgement is Judgement.PROCESS and any(label.answer is not Answer.PROCESS for label in self.labels)


class Account(StrEnum):
    """What became of a labelled requirement in the reading. `flagged`: not read, and no run of it can pass."""

    READ = "read"
    NOT_READ = "not read"
    FLAGGED = "not read, prevents PASS"
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Accounted:
    """What became of one label; `why` where it was not read."""

    label: Label
    account: Account
    why: str = ""


@dataclass(frozen=True)
class CaseResult:
    """One case: a decision per criterion, an account per label, and lines in no account of the reading."""

    name: str
    languages: tuple[str, ...]
    decisions: tuple[Decision, ...]
    accounts: tuple[Accounted, ...]
    unaccounted: tuple[int, ...]

    @property
    def reasons(self) -> Counter[str]:
        """How many labels were not read, by the product's reason."""
        return Counter(entry.why for entry in self.accounts if entry.why)


def judge(case: Case, judged: pipeline.Judged) -> CaseResult:
    """Judge a verified case."""
    match = matching.match(case.constitution, case.labels, judged.reading)
    results = {result.criterion.key: result for result in judged.results}
    decisions = tuple(
        _decision(criterion, results.get(criterion.key), [case.labels[i] for i in match.labels[criterion.key]])
        for criterion in judged.reading.criteria
    )
    return CaseResult(case.name, case.languages, decisions, _accounts(case, judged.reading, match), match.unaccounted)


def rejected(case: Case, why: str) -> CaseResult:
    """The case when the product refuses its constitution: nothing is decided, and the run is an ERROR."""
    return CaseResult(
        case.name, case.languages, (), tuple(Accounted(label, Account.FLAGGED, why) for label in case.labels), ()
    )


def _decision(criterion: Criterion, result: CriterionResult | None, labels: Sequence[Label]) -> Decision:
    places: tuple[Evidence, ...] = result.places if result is not None else ()
    judgement, objection = _judgement(criterion, result, labels)
    return Decision(
        criterion.line,
        criterion.statement,
        result.outcome if result is not None else None,
        result.reason if result is not None else "",
        tuple(f"{place.path}:{place.start_line}" for place in places),
        tuple(labels),
        judgement,
        objection,
    )


def _judgement(criterion: Criterion, result: CriterionResult | None, labels: Sequence[Label]) -> tuple[Judgement, str]:
    if result is None or criterion.kind is CriterionKind.PROCESS:
        return Judgement.PROCESS, ""
    if result.outcome is Outcome.UNDECIDED:
        return Judgement.UNDECIDED, ""
    objection = _against_pass(labels) if result.outcome is Outcome.PASS else _against_fail(result, labels)
    return (Judgement.WRONG, objection) if objection else (Judgement.RIGHT, "")


def _against_pass(labels: Sequence[Label]) -> str:
    """Why a PASS is wrong, empty when it is right: every label in it must be kept."""
    if not labels:
        return "no label: nothing is required there"
    return "; ".join(f"{label.answer}: {label.why}" for label in labels if label.answer is not Answer.KEPT)


def _against_fail(result: CriterionResult, labels: Sequence[Label]) -> str:
    """Why a FAIL is wrong, empty when it is right: a label in it must be broken, at a place that was published."""
    broken = [label for label in labels if label.answer is Answer.BROKEN]
    if not broken:
        return "; ".join(f"{label.answer}: {label.why}" for label in labels) or "no label: nothing is required there"
    if any(_near(place, published) for label in broken for place in label.places for published in result.places):
        return ""
    return "; ".join(f"broken, but at {', '.join(label.places) or 'no one place'}: {label.why}" for label in broken)


def _near(place: str, published: Evidence) -> bool:
    path, _, number = place.rpartition(":")
    return path == published.path and published.start_line - _NEAR <= int(number) <= published.end_line + _NEAR


def _accounts(case: Case, reading: Reading, match: Match) -> tuple[Accounted, ...]:
    accounts = []
    for label, passages in zip(case.labels, match.passages, strict=True):
        lines = [reading.lines[index] for index in passages]
        if not lines:
            accounts.append(Accounted(label, Account.NOWHERE))
        elif any(line.keys for line in lines if line.fate is not Fate.NOT_READ):
            accounts.append(Accounted(label, Account.READ))
        else:
            account = Account.FLAGGED if any(line.requires for line in lines) else Account.NOT_READ
            accounts.append(
                Accounted(label, account, next((line.why for line in lines if line.why), "no reason given"))
            )
    return tuple(accounts)
