"""What the product and each of its judges said of a case, beside what is true: values from a verdict's document."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from invariant.bench.decisions import matching
from invariant.bench.decisions.cases import Answer, Case, Label
from worker.core.vocabulary import Category, CriterionKind, Severity
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.fates import Fate, Line, Reading

NEAR = 3
"""Lines that a cited place may be away from a labelled one."""
DECIDED = ("PASS", "FAIL")


@dataclass(frozen=True)
class Said:
    """What one judge, or the product, says of one criterion. `vote` is PASS, FAIL or ABSTAIN, counted or not."""

    who: str
    model: str
    vote: str
    confidence: float | None
    counts: bool
    """Whether the vote counted: an outcome always does."""
    places: tuple[str, ...] = ()
    """`path:line` of what it cites."""


@dataclass(frozen=True)
class Question:
    """One criterion as it was read, with the labels in it."""

    case: str
    key: str
    statement: str
    kind: str
    truth: str
    """`broken`, `kept`, or `open`: nobody could say."""
    places: tuple[str, ...]
    """`path:line` of each violation."""
    said: tuple[Said, ...]
    """The product's first."""
    reason: str
    shown: float
    """Share of the lines of its scope that judges were shown."""
    read: float
    """Share of them that was read at all."""

    @property
    def product(self) -> Said:
        return self.said[0]


@dataclass(frozen=True)
class CaseAnswers:
    """One verified case. Times in seconds, cost in US dollars."""

    case: str
    verdict: str
    questions: tuple[Question, ...]
    unread: int = 0
    """Labelled requirements that became no criterion."""
    seconds: float = 0.0
    cost: float = 0.0
    calls: int = 0
    reused: int = 0
    notes: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CaseAnswers":
        """What `document` gave."""
        questions = [
            Question(
                **{
                    **question,
                    "places": tuple(question["places"]),
                    "said": tuple(Said(**{**said, "places": tuple(said["places"])}) for said in question["said"]),
                }
            )
            for question in document["questions"]
        ]
        return cls(**{**document, "questions": tuple(questions), "notes": tuple(document["notes"])})


PRODUCT = "product"


def of(case: Case, verdict: Mapping[str, Any]) -> CaseAnswers:
    """The answers in a verdict's document."""
    if verdict["verdict"] == "ERROR" or "criteria" not in verdict:
        return CaseAnswers(case.name, "ERROR", (), unread=len(case.labels), notes=(str(verdict.get("reason")),))
    match = matching.match(case.constitution, case.labels, _reading(verdict))
    questions = []
    for result in verdict["criteria"]:
        labels = [case.labels[number] for number in match.labels.get(result["key"], ())]
        if labels:
            questions.append(_question(case, result, labels))
    run = verdict["run"]
    calls = run["calls"]
    return CaseAnswers(
        case.name,
        verdict["verdict"],
        tuple(questions),
        unread=sum(not passages for passages in match.passages),
        cost=calls["cost_usd"],
        calls=calls["made"],
        reused=calls["reused"],
        seconds=_seconds(run),
        notes=tuple(verdict["notes"]),
    )


def _seconds(run: Mapping[str, Any]) -> float:
    ends = [run.get(name) for name in ("started_at", "finished_at")]
    if None in ends:
        return 0.0
    started, finished = (datetime.fromisoformat(str(end)) for end in ends)
    return (finished - started).total_seconds()


def _reading(verdict: Mapping[str, Any]) -> Reading:
    criteria = [_criterion(entry) for entry in (*verdict["criteria"], *verdict["not_checkable"])]
    lines = [
        Line(
            line=line["line"],
            end_line=line["end_line"],
            text=line["text"],
            fate=Fate(line["became"]),
            keys=tuple(line["criteria"]),
            why=line["why"],
            requires=line["requires"],
        )
        for line in verdict["lines"]
    ]
    return Reading(criteria=tuple(criteria), lines=tuple(lines), method=verdict["constitution"]["extraction"])


def _criterion(entry: Mapping[str, Any]) -> Criterion:
    return Criterion(
        entry["key"],
        Category(entry["category"]),
        Severity(entry["severity"]),
        entry["statement"],
        entry["section"],
        entry["line"],
        CriterionKind(entry["kind"]),
    )


def truth(labels: Sequence[Label]) -> str:
    """Of a criterion with these labels: broken where one is, open where nobody could say of one, else kept."""
    answers = {label.answer for label in labels}
    if Answer.BROKEN in answers:
        return Answer.BROKEN.value
    return Answer.KEPT.value if answers == {Answer.KEPT} else Answer.OPEN.value


def _question(case: Case, result: Mapping[str, Any], labels: Sequence[Label]) -> Question:
    said = [Said(PRODUCT, "", _decided(result["outcome"]), None, True, _places(result["evidence"]))]
    for opinion in result["opinions"]:
        void = opinion.get("said") is not None
        vote = opinion["said"] if void else opinion["vote"]
        confidence = opinion["said_confidence"] if void else opinion["confidence"]
        said.append(
            Said(
                opinion["judge"],
                opinion["model"],
                vote,
                confidence,
                opinion["void"] is None and opinion["failure"] is None,
                _places(opinion["evidence"]),
            )
        )
    coverage = result["coverage"]
    lines = max(1, coverage["lines"])
    return Question(
        case=case.name,
        key=result["key"],
        statement=result["statement"],
        kind=result["kind"],
        truth=truth(labels),
        places=tuple(place for label in labels for place in label.places),
        said=tuple(said),
        reason=result["reason"],
        shown=coverage["share"],
        read=min(1.0, max(coverage["lines_read"], coverage["lines_shown"]) / lines),
    )


def _decided(outcome: str) -> str:
    return outcome if outcome in DECIDED else "ABSTAIN"


def _places(evidence: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(f"{item['path']}:{item['start_line']}" for item in evidence if item["verified"])


def right(said: Said, truth_: str) -> bool | None:
    """Whether a vote is right; None for an abstention."""
    if said.vote not in DECIDED:
        return None
    return truth_ == (Answer.BROKEN.value if said.vote == "FAIL" else Answer.KEPT.value)


def near(place: str, labelled: str) -> bool:
    """Whether two places are one: the same file, a few lines apart."""
    path, _, line = place.rpartition(":")
    other, _, number = labelled.rpartition(":")
    return path == other and abs(int(line) - int(number)) <= NEAR
