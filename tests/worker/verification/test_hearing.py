"""What is heard of the judges: in a debate as in the first round, and where there is nothing that they could see."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.app import settings
from tests.worker.analyzers.test_analyze import snapshot
from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import CriterionKind, JudgeRole, Outcome, Vote
from worker.verification import answer, batching, panel, search, votes
from worker.verification.constitution.criteria import Criterion, make
from worker.verification.constitution.scope import Scope
from worker.verification.context.index import Index
from worker.verification.hearing import Hearing
from worker.verification.opinion import Evidence, Opinion
from worker.verification.result import Coverage, CriterionResult, Decider
from worker.verification.tribunal import Case

FILES: dict[str, str | bytes] = {"src/a.py": "def run(command):\n    return command\n", "docs/a.md": "Run it.\n"}


def criterion(kind: CriterionKind, statement: str, *patterns: str, scope: Scope | None = None) -> Criterion:
    made = make(statement, section=None, line=1, quote=statement)
    return replace(made, kind=kind, patterns=patterns, scope=scope or Scope())


def said(of: Criterion, role: JudgeRole, vote: Vote, *evidence: Evidence, absent: tuple[str, ...] = ()) -> Opinion:
    return Opinion(of.key, role, vote, "because", "m", 9 if vote is Vote.PASS else 2, 0.9, evidence, absent)


def hearing(
    folder: Path,
    of: Criterion,
    opinions: list[Opinion],
    changed: frozenset[str] | None = None,
    files: dict[str, str | bytes] = FILES,
) -> Hearing:
    taken = replace(snapshot(folder, files), changed=changed)
    case = Case(taken, Analysis((), (), ()), [of], Index.of(taken), search.scoped(search.Texts(taken), [of]))
    _, (batch,) = batching.batches(case, settings())
    return Hearing(case, {of.key: batch.context}, opinions, settings())


def test_an_absence_that_is_first_named_in_the_debate_is_looked_up(tmp_path: Path) -> None:
    of = criterion(CriterionKind.SOMEWHERE, "There must be a changelog", "changelog")
    first = [said(of, role, Vote.FAIL) for role in JudgeRole]
    found = hearing(tmp_path, of, first)
    assert found.results[0].outcome is Outcome.UNDECIDED
    (after,) = found.after([said(of, role, Vote.FAIL, absent=("changelog",)) for role in list(JudgeRole)[:2]])
    assert (after.outcome, after.by) == (Outcome.FAIL, Decider.JUDGES)
    assert "code searched 2 file(s)" in after.reason
    assert "«changelog»: nothing" in after.reason
    assert len(after.earlier) == 2


def test_who_contradicts_itself_is_no_second_witness_of_an_absence(tmp_path: Path) -> None:
    of = criterion(CriterionKind.SOMEWHERE, "There must be a changelog", "changelog")
    named = [said(of, role, Vote.FAIL, absent=("changelog",)) for role in list(JudgeRole)[:2]]
    found = hearing(tmp_path, of, [named[0], replace(named[1], score=9)])
    assert all(opinion.absence is None for opinion in found.results[0].opinions)


@pytest.mark.parametrize("kind", [CriterionKind.FORBIDS, CriterionKind.EVERYWHERE, CriterionKind.SOMEWHERE])
def test_a_scope_without_a_file_is_undecided_and_says_so(tmp_path: Path, kind: CriterionKind) -> None:
    of = criterion(kind, "Nothing may sleep", "sleep", scope=Scope(include=("srcc/",)))
    passing = [said(of, role, Vote.PASS) for role in JudgeRole]
    (result,) = hearing(tmp_path, of, passing).results
    assert result.outcome is Outcome.UNDECIDED
    assert result.reason == (
        "No text file of the repository is in its scope (only srcc/), so there is nothing to judge. Is the path right?"
    )


@pytest.mark.parametrize(
    ("kind", "outcome", "words"),
    [
        (CriterionKind.FORBIDS, Outcome.PASS, "so the change cannot have put there what it forbids"),
        (CriterionKind.EVERYWHERE, Outcome.UNDECIDED, "whether the change keeps it, nothing here shows"),
    ],
)
def test_a_scope_of_which_nothing_changed(tmp_path: Path, kind: CriterionKind, outcome: Outcome, words: str) -> None:
    of = criterion(kind, "Nothing may sleep", "sleep", scope=Scope(include=("src/",)))
    (result,) = hearing(tmp_path, of, [], changed=frozenset({"docs/a.md"})).results
    assert (result.outcome, result.score) == (outcome, None)
    assert result.by is (Decider.SEARCH if outcome is Outcome.PASS else Decider.NOBODY)
    assert words in result.reason


def test_in_a_change_only_what_changed_breaks_a_rule(tmp_path: Path) -> None:
    of = criterion(CriterionKind.FORBIDS, "Do not run a command")
    # What imports the changed file is shown with it, and is not what the change is held against.
    files: dict[str, str | bytes] = {"a.py": "VALUE = 1\n", "b.py": "import a\n\n\ndef run(command):\n    return a\n"}
    old = Evidence("b.py", 4, 4, "def run(command):")
    failing = [said(of, role, Vote.FAIL, old) for role in JudgeRole]
    (whole,) = hearing(tmp_path / "full", of, failing, files=files).results
    (change,) = hearing(tmp_path / "diff", of, failing, changed=frozenset({"a.py"}), files=files).results
    assert (whole.outcome, change.outcome) == (Outcome.FAIL, Outcome.UNDECIDED)
    assert all(opinion.evidence for opinion in change.opinions)


@pytest.mark.parametrize(
    ("coverage", "seen"),
    [
        (Coverage(files=1, lines=5, shown_lines=5), True),
        (Coverage(files=1, lines=5, shown_lines=4), False),
        # A path that the search found and nobody was told of.
        (Coverage(files=1, lines=5, shown_lines=5, patterns=("x",), hits=2, hits_shown=1), False),
        (Coverage(files=1, lines=5, shown_lines=1, patterns=("x",), hits=2, hits_shown=2), True),
        (Coverage(files=1, lines=5, shown_lines=1, patterns=("x",), hits=2, hits_shown=2, overflow=True), False),
        (Coverage(files=1, lines=5, shown_lines=5, patterns=("x",), hits=2, hits_shown=2, overflow=True), True),
        (Coverage(files=1, lines=5, shown_lines=5, unreadable=("x.bin",)), False),
        # That nothing was found says nothing of what is required everywhere.
        (Coverage(files=1, lines=5, shown_lines=1, patterns=("x",)), False),
    ],
)
def test_everything_is_seen_where_all_lines_or_all_places_are_shown(coverage: Coverage, seen: bool) -> None:
    assert coverage.seen is seen


def test_a_debate_repeats_no_words_that_rest_on_nothing() -> None:
    of = criterion(CriterionKind.FORBIDS, "Do not run a command")
    liar = replace(said(of, JudgeRole.SECURITY, Vote.FAIL), rationale="THE LIE")
    result = CriterionResult(
        of,
        Outcome.UNDECIDED,
        None,
        "",
        (votes.void(liar, "It invents."), replace(said(of, JudgeRole.USER_PROXY, Vote.PASS), rationale="A view")),
    )
    task = panel._others([result], JudgeRole.ARCHITECT)
    assert "THE LIE" not in task
    assert "- security: its vote does not count. It invents." in task
    assert "A view" in task


def test_three_inventions_among_a_hundred_citations_are_heard() -> None:
    of = criterion(CriterionKind.FORBIDS, "x")
    place = Evidence("a.py", 1, 1, "line", verified=True)
    honest = [said(of, JudgeRole.ARCHITECT, Vote.PASS, *(replace(place, start_line=n) for n in range(10)))] * 10
    assert votes.set_aside([*honest, replace(honest[0], evidence=(), unresolved=3)]) == {}


@pytest.mark.parametrize("quote", ["⟪masked 32⟫", "masked 32⟫", "***", '"⟪masked 8⟫"', "} )", "⟪masked 3⟫\n⟪masked 4⟫"])
def test_a_quotation_of_what_is_hidden_shows_nothing(quote: str) -> None:
    given = answer.JudgeOpinion.model_validate(
        {
            "criterion": "k",
            "evidence": [{"path": "a", "start_line": 1, "end_line": 1, "quote": quote}],
            "absent": [],
            "rationale": "so",
            "vote": "FAIL",
            "score": 1,
            "confidence": 1,
        }
    )
    (item,) = answer.opinion(given, JudgeRole.SECURITY, "m", round=1).evidence
    assert item.trivial
    assert item.quote == ""
