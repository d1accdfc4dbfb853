"""Cases put together: counts per topic, per case and of all, what is not met, and the whole as a document."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from invariant.bench.decisions.cases import Answer
from invariant.bench.decisions.judging import Account, Accounted, CaseResult, Decision, Judgement

RIGHT_SHARE = 0.98
CRITERIA = 300
CONSTITUTIONS = 20
LANGUAGES = 6


@dataclass(frozen=True)
class Counts:
    """Of the criteria that the product read. `process`: those that it says are about people."""

    criteria: int = 0
    right: int = 0
    wrong: int = 0
    false_pass: int = 0
    undecided: int = 0
    process: int = 0

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> "Counts":
        """Count them."""
        given = list(decisions)
        judged = Counter(decision.judgement for decision in given)
        return cls(
            len(given),
            judged[Judgement.RIGHT],
            judged[Judgement.WRONG],
            sum(decision.false_pass for decision in given),
            judged[Judgement.UNDECIDED],
            judged[Judgement.PROCESS],
        )

    @property
    def decided(self) -> int:
        return self.right + self.wrong

    @property
    def share(self) -> float:
        """Right ones of those decided, 0 to 1; 1 where nothing was decided."""
        return self.right / self.decided if self.decided else 1.0


@dataclass(frozen=True)
class Summary:
    """What came of a set."""

    cases: tuple[CaseResult, ...]

    @property
    def decisions(self) -> list[Decision]:
        return [decision for case in self.cases for decision in case.decisions]

    @property
    def accounts(self) -> list[Accounted]:
        return [entry for case in self.cases for entry in case.accounts]

    @property
    def total(self) -> Counts:
        return Counts.of(self.decisions)

    @property
    def languages(self) -> list[str]:
        return sorted({language for case in self.cases for language in case.languages})

    def topics(self) -> dict[str, Counts]:
        """Counts per topic, by name."""
        topics: dict[str, list[Decision]] = {}
        for decision in self.decisions:
            topics.setdefault(decision.topic, []).append(decision)
        return {topic: Counts.of(topics[topic]) for topic in sorted(topics)}

    def accounted(self) -> dict[Account, Counter[Answer]]:
        """How many labelled requirements were read, not read, and are nowhere, by their answers."""
        counted: dict[Account, Counter[Answer]] = {account: Counter() for account in Account}
        for entry in self.accounts:
            counted[entry.account][entry.label.answer] += 1
        return counted

    def reasons(self) -> list[tuple[str, int]]:
        """Why labelled requirements were not read, the most frequent reason first."""
        return sum((case.reasons for case in self.cases), Counter[str]()).most_common()

    @property
    def failures(self) -> list[str]:
        """Which thresholds are not met, a sentence each."""
        total = self.total
        lost = self.accounted()[Account.NOWHERE].total()
        blank = sum(len(case.unaccounted) for case in self.cases)
        checks = (
            (total.false_pass == 0, f"{total.false_pass} PASS that the labels do not bear out"),
            (total.share >= RIGHT_SHARE, f"{total.share:.1%} of the decisions are right, not {RIGHT_SHARE:.0%}"),
            (lost == 0, f"{lost} labelled requirements are nowhere in the readings"),
            (blank == 0, f"{blank} lines of the constitutions are in no account of the readings"),
            (len(self.accounts) >= CRITERIA, f"{len(self.accounts)} labelled requirements, not {CRITERIA}"),
            (len(self.cases) >= CONSTITUTIONS, f"{len(self.cases)} constitutions, not {CONSTITUTIONS}"),
            (len(self.languages) >= LANGUAGES, f"{len(self.languages)} languages, not {LANGUAGES}"),
        )
        return [sentence for met, sentence in checks if not met]

    def document(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        return {
            "total": {**asdict(self.total), "decided": self.total.decided, "share_right": self.total.share},
            "failures": self.failures,
            "labels": len(self.accounts),
            "constitutions": len(self.cases),
            "languages": self.languages,
            "accounts": {account.value: counted for account, counted in self.accounted().items()},
            "reasons": dict(self.reasons()),
            "topics": {topic: asdict(counts) for topic, counts in self.topics().items()},
            "cases": [
                {
                    "name": case.name,
                    "counts": asdict(Counts.of(case.decisions)),
                    "unaccounted": case.unaccounted,
                    "decisions": [_decision(decision) for decision in case.decisions],
                    "labels": [
                        {
                            **entry.label.model_dump(mode="json"),
                            "account": entry.account.value,
                            "why_not_read": entry.why,
                        }
                        for entry in case.accounts
                    ],
                }
                for case in self.cases
            ],
        }


def _label(entry: Accounted) -> dict[str, Any]:
    return {**entry.label.model_dump(mode="json"), "account": entry.account.value, "why_not_read": entry.why}


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "line": decision.line,
        "statement": decision.statement,
        "outcome": decision.outcome.value if decision.outcome is not None else None,
        "reason": decision.reason,
        "places": decision.places,
        "labels": [label.line for label in decision.labels],
        "topic": decision.topic,
        "judgement": decision.judgement.value,
        "false_pass": decision.false_pass,
        "objection": decision.objection,
    }
