"""Which votes count, for each kind of criterion: what a PASS and what a FAIL have to rest on."""

from dataclasses import replace

import pytest

from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Severity, Vote
from worker.verification import votes
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Scope
from worker.verification.opinion import Evidence, Opinion
from worker.verification.result import Coverage
from worker.verification.search import Hit
from worker.verification.votes import Ground

HIT = Hit("src/a.py", 10)
AT_HIT = Evidence("src/a.py", 10, 10, "run(command)", verified=True)
ELSEWHERE = Evidence("src/a.py", 40, 40, "return total", verified=True)


def criterion(kind: CriterionKind, scope: Scope | None = None, patterns: tuple[str, ...] = ("run",)) -> Criterion:
    return Criterion(
        "k", Category.FUNCTIONALITY, Severity.HIGH, "Code must not run commands", None, 1, kind, scope or Scope(),
        patterns=patterns,
    )  # fmt: skip


def opinion(vote: Vote, *evidence: Evidence, absent: tuple[str, ...] = (), unresolved: int = 0) -> Opinion:
    score = 9 if vote is Vote.PASS else 2
    return Opinion(
        "k", JudgeRole.ARCHITECT, vote, "so", "m", score, 0.9, tuple(evidence), absent=absent, unresolved=unresolved
    )  # fmt: skip


def ground(*, shown: int = 100, hits: tuple[Hit, ...] | None = (HIT,), hits_shown: int | None = None) -> Ground:
    coverage = Coverage(
        files=3, lines=100, shown_files=1, shown_lines=shown, patterns=("run",) if hits is not None else (),
        hits=len(hits or ()), hits_shown=len(hits or ()) if hits_shown is None else hits_shown,
    )  # fmt: skip
    return Ground(coverage, hits)


def counts(given: Opinion, of: Criterion, on: Ground) -> bool:
    return votes.counted(votes.consistent(given, pass_score=7), of, on).vote is given.vote


FORBIDS, EVERYWHERE, SOMEWHERE = CriterionKind.FORBIDS, CriterionKind.EVERYWHERE, CriterionKind.SOMEWHERE


@pytest.mark.parametrize(
    ("kind", "given", "on", "expected"),
    [
        # Forbidden and found nowhere by search: no citation is needed, whatever was shown.
        (FORBIDS, opinion(Vote.PASS), ground(shown=5, hits=()), True),
        # Found somewhere: who says that it is harmless has to have looked at it.
        (FORBIDS, opinion(Vote.PASS), ground(shown=5), False),
        (FORBIDS, opinion(Vote.PASS, AT_HIT), ground(shown=5), True),
        (FORBIDS, opinion(Vote.PASS, ELSEWHERE), ground(shown=5), False),
        # Not all that was found was shown.
        (FORBIDS, opinion(Vote.PASS, AT_HIT), ground(shown=5, hits_shown=0), False),
        # No search, and a part was shown.
        (FORBIDS, opinion(Vote.PASS, AT_HIT), ground(shown=99, hits=None), False),
        (FORBIDS, opinion(Vote.PASS, AT_HIT), ground(shown=100, hits=None), True),
        (FORBIDS, opinion(Vote.FAIL, AT_HIT), ground(shown=5), True),
        (FORBIDS, opinion(Vote.FAIL, ELSEWHERE), ground(shown=100), False),
        (FORBIDS, opinion(Vote.FAIL), ground(), False),
        # Required everywhere: a search that finds none of what it applies to proves nothing.
        (EVERYWHERE, opinion(Vote.PASS, AT_HIT), ground(shown=5, hits=()), False),
        (EVERYWHERE, opinion(Vote.PASS, AT_HIT), ground(shown=5), True),
        (EVERYWHERE, opinion(Vote.PASS), ground(shown=100), False),
        (EVERYWHERE, opinion(Vote.PASS, AT_HIT), ground(shown=99, hits=None), False),
        (EVERYWHERE, opinion(Vote.FAIL, AT_HIT), ground(shown=5), True),
        # Required somewhere: the place that shows it; a FAIL takes a confirmed absence.
        (SOMEWHERE, opinion(Vote.PASS, AT_HIT), ground(shown=5), True),
        (SOMEWHERE, opinion(Vote.PASS, ELSEWHERE), ground(shown=100), False),
        (SOMEWHERE, opinion(Vote.FAIL, ELSEWHERE), ground(shown=100), False),
    ],
)
def test_what_a_vote_needs(kind: CriterionKind, given: Opinion, on: Ground, expected: bool) -> None:
    assert counts(given, criterion(kind, patterns=() if on.hits is None else ("run",)), on) is expected


def test_a_judge_none_of_whose_citations_resolve_has_no_vote() -> None:
    given = votes.consistent(opinion(Vote.PASS, unresolved=2), pass_score=7)
    assert (given.vote, given.void) == (Vote.ABSTAIN, "Nothing that it cites stands in what it was shown.")


def test_a_place_outside_of_the_scope_shows_nothing() -> None:
    of = criterion(FORBIDS, Scope(exclude=("tests",)))
    in_tests = Evidence("tests/test_a.py", 1, 1, "run(command)", verified=True)
    assert not counts(opinion(Vote.FAIL, in_tests), of, ground(hits=None))


def test_files_that_nobody_could_read_bar_a_pass() -> None:
    coverage = Coverage(files=2, lines=10, shown_files=1, shown_lines=10, unreadable=("x.bin",), patterns=("run",))
    assert not counts(opinion(Vote.PASS), criterion(FORBIDS), Ground(coverage, ()))
    assert "x.bin" in votes.unseen(coverage)


class TestAbsence:
    of = Criterion(
        "k", Category.FUNCTIONALITY, Severity.HIGH, "There must be a changelog", None, 1, SOMEWHERE, patterns=("changelog",)
    )  # fmt: skip

    def supported(self, *named: tuple[str, ...], missing: set[str], hits: tuple[Hit, ...] = ()) -> list[bool]:
        coverage = Coverage(files=3, lines=9, shown_lines=9, patterns=("changelog",), hits=len(hits))
        given = [opinion(Vote.FAIL, absent=terms) for terms in named]
        found = votes.with_absence(given, self.of, Ground(coverage, hits, frozenset(missing)))
        return [o.absence is not None for o in found]

    def test_two_who_name_what_code_does_not_find_are_believed(self) -> None:
        assert self.supported(("changelog",), ("`Changelog`",), ("history",), missing={"changelog"}) == [
            True,
            True,
            False,
        ]

    def test_one_alone_is_not(self) -> None:
        assert self.supported(("changelog",), (), missing={"changelog"}) == [False, False]

    def test_what_is_found_is_not_absent(self) -> None:
        assert self.supported(("changelog",), ("changelog",), missing=set()) == [False, False]
        hits = (Hit("CHANGELOG.md", 0),)
        assert self.supported(("changelog",), ("changelog",), missing={"changelog"}, hits=hits) == [False, False]

    @pytest.mark.parametrize("term", ["qqzz", "changelog_qqzz", "a changelog for all", "xy", "must"])
    def test_the_absence_of_what_nobody_would_write_proves_nothing(self, term: str) -> None:
        assert self.supported((term,), (term,), (term,), missing={term}) == [False, False, False]


def test_who_invents_most_of_what_it_cites_is_set_aside() -> None:
    honest = [opinion(Vote.PASS, AT_HIT) for _ in range(5)]
    assert votes.set_aside(honest) == {}
    assert votes.set_aside([*honest, opinion(Vote.PASS, unresolved=4)]) == {}
    inventing = [opinion(Vote.PASS, AT_HIT), opinion(Vote.PASS, unresolved=3)]
    assert "3 of its 4 citations" in votes.set_aside(inventing)[JudgeRole.ARCHITECT]


def test_where_scouts_named_places_a_search_that_finds_nothing_is_no_proof() -> None:
    read = Coverage(files=1, lines=9, read_lines=9, scouted_lines=9, deep=True, patterns=("x",))
    assert counts(opinion(Vote.PASS), criterion(FORBIDS), Ground(read, ()))
    named = replace(read, places=2, places_shown=2)
    assert not counts(opinion(Vote.PASS), criterion(FORBIDS), Ground(named, ()))
    assert "places that scouts named" in votes.unread(replace(named, places_shown=1))
