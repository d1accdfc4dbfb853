"""Figures of a suite from what was said of each of its criteria."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invariant.bench.decisions.cases import Answer
from invariant.eval import answers, statistics
from invariant.eval.answers import PRODUCT, CaseAnswers, Question, Said
from invariant.eval.statistics import Bin, Paired, Share

_ENOUGH = 50
BROKEN, KEPT = Answer.BROKEN.value, Answer.KEPT.value


@dataclass(frozen=True)
class Figures:
    """How one judge, or the product, did."""

    who: str
    models: tuple[str, ...]
    questions: int
    right: Share
    """Of what it decided, how much is right. What nobody could say is never right."""
    fail_precision: Share
    fail_recall: Share
    """Of what is broken, how much it fails."""
    pass_precision: Share
    pass_recall: Share
    """Of what is kept, how much it passes."""
    abstained: Share
    void: Share
    """Of its votes, how many did not count."""
    place_precision: Share
    """Of the places that it cites for a FAIL, how many are labelled ones; what is broken and has no labelled place is
    left out."""
    place_recall: Share
    """Of the labelled places, how many it cites."""
    curve: tuple[Bin, ...]
    calibration_error: float | None
    brier: float | None


@dataclass(frozen=True)
class Scores:
    """A suite's figures. `alpha` is of the judges' votes."""

    name: str
    figures: tuple[Figures, ...]
    """The product's first."""
    alpha: float | None
    best: str | None
    """The judge that is right most often."""
    beside_best: Paired | None
    """That judge alone, and the product."""
    cases: int
    errors: int
    unread: int
    seconds: float
    cost: float
    calls: int
    reused: int
    shown: float
    """Mean share of the lines in scope that judges were shown."""
    read: float
    """Mean share of them that was read."""


def score(name: str, given: Sequence[CaseAnswers]) -> Scores:
    """Count all of it."""
    questions = [question for case in given for question in case.questions]
    by_who: dict[str, list[tuple[Question, Said]]] = defaultdict(list)
    for question in questions:
        for said in question.said:
            by_who[said.who].append((question, said))
    figures = [_figures(who, of) for who, of in by_who.items()]
    judges = [figure for figure in figures if figure.who != PRODUCT]
    best = max(judges, key=lambda figure: (figure.right.part, figure.who), default=None)
    votes = [[s.vote for s in q.said if s.who != PRODUCT and s.vote in answers.DECIDED] for q in questions]
    return Scores(
        name=name,
        figures=tuple(figures),
        alpha=statistics.alpha(votes),
        best=None if best is None else best.who,
        beside_best=None if best is None else _beside(questions, best.who),
        cases=len(given),
        errors=sum(case.verdict == "ERROR" for case in given),
        unread=sum(case.unread for case in given),
        seconds=sum(case.seconds for case in given),
        cost=sum(case.cost for case in given),
        calls=sum(case.calls for case in given),
        reused=sum(case.reused for case in given),
        shown=_mean(question.shown for question in questions),
        read=_mean(question.read for question in questions),
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def _beside(questions: Sequence[Question], who: str) -> Paired:
    first, second = [], []
    for question in questions:
        said = next((said for said in question.said if said.who == who), None)
        first.append(said is not None and answers.right(said, question.truth) is True)
        second.append(answers.right(question.product, question.truth) is True)
    return statistics.paired(first, second)


def _figures(who: str, given: Sequence[tuple[Question, Said]]) -> Figures:
    decided = [(q, s) for q, s in given if s.vote in answers.DECIDED]
    right = [(q, s) for q, s in decided if answers.right(s, q.truth)]
    failing, passing = ([(q, s) for q, s in decided if s.vote == vote] for vote in ("FAIL", "PASS"))
    sure = [(s.confidence, (q, s) in right) for q, s in decided if s.confidence is not None]
    cited = [(place, q) for q, s in failing if q.places or q.truth != BROKEN for place in s.places]
    labelled = [(place, s) for q, s in given if q.truth == BROKEN for place in q.places]
    curve = statistics.reliability(sure)
    return Figures(
        who=who,
        models=tuple(sorted({s.model for _, s in given if s.model})),
        questions=len(given),
        right=Share(len(right), len(decided)),
        fail_precision=Share(sum(q.truth == BROKEN for q, _ in failing), len(failing)),
        fail_recall=Share(sum(q.truth == BROKEN for q, _ in failing), sum(q.truth == BROKEN for q, _ in given)),
        pass_precision=Share(sum(q.truth == KEPT for q, _ in passing), len(passing)),
        pass_recall=Share(sum(q.truth == KEPT for q, _ in passing), sum(q.truth == KEPT for q, _ in given)),
        abstained=Share(len(given) - len(decided), len(given)),
        void=Share(sum(not s.counts for _, s in decided), len(decided)),
        place_precision=Share(sum(any(answers.near(p, known) for known in q.places) for p, q in cited), len(cited)),
        place_recall=Share(
            sum(s.vote == "FAIL" and any(answers.near(p, place) for p in s.places) for place, s in labelled),
            len(labelled),
        ),
        curve=tuple(curve),
        calibration_error=statistics.calibration_error(curve),
        brier=statistics.brier(sure),
    )


@dataclass(frozen=True)
class Compared:
    """Two configurations on what both were asked. `only` counts criteria that one of them alone was asked."""

    first: str
    second: str
    paired: Paired
    only: int

    @property
    def sentence(self) -> str:
        """For a person."""
        low, high = self.paired.interval
        numbers = (
            f"{self.paired.count} criteria: {self.second} is right {self.paired.difference:+.1%} more often than "
            f"{self.first} (95 %: {low:+.1%} to {high:+.1%}; p = {self.paired.p:.3f})."
        )
        if not self.paired.shown:
            return f"A difference is not shown. {numbers}"
        better = self.second if self.paired.difference > 0 else self.first
        return f"{better} is better. {numbers}"


def compare(first: str, ones: Sequence[CaseAnswers], second: str, others: Sequence[CaseAnswers]) -> Compared:
    """Compare what the product decided, criterion by criterion; undecided counts as not right, and so does all of a
    case that ended with ERROR for one of them alone."""
    sides: list[dict[tuple[str, str], bool]] = [
        {
            (question.case, question.key): answers.right(question.product, question.truth) is True
            for case in given
            for question in case.questions
        }
        for given in (ones, others)
    ]
    for side, other, given in ((sides[0], sides[1], ones), (sides[1], sides[0], others)):
        ended = {case.case for case in given if case.verdict == "ERROR"}
        side.update({key: False for key in other if key[0] in ended})
    shared = sorted(sides[0].keys() & sides[1].keys())
    result = statistics.paired([sides[0][key] for key in shared], [sides[1][key] for key in shared])
    return Compared(first, second, result, len(sides[0].keys() ^ sides[1].keys()))


def calibration(given: Sequence[CaseAnswers]) -> dict[str, list[tuple[float, float]]]:
    """Each judge's curve, as CVA_CALIBRATION takes it; of judges with too few decisions none."""
    sure: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for question in (question for case in given for question in case.questions):
        for said in question.said:
            right = answers.right(said, question.truth)
            if said.who != PRODUCT and said.confidence is not None and right is not None:
                sure[said.who].append((said.confidence, right))
    return {who: statistics.isotonic(of) for who, of in sorted(sure.items()) if len(of) >= _ENOUGH}


def document(scores: Scores) -> dict[str, Any]:
    """JSON-ready, with shares and intervals written out."""
    return {
        **{name: getattr(scores, name) for name in _PLAIN},
        "figures": [_figure(figure) for figure in scores.figures],
        "beside_best": None if scores.beside_best is None else _pair(scores.beside_best),
    }


_PLAIN = ("name", "alpha", "best", "cases", "errors", "unread", "seconds", "cost", "calls", "reused", "shown", "read")
SHARES = (
    "right", "fail_precision", "fail_recall", "pass_precision", "pass_recall", "abstained", "void", "place_precision",
    "place_recall",
)  # fmt: skip


def _figure(figure: Figures) -> dict[str, Any]:
    shares: Mapping[str, Share] = {name: getattr(figure, name) for name in SHARES}
    return {
        "who": figure.who,
        "models": list(figure.models),
        "questions": figure.questions,
        **{
            name: {"part": share.part, "whole": share.whole, "share": share.value, "interval": share.interval}
            for name, share in shares.items()
        },
        "curve": [{"count": b.count, "confidence": b.confidence, "right": b.right} for b in figure.curve],
        "calibration_error": figure.calibration_error,
        "brier": figure.brier,
    }


def _pair(paired: Paired) -> dict[str, Any]:
    return {
        "both": paired.both,
        "only_first": paired.only_first,
        "only_second": paired.only_second,
        "neither": paired.neither,
        "difference": paired.difference,
        "interval": paired.interval,
        "p": paired.p,
        "shown": paired.shown,
    }
