"""The benchmark of decisions: its set is well formed, it judges by the labels, and the product passes it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from invariant.bench import decisions
from invariant.bench.decisions import cases, judging, summary
from invariant.bench.decisions.cases import Case
from invariant.bench.decisions.judging import Account, CaseResult, Judgement
from invariant.bench.decisions.summary import Summary
from tests.support import processes
from worker.core.vocabulary import Outcome
from worker.verification.constitution import reading
from worker.verification.constitution.reading import Reading
from worker.verification.opinion import Evidence
from worker.verification.result import CriterionResult, Decider

BUNDLED = Path(decisions.__file__).parent
TEXT = """# Rules

- Code MUST NOT call `eval()`.
- Wildcard imports MUST NOT be used.
"""
LABELS = """
languages = ["python"]
summary = "A calculator."

[[criterion]]
line = 3
quote = "Code MUST NOT call `eval()`."
kind = "forbids"
answer = "{answer}"
places = [{place}]
topic = "eval"
why = "It is called where the sum is read."

[[criterion]]
line = 4
quote = "Wildcard imports MUST NOT be used."
kind = "forbids"
answer = "kept"
topic = "imports"
why = "There are none."

[[nothing]]
line = 1
why = "title"
"""
CODE = '"""Sums."""\n\n\ndef total(text: str) -> object:\n    return eval(text)\n'


def written(folder: Path, *, answer: str = "broken", place: str = '"app.py:5"', labels: str = LABELS) -> Path:
    (folder / "repository").mkdir(parents=True)
    (folder / "CONSTITUTION.md").write_text(TEXT)
    (folder / "repository" / "app.py").write_text(CODE)
    (folder / "labels.toml").write_text(labels.format(answer=answer, place=place))
    return folder


def command(folder: Path, result: Path) -> tuple[int, dict[str, Any]]:
    code = decisions.command(argparse.Namespace(cases=[str(folder)], json=str(result)))
    return code, json.loads(result.read_text())


def judged(case: Case, text: str, outcomes: dict[int, Outcome], place: str = "app.py:1") -> CaseResult:
    """The case judged as if the product had decided the criteria at these lines of its reading so."""
    read = reading.read(text)
    path, _, line = place.partition(":")
    evidence = (Evidence(path, int(line), int(line), "x", verified=True),)
    results = [
        CriterionResult(
            criterion,
            outcomes.get(criterion.line, Outcome.UNDECIDED),
            None,
            "as given",
            by=Decider.ANALYZERS,
            evidence=evidence if outcomes.get(criterion.line) is Outcome.FAIL else (),
        )
        for criterion in read.criteria
    ]
    return judging.judge(case, SimpleNamespace(reading=read, results=results))


def made(text: str, *labels: dict[str, Any]) -> Case:
    values = {"kind": "everywhere", "topic": "x", "why": "so it is"}
    return Case(
        Path("made"), ("python",), "made", text, tuple(cases.Label(**{**values, **label}) for label in labels), ()
    )


@pytest.mark.parametrize("name", [path.parent.name for path in sorted(BUNDLED.glob("*/labels.toml"))])
def test_a_bundled_case_is_well_formed(name: str) -> None:
    assert cases.problems(cases.load(BUNDLED / name)) == []


def test_the_product_passes_the_bundled_set(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    code = decisions.command(argparse.Namespace(cases=[], json=str(result)))
    document = json.loads(result.read_text())
    wrong = [d for case in document["cases"] for d in case["decisions"] if d["judgement"] == "wrong"]
    assert (code, document["failures"]) == (0, []), wrong
    assert document["labels"] >= 300
    assert document["constitutions"] >= 20
    assert len(document["languages"]) >= 6
    assert document["total"]["false_pass"] == 0


def test_right_decisions_of_a_large_enough_set_are_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRITERIA", "CONSTITUTIONS", "LANGUAGES"):
        monkeypatch.setattr(summary, name, 1)
    for name in ("first", "second"):
        written(tmp_path / "set" / name)
    code, document = command(tmp_path / "set", tmp_path / "result.json")
    assert (code, document["failures"]) == (0, [])
    assert document["total"] == {
        "criteria": 4,
        "decided": 4,
        "right": 4,
        "wrong": 0,
        "false_pass": 0,
        "undecided": 0,
        "process": 0,
        "share_right": 1.0,
    }
    assert document["topics"]["eval"]["right"] == 2


def test_a_wrong_decision_is_one_and_is_shown_with_its_label(tmp_path: Path) -> None:
    written(tmp_path / "set" / "right")
    written(tmp_path / "set" / "wrong", answer="kept", place="")
    done = subprocess.run(
        [sys.executable, "-m", "invariant", "bench", "decisions", "--cases", "set", "--json", "result.json"],
        env=processes.environment("", INVARIANT_ORIGIN=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert "wrong FAIL wrong/CONSTITUTION.md:3" in done.stdout
    assert "kept: It is called where the sum is read." in done.stdout
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["failures"][0] == "75.0% of the decisions are right, not 98%"
    assert "2 constitutions, not 20" in document["failures"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("languages = [", "labels.toml"),
        (LABELS.replace('answer = "{answer}"', 'answer = "perhaps"'), "answer"),
        (LABELS.replace("line = 3", 'line = "three"'), "line"),
    ],
)
def test_a_set_that_cannot_be_read_is_three(
    labels: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "set" / "case", labels=labels)
    arguments = argparse.Namespace(cases=[str(tmp_path / "set")], json=None)
    assert decisions.command(arguments) == 3
    assert message in capsys.readouterr().out
    assert decisions.command(argparse.Namespace(cases=[str(tmp_path / "nowhere")], json=None)) == 3


def test_a_bad_case_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    labels = LABELS.replace("[[nothing]]\nline = 1", "[[nothing]]\nline = 4").replace("Wildcard", "Star")
    case = cases.load(written(tmp_path / "case", place='"app.py:2", "b.py:1", "app.py:99"', labels=labels))
    assert cases.problems(case) == [
        "line 4: a requirement and nothing at once",
        "line 1: in no label: '# Rules'",
        "line 3: app.py:2 is blank",
        "line 3: there is no file b.py",
        "line 3: there is no line app.py:99",
        "line 4: the quote is not there: 'Star imports MUST NOT be used.'",
    ]


@pytest.mark.parametrize(
    ("answers", "outcome", "place", "judgement"),
    [
        (("kept", "kept"), Outcome.PASS, "", Judgement.RIGHT),
        (("kept", "broken"), Outcome.PASS, "", Judgement.WRONG),
        (("kept", "open"), Outcome.PASS, "", Judgement.WRONG),
        (("kept", "process"), Outcome.PASS, "", Judgement.WRONG),
        (("kept", "broken"), Outcome.FAIL, "app.py:13", Judgement.RIGHT),
        (("kept", "broken"), Outcome.FAIL, "app.py:14", Judgement.WRONG),
        (("kept", "broken"), Outcome.FAIL, "other.py:10", Judgement.WRONG),
        (("kept", "kept"), Outcome.FAIL, "app.py:10", Judgement.WRONG),
        (("open", "open"), Outcome.FAIL, "app.py:10", Judgement.WRONG),
        (("broken", "broken"), Outcome.UNDECIDED, "", Judgement.UNDECIDED),
    ],
)
def test_labels_in_one_criterion_decide_together(
    answers: tuple[str, str], outcome: Outcome, place: str, judgement: Judgement
) -> None:
    text = "# Rules\n\n- Queries MUST be parameterised, and every file MUST\n  have a header.\n"
    case = made(
        text,
        {"line": 3, "quote": "Queries MUST be parameterised", "answer": answers[0]},
        {"line": 3, "end_line": 4, "quote": "and every file MUST", "answer": answers[1]},
    )
    broken = tuple(
        label.model_copy(update={"places": ("app.py:10",)}) if label.answer == "broken" else label
        for label in case.labels
    )
    case = Case(case.folder, case.languages, case.summary, text, broken, ())
    (decision,) = judged(case, text, {3: outcome}, place or "app.py:10").decisions
    assert [label.quote for label in decision.labels] == ["Queries MUST be parameterised", "and every file MUST"]
    assert decision.judgement is judgement
    assert decision.false_pass is (outcome is Outcome.PASS and judgement is Judgement.WRONG)


def test_criteria_of_one_line_have_their_own_labels() -> None:
    text = "# Rules\n\nEvery `__init__` MUST be empty. No file may be longer than 100 lines.\nNobody MUST wait.\n"
    case = made(
        text,
        {"line": 3, "quote": "Every `__init__` MUST be empty.", "answer": "kept"},
        {"line": 3, "end_line": 4, "quote": "No file may be longer than", "answer": "open"},
    )
    done = judged(case, text, {3: Outcome.PASS, 4: Outcome.PASS})
    assert [[label.answer for label in decision.labels] for decision in done.decisions] == [
        ["kept"],
        ["open"],
        ["open"],
    ]
    assert [decision.judgement for decision in done.decisions] == ["right", "wrong", "wrong"]
    assert [kept.account for kept in done.accounts] == [Account.READ, Account.READ]


def test_what_is_decided_without_a_label_is_wrong() -> None:
    text = "# Rules\n\n- Files MUST be short.\n- Lines MUST be short.\n"
    done = judged(made(text, {"line": 3, "quote": "Files MUST be short.", "answer": "kept"}), text, {4: Outcome.PASS})
    assert [decision.judgement for decision in done.decisions] == [Judgement.UNDECIDED, Judgement.WRONG]


def test_a_refused_constitution_decides_nothing_and_passes_nothing(tmp_path: Path) -> None:
    written(tmp_path / "case")
    (tmp_path / "case" / "CONSTITUTION.md").write_text("The sky is grey.\n")
    code, document = command(tmp_path / "case", tmp_path / "result.json")
    assert (code, document["total"]["criteria"]) == (1, 0)
    assert document["accounts"]["not read, prevents PASS"] == {"broken": 1, "kept": 1}


def test_nothing_disappears_from_a_reading_unnoticed() -> None:
    text = "# Rules\n\n- Files MUST be short.\n\nThe sky is grey.\n\n- Lines MUST be short.\n"
    case = made(
        text,
        {"line": 3, "quote": "Files MUST be short.", "answer": "kept"},
        {"line": 5, "quote": "The sky is grey.", "answer": "broken"},
        {"line": 7, "quote": "Lines MUST be short.", "answer": "kept"},
    )
    whole = judged(case, text, {})
    assert [kept.account for kept in whole.accounts] == [Account.READ, Account.NOT_READ, Account.READ]
    assert whole.accounts[1].why
    assert whole.unaccounted == ()
    read = reading.read(text)
    lossy = Reading(read.criteria, tuple(line for line in read.lines if line.line != 7), read.method)
    lost = judging.judge(case, SimpleNamespace(reading=lossy, results=[]))
    assert (lost.accounts[2].account, lost.unaccounted) == (Account.NOWHERE, (7,))
    failures = Summary((lost,)).failures
    assert "1 labelled requirements are nowhere in the readings" in failures
    assert "1 lines of the constitutions are in no account of the readings" in failures
