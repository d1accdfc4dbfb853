"""Consensus and verdict: pure functions, held to their sentences by properties."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.analyzers.finding import Finding
from worker.core.vocabulary import Category, JudgeRole, Outcome, Severity, Verdict, Vote
from worker.verification import consensus
from worker.verification.constitution.criteria import Criterion
from worker.verification.evidence import place_fingerprint
from worker.verification.opinion import Evidence, Opinion
from worker.verification.result import Coverage, CriterionResult
from worker.verification.search import Hit
from worker.verification.verdict import conclude
from worker.verification.votes import Ground

ROLES = list(JudgeRole)
SHOWN_WHOLE = Ground(Coverage(files=1, lines=5, shown_files=1, shown_lines=5), None)


def criterion(
    key: str = "k", severity: Severity = Severity.HIGH, category: Category = Category.FUNCTIONALITY
) -> Criterion:
    return Criterion(key, category, severity, f"statement on {key} and xyz", None, 1)


def decide(of: Criterion, opinions: list[Opinion], **more: int) -> CriterionResult:
    return consensus.decide(of, opinions, SHOWN_WHOLE, **{"pass_score": 7, **more}, aside={})


def opinion(
    vote: Vote, role: JudgeRole = JudgeRole.ARCHITECT, *, verified: bool = True, confidence: float = 0.9, key: str = "k"
) -> Opinion:
    if vote is Vote.ABSTAIN:
        return Opinion(key, role, vote, "cannot tell", "m")
    place = Evidence("a.py", 1, 1, "xyz = 1", verified=verified)
    score = 9 if vote is Vote.PASS else 2
    return Opinion(key, role, vote, "because", "m", score=score, confidence=confidence, evidence=(place,))


votes = st.sampled_from(list(Vote))


@given(st.lists(votes, min_size=0, max_size=7))
def test_quorum_and_two_thirds(cast: list[Vote]) -> None:
    heard = [opinion(vote, ROLES[number % 3]) for number, vote in enumerate(cast)]
    outcome = decide(criterion(), heard).outcome
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
    first, second = (decide(criterion(), chosen) for chosen in (heard, [heard[i] for i in order]))
    assert (first.outcome, first.score) == (second.outcome, second.score)


def test_a_fail_without_evidence_that_resolves_decides_nothing() -> None:
    outcome = decide(criterion(), [opinion(Vote.FAIL, role, verified=False) for role in ROLES])
    assert outcome.outcome is Outcome.UNDECIDED
    assert all(o.void and o.vote is Vote.ABSTAIN for o in outcome.opinions)
    assert "A FAIL needs a place" in outcome.reason
    assert conclude([outcome], veto_confidence=0.8).verdict is Verdict.PARTIAL


@pytest.mark.parametrize(("vote", "score"), [(Vote.PASS, 6), (Vote.PASS, 1), (Vote.FAIL, 7), (Vote.FAIL, 10)])
def test_a_vote_that_its_score_contradicts_is_void_and_turned_into_nothing(vote: Vote, score: int) -> None:
    place = Evidence("a.py", 1, 1, "xyz", verified=True)
    heard = [Opinion("k", r, vote, "so", "m", score=score, confidence=0.9, evidence=(place,)) for r in ROLES]
    outcome = decide(criterion(), heard)
    assert outcome.outcome is Outcome.UNDECIDED
    assert all("contradicts" in (o.void or "") for o in outcome.opinions)


def test_the_bar_is_a_setting() -> None:
    place = Evidence("a.py", 1, 1, "xyz", verified=True)
    heard = [Opinion("k", r, Vote.PASS, "so", "m", score=6, confidence=0.9, evidence=(place,)) for r in ROLES]
    assert decide(criterion(), heard, pass_score=6).outcome is Outcome.PASS


def test_a_security_criterion_needs_the_security_judges_own_vote() -> None:
    of = criterion(category=Category.SECURITY)
    without = [opinion(Vote.PASS, role) for role in ROLES if role is not JudgeRole.SECURITY]
    assert decide(of, without).outcome is Outcome.UNDECIDED
    assert decide(of, [*without, opinion(Vote.ABSTAIN, JudgeRole.SECURITY)]).outcome is Outcome.UNDECIDED
    assert decide(of, [*without, opinion(Vote.PASS, JudgeRole.SECURITY)]).outcome is Outcome.PASS


def test_a_judge_set_aside_is_not_heard_and_says_why() -> None:
    heard = [opinion(Vote.PASS, role) for role in ROLES]
    aside = {JudgeRole.ARCHITECT: "it invents.", JudgeRole.SECURITY: "it invents."}
    outcome = consensus.decide(criterion(), heard, SHOWN_WHOLE, pass_score=7, aside=aside)
    assert outcome.outcome is Outcome.UNDECIDED
    assert [o.void for o in outcome.opinions] == ["it invents.", "it invents.", None]


def test_opinions_on_unknown_criteria_are_not_heard() -> None:
    opinions = [opinion(Vote.PASS, role, key="b") for role in ROLES]
    (only,) = consensus.decide_all([criterion("a")], opinions, {"a": SHOWN_WHOLE}, pass_score=7, aside={})
    assert only.outcome is Outcome.UNDECIDED


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
    hits = (Hit("a.py", 1),)
    found = Ground(replace(SHOWN_WHOLE.coverage, patterns=("xyz",), hits=1, hits_shown=1), hits)
    outcome = consensus.decide(criterion(severity=Severity.LOW), heard, found, pass_score=7, aside={})
    assert conclude([outcome], veto_confidence=0.8).verdict is expected


def test_a_veto_by_words_alone_needs_another_judge_and_what_people_accepted_stops_nothing() -> None:
    alone = [opinion(Vote.FAIL, JudgeRole.SECURITY, confidence=1.0), opinion(Vote.PASS)]
    assert conclude([decide(criterion(), alone)], veto_confidence=0.8).verdict is Verdict.PARTIAL
    both = decide(criterion(), [alone[0], opinion(Vote.FAIL)])
    assert conclude([both], veto_confidence=0.8).verdict is Verdict.VETO
    accepted = frozenset(place_fingerprint("k", item) for item in both.places)
    assert conclude([both], veto_confidence=0.8, accepted=accepted).verdict is Verdict.FAIL
    assert consensus.accept(both, accepted).outcome is Outcome.PASS


def test_what_is_accepted_passes_only_where_everything_was_seen() -> None:
    failing = [opinion(Vote.FAIL, role) for role in ROLES]
    part = Ground(replace(SHOWN_WHOLE.coverage, lines=50), None)
    result = consensus.decide(criterion(), failing, part, pass_score=7, aside={})
    accepted = frozenset(place_fingerprint("k", item) for item in result.places)
    assert consensus.accept(result, accepted).outcome is Outcome.UNDECIDED
    assert "10% of its scope" in consensus.accept(result, accepted).reason
    ten = tuple(Evidence("a.py", n, n, "xyz = 1", verified=True) for n in range(1, 11))
    many = decide(criterion(), [replace(o, evidence=ten) for o in failing])
    assert "no more than 10" in consensus.accept(many, accepted).reason


def test_a_critical_finding_fails_the_run_and_the_verdict_names_rule_and_place() -> None:
    passed = [result(Outcome.PASS, Severity.HIGH)]
    finding = Finding("scan", "X1", Category.SECURITY, Severity.CRITICAL, 1.0, "bad", "src/a.py", 7, 7)
    verdict = conclude(passed, veto_confidence=0.8, critical=[finding])
    assert verdict.verdict is Verdict.FAIL
    assert verdict.reason == "scan:X1 finds something critical at src/a.py:7."


def test_a_requirement_that_was_not_read_prevents_a_pass() -> None:
    verdict = conclude([result(Outcome.PASS, Severity.HIGH)], veto_confidence=0.8, unread=1)
    assert verdict.verdict is Verdict.PARTIAL
    assert verdict.reason == "1 line with a requirement could not be read."


def test_criteria_about_the_process_count_neither_way_and_are_told() -> None:
    verdict = conclude([result(Outcome.PASS, Severity.HIGH)], veto_confidence=0.8, process=2)
    assert verdict.verdict is Verdict.PASS
    assert verdict.reason == (
        "The one criterion passed. 2 criteria speak of how people work and cannot be checked in a repository."
    )


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
