"""Static mode: what findings decide, and what is abstained from."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.app import settings
from tests.worker.analyzers.test_analyze import snapshot
from worker.core.vocabulary import Outcome
from worker.runtime.single_flight import Flights
from worker.sources.snapshot import Snapshot
from worker.verification import criteria, topics
from worker.verification.pipeline import Judged, Work, start_extraction, verify

CLEAN = '"""A module."""\n\nX = 1\n'
# One statement per topic, code that breaks it, and whether finding nothing decides it.
CASES = [
    ("Code MUST NOT call eval()", "eval('1')\n", True),
    ("exec MUST NOT be used", "exec('1')\n", True),
    ("Never run subprocesses with shell=True", "import subprocess\nsubprocess.run('ls ' + X, shell=True)\n", False),
    ("No hard-coded passwords", "password = 'hunter22'\n", False),
    ("SQL injection MUST NOT be possible", "def f(c, x):\n    c.execute(f'SELECT a FROM t WHERE b = {x}')\n", False),
    ("SQL MUST be parameterized queries", "def f(c, x):\n    c.execute('SELECT a FROM t WHERE b = %s' % x)\n", False),
    ("MD5 MUST NOT be used", "import hashlib\nhashlib.md5(b'')\n", False),
    ("No pickle", "import pickle\npickle.loads(b'')\n", False),
    ("yaml.load MUST NOT be used", "import yaml\nyaml.load('a')\n", False),
    (
        "TLS certificates MUST be verified",
        "import requests\nrequests.get('https://x', verify=False, timeout=1)\n",
        False,
    ),
    ("HTTP requests MUST have timeouts", "import requests\nrequests.get('https://x')\n", False),
    ("Services MUST NOT bind to all interfaces", "HOST = '0.0.0.0'\n", False),
    ("assert MUST NOT check input", "assert 1\n", True),
    ("Exceptions MUST NOT be swallowed", "try:\n    X\nexcept Exception:\n    pass\n", False),
    ("No bare except", "try:\n    X\nexcept:\n    raise SystemExit\n", True),
    ("No mutable default arguments", "def f(a=[]):\n    return a\n", True),
    ("No undefined names", "y = nowhere\n", True),
    ("No unused imports", "import os\n", True),
    ("No wildcard imports", "from os import *\n", True),
    ("print MUST NOT be called", "print(1)\n", True),
    ("No TODOs are left", "# TODO: later\n", True),
    ("No commented-out code", "# x = 1\n", True),
    ("Naive datetimes MUST NOT be used", "from datetime import datetime\ndatetime.now()\n", True),
    ("Every module SHOULD have a docstring", "x = 1\n", True),
    ("Every function SHOULD have a docstring", "def f():\n    return 1\n", True),
    ("Functions SHOULD be fully annotated", "def f(a):\n    return a\n", True),
    ("Imports SHOULD be sorted", "import sys\nimport os\n", True),
    ("Code MUST parse without errors", "def broken(:\n", True),
    ("`ruff:E711` findings are not accepted", "X == None\n", True),
    ("`bandit:B108` is forbidden", "PATH = '/tmp/x'\n", True),
]


async def outcome_of(statements: str, found: Snapshot, **given: object) -> Judged:
    work = Work(statements, found, frozenset(), None, Flights(kept=0))

    async def step(name: str, data: dict[str, object]) -> None:
        assert name

    extracting = asyncio.ensure_future(start_extraction(statements, None))
    return await verify(work, extracting, settings=settings(**given), step=step)


@pytest.mark.parametrize(("statement", "code", "decisive"), CASES, ids=[case[0] for case in CASES])
async def test_a_topic_is_decided_by_its_findings(statement: str, code: str, decisive: bool, tmp_path: Path) -> None:
    broken = await outcome_of(f"- {statement}\n", snapshot(tmp_path / "broken", {"a.py": code}))
    assert broken.results[0].outcome is Outcome.FAIL, broken.analysis.findings
    evidence = [item for opinion in broken.results[0].opinions for item in opinion.evidence]
    assert evidence
    assert all(item.verified for item in evidence)
    clean = await outcome_of(f"- {statement}\n", snapshot(tmp_path / "clean", {"a.py": CLEAN}))
    assert clean.results[0].outcome is (Outcome.PASS if decisive else Outcome.UNDECIDED)


@pytest.mark.parametrize(
    "statement",
    [
        "The service MUST be fast",
        "Users MUST be greeted by name",
        "Evaluation of models SHOULD be reproducible",
        "Users MUST NOT be able to delete the todo items of other users",
        "The service MUST never answer with XML",
        "User passwords MUST NOT be printed or logged",
        "Database column names must be snake_case",
        "There must be no test without an assert statement",
    ],
)
async def test_what_no_rule_speaks_of_is_abstained_from(statement: str, tmp_path: Path) -> None:
    found = await outcome_of(f"- {statement}\n", snapshot(tmp_path, {"a.py": "eval('1')\n"}))
    assert found.results[0].outcome is Outcome.UNDECIDED
    assert found.results[0].reason == "No judge could decide this."


def test_a_statement_that_forbids_nothing_is_not_about_the_forbidden() -> None:
    (criterion,) = criteria.read("- Dashboards MUST eval metrics hourly and print a summary\n")
    assert topics.coverage(criterion, ["ruff", "bandit"]) is None


async def test_finding_nothing_decides_nothing_where_not_all_was_seen(tmp_path: Path) -> None:
    rule = "- Code MUST NOT call eval()\n"
    for number, files in enumerate(
        (
            {"a.py": CLEAN, "b.js": "eval('1')\n"},
            {"a.py": CLEAN, "b.py": "def broken(:\n"},
            {"a.py": CLEAN, "big.py": "#" * (2 << 20)},
            {"README": "no code"},
            {"a.py": CLEAN, "index.html": "<script>eval(x)</script>"},
            {"a.py": CLEAN, "bin/tool": "#!/usr/bin/env python3\neval('1')\n"},
        )
    ):
        found = await outcome_of(rule, snapshot(tmp_path / str(number), dict(files)))
        assert found.results[0].outcome is Outcome.UNDECIDED, files


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("No rule violation of bandit:B602.", Outcome.FAIL),
        ("Findings of `bandit:b602` are not accepted", Outcome.FAIL),
        ("Findings of ruff:F40 are not accepted", Outcome.FAIL),
        ("Findings of bandit:B6999 are not accepted", Outcome.UNDECIDED),
        ("Findings of ruff:NOPE1 are not accepted", Outcome.UNDECIDED),
        ("MUST NOT call eval() and every endpoint MUST check permissions", Outcome.UNDECIDED),
    ],
)
async def test_cited_rules_and_compound_statements(statement: str, outcome: Outcome, tmp_path: Path) -> None:
    code = '"""M."""\nimport os\nimport subprocess\nsubprocess.run("ls " + X, shell=True)\n'
    found = await outcome_of(f"- {statement}\n", snapshot(tmp_path, {"a.py": code}))
    assert found.results[0].outcome is outcome


async def test_paths_that_bandit_would_skip_are_analysed(tmp_path: Path) -> None:
    files = {".github/scripts/x.py": "eval('1')\n", "pkg/CVSfoo.py": "eval('1')\n", "a.tox.d/b.py": "eval('1')\n"}
    found = await outcome_of("- Code MUST NOT call eval()\n", snapshot(tmp_path, dict(files)))
    assert {f.path for f in found.analysis.findings if f.rule == "bandit:B307"} == set(files)


async def test_results_that_were_cut_off_decide_nothing(tmp_path: Path) -> None:
    files = {"a.py": "assert X\n" * 10_001, "z.py": "x = 1\n"}
    found = await outcome_of("- No findings of `bandit:B301`\n", snapshot(tmp_path, dict(files)))
    assert found.results[0].outcome is Outcome.UNDECIDED


async def test_the_strictest_bar_does_not_fail_what_is_clean(tmp_path: Path) -> None:
    found = await outcome_of("- Code MUST NOT call eval()\n", snapshot(tmp_path, {"a.py": CLEAN}), CVA_PASS_SCORE=10)
    assert found.results[0].outcome is Outcome.PASS


async def test_a_missing_tool_decides_nothing_and_is_told_of(tmp_path: Path) -> None:
    broken = [{"name": "bandit", "command": ["surely-not-installed", "{files}"], "patterns": ["*.py"]}]
    found = await outcome_of("- Code MUST NOT call eval()\n", snapshot(tmp_path, {"a.py": CLEAN}), CVA_ANALYZERS=broken)
    assert found.results[0].outcome is Outcome.UNDECIDED
    assert any("bandit is not installed" in note for note in found.analysis.notes)


async def test_only_what_changed_counts_in_diff_mode(tmp_path: Path) -> None:
    files = snapshot(tmp_path, {"old.py": "eval('1')\n", "new.py": CLEAN})
    rule = "- Code MUST NOT call eval()\n"
    assert (await outcome_of(rule, files)).results[0].outcome is Outcome.FAIL
    unchanged = replace(files, changed=frozenset({"new.py"}))
    assert (await outcome_of(rule, unchanged)).results[0].outcome is Outcome.PASS
    changed = replace(files, changed=frozenset({"old.py"}))
    assert (await outcome_of(rule, changed)).results[0].outcome is Outcome.FAIL


async def test_critical_findings_end_the_run_before_any_judge(tmp_path: Path) -> None:
    sarif = {
        "runs": [
            {
                "tool": {"driver": {"name": "x", "rules": [{"id": "C", "properties": {"security-severity": "9.8"}}]}},
                "results": [
                    {
                        "ruleId": "C",
                        "message": {"text": "remote code execution"},
                        "locations": [
                            {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1}}}
                        ],
                    }
                ],
            }
        ]
    }
    added = [{"name": "x", "command": [sys.executable, "-c", f"print({json.dumps(sarif)!r})"], "patterns": ["*.py"]}]
    rule = "- No unused imports in Python code\n"
    found = await outcome_of(rule, snapshot(tmp_path / "1", {"a.py": CLEAN}), CVA_ANALYZERS=added)
    assert found.verdict.verdict == "FAIL"
    assert "CVA_FAIL_FAST" in found.tribunal.why
    off = await outcome_of(rule, snapshot(tmp_path / "2", {"a.py": CLEAN}), CVA_ANALYZERS=added, CVA_FAIL_FAST=False)
    assert off.verdict.verdict == "PASS"
