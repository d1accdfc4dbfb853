"""Suites from public sets, in the forms in which these come."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from invariant.bench.decisions import cases
from invariant.bench.decisions.cases import Answer
from invariant.eval import importers
from invariant.eval.importers import IMPORTERS, NotImported

PATCH = """diff --git a/black.py b/black.py
--- a/black.py
+++ b/black.py
@@ -10,3 +10,3 @@ def f():
 one
-two
+three
 four
@@ -40,2 +40,3 @@
 before
+added
 after
"""


def test_a_patch_names_what_it_removes_and_where_it_adds() -> None:
    assert list(importers.changed(PATCH)) == ["black.py:11", "black.py:40"]


def test_a_removed_comment_of_sql_is_no_header() -> None:
    patch = "--- a/x.sql\n+++ b/x.sql\n@@ -1,3 +1,2 @@\n \x0c\n--- old comment\n select\n"
    assert list(importers.changed(patch)) == ["x.sql:2"]


def test_sarif_with_expected_results(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a b.py").write_text("eval(x)\nprint(x)\n")

    def result(rule: str, kind: str, line: int) -> dict[str, object]:
        place = {"artifactLocation": {"uri": "src/a%20b.py"}, "region": {"startLine": line}}
        return {"ruleId": rule, "kind": kind, "message": {"text": "m"}, "locations": [{"physicalLocation": place}]}

    rules = [{"id": "R1", "shortDescription": {"text": "No eval"}}, {"id": "R2"}]
    run = {"tool": {"driver": {"rules": rules}}, "results": [result("R1", "fail", 1), result("R2", "pass", 2)]}
    (tmp_path / "expected.sarif").write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    assert importers.sarif(tmp_path / "expected.sarif", tmp_path / "suite") == 1
    (case,) = cases.load_all(tmp_path / "suite")
    assert cases.problems(case) == []
    assert [(label.answer, label.places) for label in case.labels] == [
        (Answer.BROKEN, ("src/a b.py:1",)),
        (Answer.KEPT, ()),
    ]


def test_owasps_benchmark(tmp_path: Path) -> None:
    (tmp_path / "testcode").mkdir()
    for name in ("BenchmarkTest00001", "BenchmarkTest00002"):
        (tmp_path / "testcode" / f"{name}.py").write_text("x = 1\n")
    (tmp_path / "expectedresults-0.1.csv").write_text(
        "# test name,category,real vulnerability,cwe,Benchmark version: 0.1\n"
        "BenchmarkTest00001,sqli,true,89\nBenchmarkTest00002,hash,false,328\nBenchmarkTest00003,xss,true,79\n"
    )
    assert importers.owasp(tmp_path, tmp_path / "suite") == 2
    first, second = cases.load_all(tmp_path / "suite")
    assert (first.labels[0].answer, second.labels[0].answer) == (Answer.BROKEN, Answer.KEPT)
    assert "SQL injection» (CWE-89)" in first.constitution
    assert [path.name for path in first.repository.iterdir()] == ["BenchmarkTest00001.py"]


def test_bugsinpy(tmp_path: Path) -> None:
    folder = tmp_path / "black" / "bugs" / "1"
    folder.mkdir(parents=True)
    (tmp_path / "black" / "project.info").write_text('github_url="https://github.com/psf/black"\nstatus="OK"\n')
    (folder / "bug.info").write_text(
        f'python_version="3.8.3"\nbuggy_commit_id="{"a" * 40}"\nfixed_commit_id="{"b" * 40}"\ntest_file="tests/t.py"\n'
    )
    (folder / "bug_patch.txt").write_text(PATCH)
    assert importers.bugsinpy(tmp_path / "black", tmp_path / "suite") == 2
    buggy, fixed = cases.load_all(tmp_path / "suite")
    assert buggy.source is not None and fixed.source is not None
    assert (buggy.source.commit, fixed.source.commit) == ("a" * 40, "b" * 40)
    assert (buggy.labels[0].places, fixed.labels[0].answer) == (("black.py:11", "black.py:40"), Answer.KEPT)


@pytest.mark.parametrize("form", [json.dumps, lambda rows: "\n".join(map(json.dumps, rows))])
def test_instances_of_swe_bench(tmp_path: Path, form: Callable[[list[dict[str, str]]], str]) -> None:
    instance = {
        "instance_id": "psf__requests-1",
        "repo": "psf/requests",
        "base_commit": "c" * 40,
        "patch": PATCH,
        "problem_statement": 'A "quoted" title \\ with signs\nand more\n',
    }
    (tmp_path / "set.json").write_text(form([instance]))
    assert importers.swebench(tmp_path / "set.json", tmp_path / "suite") == 1
    (case,) = cases.load_all(tmp_path / "suite")
    assert case.source is not None and case.source.url == "https://github.com/psf/requests.git"
    assert case.labels[0].quote == 'The software MUST NOT have this defect: A "quoted" title \\ with signs'


@pytest.mark.parametrize("kind", list(IMPORTERS))
def test_what_is_no_such_set_is_refused_with_a_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(NotImported):
        IMPORTERS[kind](tmp_path / "x.json", tmp_path / "suite")
    with pytest.raises(NotImported):
        IMPORTERS[kind](tmp_path / "nowhere", tmp_path / "suite")
