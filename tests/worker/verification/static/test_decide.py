"""What decides a criterion without models: scopes, lists, named rules, changed files, accepted places."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.app import isolation, settings
from tests.worker.analyzers.test_analyze import snapshot
from tests.worker.verification.static.small import Files, analysed, decided
from worker.analyzers import catalog, rules
from worker.core.vocabulary import Outcome
from worker.isolation.room import Room
from worker.runtime.single_flight import Flights
from worker.sources.snapshot import Snapshot
from worker.sources.take import Taken
from worker.verification import consensus
from worker.verification.constitution import reading
from worker.verification.evidence import place_fingerprint
from worker.verification.pipeline import Judged, Work, verify
from worker.verification.result import Decider
from worker.verification.static import topics

CLEAN = '"""A module."""\n\nX = 1\n'
PRINT = "def f():\n    print(1)\n"
EVAL = "eval('1')\n"
_F, _P, _U = Outcome.FAIL, Outcome.PASS, Outcome.UNDECIDED

# (the rule, the files, the outcome)
SCOPED: list[tuple[str, Files, Outcome]] = [
    ("Code in `src/` MUST NOT call `eval()`.", {"src/a.py": EVAL}, _F),
    ("Code in `src/` MUST NOT call `eval()`.", {"src/a.py": CLEAN, "lib/b.py": EVAL}, _P),
    ("Code in `core/` MUST NOT call `eval()`.", {"src/app/core/a.py": EVAL}, _U),
    ("Code in `src/` MUST NOT call `eval()`.", {"lib/b.py": CLEAN}, _U),
    ("Code MUST NOT call eval() except in tests.", {"src/a.py": CLEAN, "tests/test_a.py": EVAL}, _P),
    ("Code MUST NOT call eval() except in tests.", {"src/a.py": EVAL, "tests/test_a.py": EVAL}, _F),
    ("No `print` outside of `scripts/`.", {"src/a.py": CLEAN, "scripts/b.py": PRINT}, _P),
    ("No `print` outside of `scripts/`.", {"src/a.py": PRINT}, _F),
    ("No `eval` unless it is reviewed.", {"src/a.py": EVAL}, _U),
    ("No `eval` unless it is reviewed.", {"src/a.py": CLEAN}, _P),
    ("Library code MUST NOT call `print`.", {"src/app/a.py": PRINT}, _F),
    ("Library code MUST NOT call `print`.", {"src/app/a.py": CLEAN, "tests/test_a.py": PRINT}, _P),
    ("Library code MUST NOT call `print`.", {"src/app/a.py": CLEAN, "scripts/a.py": PRINT}, _U),
    ("`unwrap()` MUST NOT be used except in tests.", {"src/a.rs": "fn f() { x.unwrap(); }\n"}, _U),
    ("Python code MUST NOT call `eval`.", {"src/a.py": CLEAN, "a.js": "eval(1)\n"}, _P),
    ("No `eval`.", {"src/a.py": CLEAN, "a.js": "eval(1)\n"}, _U),
    ("In scripts, Python code MUST NOT call `eval`.", {"src/a.py": EVAL}, _U),
    ("Outside tests, Python code MUST NOT call `eval`.", {"src/a.py": EVAL}, _U),
    # Lists
    ("No `eval`, `exec` or `pickle`.", {"src/a.py": "exec('1')\n"}, _F),
    ("No `eval`, `exec` or `pickle`.", {"src/a.py": "import pickle\n"}, _U),
    ("No `eval`, `exec` or `pickle`.", {"src/a.py": CLEAN}, _P),
    ("No `eval`, reflection or `exec`.", {"src/a.py": EVAL}, _U),
    ("No `eval`, reflection or `exec`.", {"src/a.py": CLEAN}, _U),
    # Rules by their names
    ("Findings of `ruff:E722` are not accepted.", {"src/a.py": "try:\n    X\nexcept:\n    pass\n"}, _F),
    ("Findings of `ruff:e722` are not accepted.", {"src/a.py": "try:\n    X\nexcept:\n    pass\n"}, _F),
    ("Findings of `ruff:E72` are not accepted.", {"src/a.py": "try:\n    X\nexcept:\n    pass\n"}, _F),
    ("Findings of `ruff:E722` are not accepted.", {"src/a.py": CLEAN}, _P),
    ("Findings of `ruff:E722` are not accepted.", {"src/a.py": "def broken(:\n"}, _U),
    ("Findings of `ruff:E722` are not accepted.", {"a.js": "x()\n"}, _U),
    ("Findings of `ruff:E722` in `src/` are not accepted.", {"lib/a.py": "try:\n    X\nexcept:\n    pass\n"}, _U),
    ("Findings of ruff:NOPE1 are not accepted.", {"src/a.py": CLEAN}, _U),
    ("Findings of ruff:E301 are not accepted.", {"src/a.py": CLEAN}, _U),
    ("Findings of ruff:ANN101 are not accepted.", {"src/a.py": CLEAN}, _U),
    ("`ruff:E722` does not apply.", {"src/a.py": CLEAN}, _U),
    ("`ruff:E722` is not used.", {"src/a.py": "try:\n    X\nexcept:\n    pass\n"}, _U),
    ("Findings of `mypy:arg-type` are not accepted.", {"src/a.py": CLEAN}, _U),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    smalls = analysed(tmp_path_factory.mktemp("scoped"), [files for _, files, _ in SCOPED])
    wrong = []
    for (rule, files, outcome), small in zip(SCOPED, smalls, strict=True):
        (result,) = decided(rule, small)
        if result.outcome is not outcome:
            wrong.append(f"{result.outcome} {rule} {files}: {result.reason}")
    return wrong


def test_scopes_lists_and_named_rules_are_decided_as_they_say(wrong: list[str]) -> None:
    assert not wrong, "\n".join(wrong)


def test_a_place_is_the_whole_call_and_says_which_rule(tmp_path: Path) -> None:
    (small,) = analysed(tmp_path, [{"src/a.py": "X = 1\neval(\n    '1'\n)\n"}])
    (result,) = decided("No `eval`.", small)
    (place,) = result.evidence
    assert (place.path, place.start_line, place.rule, place.verified) == ("src/a.py", 2, "ruff:S307", True)
    assert (result.by, result.score, result.opinions) == (Decider.ANALYZERS, None, ())


def test_an_undecided_criterion_shows_where_to_look(tmp_path: Path) -> None:
    (small,) = analysed(tmp_path, [{"src/a.py": "X = 1\ne = eval\n"}])
    (result,) = decided("No `eval`.", small)
    assert result.outcome is _U
    assert [(place.path, place.start_line) for place in result.look_at] == [("src/a.py", 2)]
    assert "src/a.py:2" in result.reason


def test_only_what_changed_counts_in_diff_mode(tmp_path: Path) -> None:
    (small,) = analysed(tmp_path, [{"old.py": EVAL, "new.py": CLEAN}])
    for changed, outcome in ((None, _F), ({"new.py"}, _P), ({"old.py"}, _F), (set(), _P)):
        some = None if changed is None else frozenset(changed)
        (result,) = decided("No `eval`.", replace(small, snapshot=replace(small.snapshot, changed=some)))
        assert result.outcome is outcome, changed


def test_whoever_accepts_accepts_every_place_and_nothing_unsure(tmp_path: Path) -> None:
    many = {f"src/a{number}.py": EVAL for number in range(30)}
    one, unsure = analysed(tmp_path, [many, {**many, "tests/test_a.py": EVAL}])
    (result,) = decided("No `eval`.", one)
    assert len(result.places) == 30
    accepted = frozenset(place_fingerprint(result.criterion.key, place) for place in result.places)
    assert consensus.accept(result, accepted).outcome is _P
    assert consensus.accept(result, frozenset(list(accepted)[:10])).outcome is _F
    (doubtful,) = decided("No `eval`.", unsure)
    accepted = frozenset(place_fingerprint(doubtful.criterion.key, place) for place in doubtful.places)
    assert consensus.accept(doubtful, accepted).outcome is _U


def test_rules_that_would_find_nothing_or_stop_the_tool_are_not_known() -> None:
    known = rules.known(["ruff", "bandit"])
    assert {"E722", "S307", "invalid-syntax"} <= known["ruff"]
    assert not {"E301", "ANN101", "NOPE1"} & known["ruff"]
    assert "B602" in known["bandit"]


def test_only_rules_that_an_analyzer_has_are_asked_of_it() -> None:
    known = rules.known(["ruff"])
    (criterion,) = reading.read("- Findings of ruff:NOPE1 are not accepted\n").criteria
    meant = topics.meaning(criterion, ["ruff"], known)
    assert meant is not None
    assert meant.unknown == ("ruff:NOPE1",)
    assert topics.extra_rules([meant]) == {}


async def judged(statements: str, repository: Snapshot, **given: object) -> Judged:
    async def step(name: str, data: dict[str, object]) -> None:
        assert name

    room = Room(repository.root.parent, own_user=False)
    async with isolation().open(Room()) as reader, isolation().open(room) as process:
        work = Work(statements, Taken(repository, process), reader, frozenset(), None, Flights(kept=0))
        read = asyncio.ensure_future(reader.call(reading.read, statements))
        return await verify(work, read, settings=settings(**given), step=step)


async def test_bandit_decides_the_rules_that_name_it(tmp_path: Path) -> None:
    rule = "- Findings of `bandit:b602` are not accepted\n- Findings of bandit:B6999 are not accepted\n- No `bandit:B301`\n"
    files: dict[str, str | bytes] = {"a.py": "import subprocess\nsubprocess.run(\n    'ls ' + X,\n    shell=True,\n)\n"}
    made = await judged(rule, snapshot(tmp_path, files))
    assert [result.outcome for result in made.results] == [_F, _U, _P]
    assert [(place.start_line, place.end_line) for place in made.results[0].evidence] == [(2, 5)]


async def test_paths_that_bandit_would_skip_are_analysed(tmp_path: Path) -> None:
    files = {".github/scripts/x.py": EVAL, "pkg/CVSfoo.py": EVAL, "a.tox.d/b.py": EVAL}
    made = await judged("- Code MUST NOT call eval()\n", snapshot(tmp_path, dict(files)))
    assert {f.path for f in made.analysis.findings if f.rule == "bandit:B307"} == set(files)


async def test_a_missing_tool_decides_nothing_and_is_told_of(tmp_path: Path) -> None:
    broken = [{"name": "bandit", "command": ["surely-not-installed", "{files}"], "patterns": ["*.py"]}]
    rule = "- Findings of `bandit:B301` are not accepted\n"
    made = await judged(rule, snapshot(tmp_path, {"a.py": CLEAN}), CVA_ANALYZERS=broken)
    assert made.results[0].outcome is _U
    assert any("bandit is not installed" in note for note in made.analysis.notes)


def _sarif(listed: list[str], reported: list[str], **properties: object) -> str:
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1}}}
    results = [{"ruleId": rule, "message": {"text": "bad"}, "locations": [place]} for rule in reported]
    driver = {"name": "own", "rules": [{"id": rule, "properties": properties} for rule in listed]}
    return json.dumps({"runs": [{"tool": {"driver": driver}, "results": results}]})


def _own(document: str) -> list[dict[str, object]]:
    return [{"name": "own", "command": [sys.executable, "-S", "-c", f"print({document!r})"], "patterns": ["*.py"]}]


async def test_an_added_analyzer_decides_the_rules_that_it_says_it_has(tmp_path: Path) -> None:
    rule = "".join(f"- Findings of `own:R{number}` are not accepted\n" for number in range(4))
    added = _own(_sarif(["R0", "R1"], ["R1", "R2"]))
    made = await judged(rule, snapshot(tmp_path, {"a.py": CLEAN}), CVA_ANALYZERS=added)
    assert [result.outcome for result in made.results] == [_P, _F, _F, _U]


async def test_critical_findings_of_precise_rules_end_the_run_before_any_judge(tmp_path: Path) -> None:
    document = _sarif(["C"], ["C"], **{"security-severity": "9.8", "precision": "very-high"})
    rule = "- No wildcard imports\n"
    made = await judged(rule, snapshot(tmp_path / "1", {"a.py": CLEAN}), CVA_ANALYZERS=_own(document))
    assert made.verdict.verdict == "FAIL"
    vague = _sarif(["C"], ["C"], **{"security-severity": "9.8"})
    made = await judged(rule, snapshot(tmp_path / "2", {"a.py": CLEAN}), CVA_ANALYZERS=_own(vague))
    assert made.verdict.verdict == "PASS"


async def test_a_repository_without_a_file_for_a_tool_proves_nothing_by_its_silence(tmp_path: Path) -> None:
    made = await judged("- No unused imports\n", snapshot(tmp_path, {"README": "no code"}))
    assert made.results[0].outcome is _U


async def test_hints_show_places_and_decide_nothing(tmp_path: Path) -> None:
    files = {"a.py": "password = 'hunter22'\n"}
    made = await judged("- Passwords MUST NOT be hard-coded in the source.\n", snapshot(tmp_path, dict(files)))
    (result,) = made.results
    assert result.outcome is _U
    assert [place.rule for place in result.look_at] == ["bandit:B105"]


def test_the_analyzers_here_are_those_of_the_product() -> None:
    assert {analyzer.name for analyzer in catalog.all_analyzers(())} == {"ruff", "bandit"}
