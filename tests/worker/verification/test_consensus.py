"""Consensus and verdict: pure functions, held to section 7's sentences by properties."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.vocabulary import Category, JudgeRole, Outcome, Severity, Verdict, Vote
from worker.verification.consensus import CriterionResult, decide, decide_all
from worker.verification.constitution.criteria import Criterion
from worker.verification.opinion import Evidence, Opinion
from worker.verification.verdict import conclude

ROLES = list(JudgeRole)


def criterion(key: str = "k", severity: Severity = Severity.HIGH) -> Criterion:
    return Criterion(key, Category.SECURITY, severity, f"statement {key}", None, 1)


def opinion(
    vote: Vote, role: JudgeRole = JudgeRole.ARCHITECT, *, verified: bool = True, confidence: float = 0.9, key: str = "k"
) -> Opinion:
    if vote is Vote.ABSTAIN:
        return Opinion(key, role, vote, "cannot tell", "m")
    place = Evidence("a.py", 1, 1, "x", verified=verified)
    score = 9 if vote is Vote.PASS else 2
    return Opinion(key, role, vote, "because", "m", score=score, confidence=confidence, evidence=(place,))


votes = st.sampled_from(list(Vote))


@given(st.lists(votes, min_size=0, max_size=7))
def test_quorum_and_two_thirds(cast: list[Vote]) -> None:
    heard = [opinion(vote, ROLES[number % 3]) for number, vote in enumerate(cast)]
    outcome = decide(criterion(), heard, pass_score=7).outcome
    deciding = [vote for vote in cast if vote is not Vote.ABSTAIN]
    passes, fails = deciding.count(Vote.PASS), deciding.count(Vote.FAIL)
    if len(deciding) < 2:
        assert outcome is Outcome.UNDECIDED
    elif 3 * fails >= 2 * len(deciding):
        assert outcome is Outcome.FAIL
    elif 3 * passes >= 2 * len(deciding):
        assert outcome is Outcome.PASS
    else:
        assert outcome is Outcome.UNDECIDED


@given(st.lists(votes, min_size=3, max_size=3), st.permutations(range(3)))
def test_the_order_of_the_judges_does_not_matter(cast: list[Vote], order: list[int]) -> None:
    heard = [opinion(vote, role) for vote, role in zip(cast, ROLES, strict=True)]
    first, second = (decide(criterion(), chosen, pass_score=7) for chosen in (heard, [heard[i] for i in order]))
    assert (first.outcome, first.score) == (second.outcome, second.score)


def test_a_fail_without_evidence_that_resolves_decides_nothing() -> None:
    heard = [opinion(Vote.FAIL, role, verified=False) for role in ROLES]
    found = decide(criterion(), heard, pass_score=7)
    assert found.outcome is Outcome.UNDECIDED
    assert all("Not counted" in o.rationale for o in found.opinions)
    assert conclude([found], veto_confidence=0.8).verdict is Verdict.PARTIAL


def test_a_score_below_the_bar_is_a_fail_whatever_the_vote_says() -> None:
    heard = [
        Opinion(
            "k",
            role,
            Vote.PASS,
            "fine",
            "m",
            score=6,
            confidence=0.9,
            evidence=(Evidence("a", 1, 1, "x", verified=True),),
        )
        for role in ROLES
    ]
    assert decide(criterion(), heard, pass_score=7).outcome is Outcome.FAIL
    assert decide(criterion(), heard, pass_score=6).outcome is Outcome.PASS


def test_opinions_on_unknown_criteria_are_not_heard() -> None:
    found = decide_all([criterion("a")], [opinion(Vote.PASS, r, key="b") for r in ROLES], pass_score=7)
    assert [r.outcome for r in found] == [Outcome.UNDECIDED]


def result(outcome: Outcome, severity: Severity, key: str = "k") -> CriterionResult:
    score = {Outcome.PASS: 9.0, Outcome.FAIL: 2.0, Outcome.UNDECIDED: None}[outcome]
    return CriterionResult(criterion(key, severity), outcome, score, "", ())


@pytest.mark.parametrize(("outcome", "severity"), list(product(Outcome, Severity)))
def test_one_criterion_beside_one_that_passes(outcome: Outcome, severity: Severity) -> None:
    verdict = conclude([result(Outcome.PASS, Severity.HIGH), result(outcome, severity)], veto_confidence=0.8).verdict
    grave = severity in (Severity.CRITICAL, Severity.HIGH)
    expected = {
        Outcome.PASS: Verdict.PASS,
        Outcome.FAIL: Verdict.FAIL if grave else Verdict.PARTIAL,
        Outcome.UNDECIDED: Verdict.PARTIAL,
    }[outcome]
    assert verdict is expected


def test_no_criteria_is_never_a_pass() -> None:
    assert conclude([], veto_confidence=0.8).verdict is Verdict.PARTIAL


@pytest.mark.parametrize(
    ("role", "confidence", "verified", "expected"),
    [
        (JudgeRole.SECURITY, 0.8, True, Verdict.VETO),
        (JudgeRole.SECURITY, 0.79, True, Verdict.PARTIAL),
        (JudgeRole.SECURITY, 1.0, False, Verdict.PARTIAL),
        (JudgeRole.ARCHITECT, 1.0, True, Verdict.PARTIAL),
    ],
)
def test_the_veto(role: JudgeRole, confidence: float, verified: bool, expected: Verdict) -> None:
    heard = [opinion(Vote.FAIL, role, verified=verified, confidence=confidence)]
    heard += [opinion(Vote.PASS, other) for other in ROLES if other is not role][:1]
    found = decide(criterion(severity=Severity.LOW), heard, pass_score=7)
    assert conclude([found], veto_confidence=0.8).verdict is expected


def test_critical_findings_fail_the_run() -> None:
    passed = [result(Outcome.PASS, Severity.HIGH)]
    assert conclude(passed, veto_confidence=0.8, critical_findings=1).verdict is Verdict.FAIL


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.sampled_from(list(Severity))), max_size=8))
def test_the_score_is_the_weighted_mean_of_what_was_decided(cast: list[tuple[Outcome, Severity]]) -> None:
    results = [result(outcome, severity, str(n)) for n, (outcome, severity) in enumerate(cast)]
    found = conclude(results, veto_confidence=0.8).score
    decided = [(s.weight, 9 if o is Outcome.PASS else 2) for o, s in cast if o is not Outcome.UNDECIDED]
    if not decided:
        assert found is None
    else:
        expected = sum(w * score for w, score in decided) / sum(w for w, _ in decided)
        assert found == pytest.approx(expected, abs=0.01)
