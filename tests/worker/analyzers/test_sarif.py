"""Reading SARIF: the tools' own, and whatever else a program may write."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.analyzers import sarif
from worker.core.vocabulary import Category, Severity

ROOT = Path("/srv/snapshot")


def document(*results: Any, rules: list[Any] | None = None) -> bytes:
    run = {"tool": {"driver": {"name": "t", "version": "1.0", "rules": rules or []}}, "results": list(results)}
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def result(uri: str, **more: Any) -> dict[str, Any]:
    region = more.pop("region", {"startLine": 3, "endLine": 4, "endColumn": 9})
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    return {"ruleId": "R1", "message": {"text": "bad"}, "locations": [place], **more}


def read(content: bytes) -> sarif.Reading:
    return sarif.read(content, analyzer="tool", root=ROOT)


@pytest.mark.parametrize("uri", ["a%20b/c.py", "./a%20b/c.py", "file:///srv/snapshot/a%20b/c.py"])
def test_paths_are_relative_to_the_snapshot(uri: str) -> None:
    (finding,) = read(document(result(uri))).findings
    assert (finding.path, finding.start_line, finding.end_line) == ("a b/c.py", 3, 4)


@pytest.mark.parametrize("uri", ["../x", "/etc/passwd", "file:///etc/passwd", "https://h/x", "", "a/../../x"])
def test_places_outside_are_left_out_and_counted(uri: str) -> None:
    found = read(document(result(uri)))
    assert found.findings == ()
    assert "1 result(s)" in found.notes[0]


def test_severity_and_category_come_from_the_rule() -> None:
    rules = [{"id": "R1", "properties": {"security-severity": "9.1", "precision": "low"}}]
    (finding,) = read(document(result("a.py"), rules=rules)).findings
    assert (finding.severity, finding.category, finding.confidence) == (Severity.CRITICAL, Category.SECURITY, 0.4)


@pytest.mark.parametrize(("level", "severity"), [("error", "high"), ("warning", "medium"), ("note", "low")])
def test_levels_become_severities(level: str, severity: str) -> None:
    (finding,) = read(document(result("a.py", level=level))).findings
    assert finding.severity == severity
    (inherited,) = read(
        document(result("a.py"), rules=[{"id": "R1", "defaultConfiguration": {"level": level}}])
    ).findings
    assert inherited.severity == severity


def test_what_passed_is_no_finding() -> None:
    assert read(document(result("a.py", kind="pass"), result("a.py", kind="notApplicable"))).findings == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"runs": 1}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_sarif_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(sarif.NotSarif):
        read(content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    [
        "ruleId",
        "message",
        "locations",
        "physicalLocation",
        "artifactLocation",
        "uri",
        "region",
        "startLine",
        "endLine",
        "level",
        "kind",
        "properties",
    ]
)


@given(st.lists(st.dictionaries(KEYS, json_values, max_size=6) | json_values, max_size=4), json_values)
def test_no_shape_of_a_result_raises(results: list[Any], driver: Any) -> None:
    content = json.dumps({"runs": [{"results": results, "tool": {"driver": driver}}, *results]}).encode()
    for finding in read(content).findings:
        assert finding.start_line >= 1
        assert finding.end_line >= finding.start_line


def test_too_many_alike_are_cut_and_counted_and_hide_no_other() -> None:
    flood = [result("a.py") for _ in range(sarif.MAX_ALIKE + 5)]
    read_ = read(document(*flood, result("a.py", ruleId="R2"), result("b.py")))
    assert len(read_.findings) == sarif.MAX_ALIKE + 2
    assert {(f.path, f.rule_id) for f in read_.findings} == {("a.py", "R1"), ("a.py", "R2"), ("b.py", "R1")}
    assert any("5 result(s) of a rule" in note for note in read_.notes)
    assert read_.whole


def test_of_too_many_findings_the_first_of_each_kind_and_the_gravest_stay() -> None:
    many = sarif.MAX_FINDINGS // 2 + 10
    results = [result(f"f{number}.py", level="note") for number in range(many) for _ in range(2)]
    grave = [result("z.py", level="error") for _ in range(3)]
    read_ = read(document(*results, *grave))
    assert len(read_.findings) == sarif.MAX_FINDINGS
    assert len({f.path for f in read_.findings}) == many + 1
    assert sum(f.path == "z.py" for f in read_.findings) == 3
    assert read_.whole
    over = read(document(*(result(f"f{number}.py") for number in range(sarif.MAX_FINDINGS + 7))))
    assert not over.whole
    assert any("7 result(s) beyond" in note for note in over.notes)


def test_the_rules_that_a_tool_says_it_has_are_known() -> None:
    assert read(document(rules=[{"id": "R1"}, {"id": "R2"}, {"name": "x"}])).rules == {"R1", "R2"}
