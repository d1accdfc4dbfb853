"""`invariant eval`: what it says of judges whose accuracy is known, and of differences that are not there."""

import asyncio
import json
import math
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client.http import Client
from invariant.bench.decisions import cases
from invariant.bench.decisions.cases import Answer
from invariant.bench.provider import Reply, Request, answer, completion
from invariant.eval import printing, running, scoring, statistics
from invariant.eval.answers import CaseAnswers, Question, Said
from invariant.eval.feedback import from_feedback
from invariant.eval.running import Kept
from tests.support import app, processes, provider

BUNDLED = Path(cases.__file__).parent
JUDGES = {"architect": 0.9, "security": 0.75, "user_proxy": 0.6}
"""How often each is right."""


def said(vote: str, *, who: str = "product", confidence: float | None = None, places: tuple[str, ...] = ()) -> Said:
    return Said(who, "m", vote, confidence, True, places)


def question(number: int, truth: str, *given: Said, places: tuple[str, ...] = ()) -> Question:
    return Question("case", f"k{number}", "s", "forbids", truth, places, given, "", 1.0, 1.0)


def test_an_interval_is_wilsons() -> None:
    share = statistics.Share(81, 263)
    assert share.interval is not None
    assert [round(end, 4) for end in share.interval] == [0.2553, 0.3662]
    assert statistics.Share(0, 0).value is None


def test_alpha_is_krippendorffs() -> None:
    # The example of «Computing Krippendorff's Alpha-Reliability», C: four observers, twelve units, missing values.
    rows = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    units = zip(*(row.split() for row in rows), strict=True)
    found = statistics.alpha([[value for value in unit if value != "."] for unit in units])
    assert found is not None and round(found, 3) == 0.743
    assert statistics.alpha([["PASS", "PASS"], ["PASS", "PASS"]]) is None


def test_a_comparison_is_mcnemars() -> None:
    pair = statistics.Paired(both=50, only_first=4, only_second=16, neither=30)
    assert round(pair.p, 4) == 0.0118
    assert pair.shown and round(pair.difference, 2) == 0.12
    assert statistics.Paired(10, 0, 0, 3).p == 1.0


@pytest.mark.parametrize(("accuracies", "shown"), [((0.8, 0.8), False), ((0.6, 0.8), True)])
def test_a_difference_that_is_not_there_is_not_shown(accuracies: tuple[float, float], shown: bool) -> None:
    """A hundred pairs of configurations on 300 criteria, some of which are hard for both."""
    right = 0
    for seed in range(100):
        choose = random.Random(seed)
        hard = [choose.random() for _ in range(300)]
        sides = []
        for accuracy in accuracies:
            spread = [accuracy + (0.15 if value < 0.5 else -0.15) for value in hard]
            votes = ["FAIL" if choose.random() < p else "PASS" for p in spread]
            sides.append(
                [CaseAnswers("case", "FAIL", tuple(question(n, "broken", said(v)) for n, v in enumerate(votes)))]
            )
        compared = scoring.compare("one", sides[0], "other", sides[1])
        right += compared.paired.shown is shown
        assert ("A difference is not shown." in compared.sentence) is not compared.paired.shown
    assert right >= 95


def test_figures_are_counted_as_they_are_named() -> None:
    places = ("a.py:10", "b.py:5")
    given = CaseAnswers(
        "case",
        "FAIL",
        (
            question(1, "broken", said("FAIL", places=("a.py:12", "a.py:90")), places=places),
            question(2, "broken", said("PASS")),
            question(3, "kept", said("PASS")),
            question(4, "kept", said("FAIL", places=("c.py:1",))),
            question(5, "open", said("PASS")),
            question(6, "kept", said("ABSTAIN")),
        ),
    )
    (figures,) = scoring.score("x", [given]).figures
    counted = {name: (getattr(figures, name).part, getattr(figures, name).whole) for name in scoring.SHARES}
    assert counted == {
        "right": (2, 5),
        "fail_precision": (1, 2),
        "fail_recall": (1, 2),
        "pass_precision": (1, 3),
        "pass_recall": (1, 3),
        "abstained": (1, 6),
        "void": (0, 5),
        "place_precision": (1, 3),
        "place_recall": (1, 2),
    }


def test_answers_that_were_cut_off_are_asked_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "deep" / "one.jsonl")
    first = CaseAnswers("a", "PASS", (question(1, "kept", said("PASS", places=("a.py:1",))),), notes=("x",))
    kept.add("1", first)
    with kept.path.open("a") as file:
        file.write('{"digest": "2", "answers": {"case"')
    kept.add("3", first)
    assert kept.load() == {"1": first, "3": first}


def test_what_people_marked_becomes_a_suite(url: str, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    (origin / "src").mkdir(parents=True)
    (origin / "src" / "app.py").write_text("def run(x):\n    return eval(x)\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-qb", "main"), ("add", "."), (*who, "commit", "-qm", "One")):
        subprocess.run(["git", *arguments], cwd=origin, check=True)
    rules = "- Code MUST NOT call `eval()`.\n- Code MUST NOT call `exec()`.\n- Code MUST be kind.\n"
    with app.served(url) as http, Client(str(http.base_url)) as client:
        run = client.enqueue({"kind": "git", "url": str(origin), "ref": "main"}, rules)
        asyncio.run(app.work(url, run["id"]))
        files = client.enqueue({"kind": "files", "files": {"a.py": "eval(1)\n"}}, rules)
        asyncio.run(app.work(url, files["id"]))
        for run_id in (run["id"], files["id"]):
            for result, mark in zip(client.verdict(run_id)["criteria"], ("accepted", "wrong", "wrong"), strict=True):
                body = {"subject": "criterion", "key": result["key"], "mark": mark, "note": "as I see it"}
                assert http.post(f"/api/runs/{run_id}/feedback", json=body).status_code == 201
        made, skipped = from_feedback(client, tmp_path / "suite")
        commit = client.run(run["id"])["commit"]
    assert (made, skipped) == (1, {"its source is no commit that can be fetched again": 1})
    (case,) = cases.load_all(tmp_path / "suite")
    assert case.source is not None and (case.source.url, case.source.commit) == (str(origin), commit)
    # What nobody had decided is left out; of what passed and is wrong nobody knows the place.
    assert [(label.answer, label.places, label.why) for label in case.labels] == [
        (Answer.BROKEN, ("src/app.py:2",), "as I see it"),
        (Answer.BROKEN, (), "as I see it"),
    ]


def scripted(truths: dict[str, set[str]]) -> provider.Script:
    """Judges who are right as often as JUDGES says, and as sure as they are right, but for the user proxy, who is always
    quite sure. They cite nothing."""

    def opinions(request: Request) -> list[dict[str, Any]]:
        found = []
        for key, statement in request.statements.items():
            if key not in request.keys:
                continue
            choose = random.Random(f"{request.role} {statement}")
            known = {truth for quote, of in truths.items() if quote in statement for truth in of}
            if known != {"broken"} and known != {"kept"}:
                found.append(provider.opinion(key, "ABSTAIN"))
                continue
            right = choose.random() < JUDGES[request.role]
            vote = "FAIL" if ("broken" in known) is right else "PASS"
            confidence = 0.95 if request.role == "user_proxy" else JUDGES[request.role]
            found.append(provider.opinion(key, vote, confidence=confidence))
        return found

    def script(request: Request) -> Reply:
        if request.role in ("extraction", "scout"):
            return Reply(completion(request, answer(request)))
        return Reply(completion(request, json.dumps({"opinions": opinions(request)})))

    return script


@pytest.mark.timeout(600)
def test_judges_of_known_accuracy_are_found_out(url: str, tmp_path: Path) -> None:
    loaded = cases.load_all(BUNDLED)[:10]
    truths: dict[str, set[str]] = {}
    for case in loaded:
        for label in case.labels:
            if label.answer in (Answer.BROKEN, Answer.KEPT):
                truths.setdefault(label.quote, set()).add(label.answer.value)
    kept = Kept(tmp_path / "answers.jsonl")
    with provider.running(scripted(truths)) as server:
        given = {name: str(value) for name, value in provider.settings(server, CVA_FAIL_FAST="false").items()}
        with processes.api(url, tmp_path, **given) as (http, _), processes.worker(url, tmp_path, "one", **given):
            token = http.headers["Authorization"].removeprefix("Bearer ")
            with Client(str(http.base_url), token) as client:
                told: list[str] = []
                answers = running.run(client, loaded, kept, at_once=4, is_local=True, told=told.append)
                asked = len(server.requests)
                # What is there is not verified again.
                assert running.run(client, loaded, kept, at_once=4, is_local=True, told=told.append) == answers
                assert len(server.requests) == asked and len(told) == len(loaded)
    scores = scoring.score("known", answers)
    figures = {figure.who: figure for figure in scores.figures}
    assert scores.errors == 0
    for role, accuracy in JUDGES.items():
        found = figures[role]
        assert found.right.whole > 60, role
        decided = found.right.whole / found.questions
        assert found.right.value is not None and found.fail_recall.value is not None
        assert abs(found.right.value - accuracy) < 3.5 * math.sqrt(0.25 / found.right.whole), role
        # Of what it abstains on it recalls nothing; that is not spread evenly over what is broken and kept.
        assert abs(found.fail_recall.value - accuracy * decided) < 0.12 + 3.5 * math.sqrt(
            0.25 / found.fail_recall.whole
        )
        wanted = 0.95 - accuracy if role == "user_proxy" else 0.0
        assert found.calibration_error is not None
        assert abs(found.calibration_error - wanted) < 3.5 * math.sqrt(0.25 / found.right.whole), role
    page = printing.page(scores)
    assert page.count("<svg") == 3 and "<script" not in page
