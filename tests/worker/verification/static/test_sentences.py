"""Sentences that look like the closed set and mean something else are not decided; those of it are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.verification.static.small import Small, analysed, decided
from worker.core.vocabulary import Outcome
from worker.verification.constitution.criteria import ConstitutionRejected

_DIRTY = """import hashlib, os, pickle, re, subprocess, sys, tempfile, yaml, requests
from datetime import datetime


def work(data, extra=[]):
    eval(data); exec(data); print(data)
    assert data
    os.system(data); os.popen(data); subprocess.run(data, shell=True)
    pickle.loads(data); yaml.load(data); tempfile.mktemp()
    hashlib.md5(data); hashlib.sha1(data)
    requests.get(data, verify=False)
    datetime.utcnow(); datetime.now()
    try:
        return undefined_name
    except:
        pass
    # TODO: later
    # FIXME: now
"""
_STAR = "from glob import *\n"
_CLEAN = '"""A module."""\n\nVALUE = 1\n'
DIRTY = {
    "src/app/work.py": _DIRTY,
    "src/app/star.py": _STAR,
    "src/app/__init__.py": "",
    "src/app/name.py": "def work():\n    return nowhere\n",
    "src/app/load.py": "import json\n",
    "src/app/page.js": "console.log(1); node.innerHTML = 1; main();\n",
    "src/app/page.ts": "let x: any = 1;\n",
    "src/app/work.rs": "fn f() { x.unwrap(); }\n",
    "src/app/work.c": "void f(char *a) { strcpy(a, a); }\n",
    "src/app/work.go": 'package a\n\nimport "time"\n\nfunc f() { time.Sleep(1) }\n',
    "Dockerfile": "FROM scratch\n",
    "requirements.txt": "a\n",
    "setup.py": "",
    "package.json": "{}",
    "node_modules/x/index.js": "",
}
CLEAN = {"src/app/work.py": _CLEAN}


def corpus() -> Iterator[tuple[str, str]]:
    """(outcomes that are right: F, P, both or none; the sentence or the piece of a constitution)"""
    for line in _lines("sentences.txt"):
        label, sentence = line.split("\t")
        yield label, sentence.replace("\\n", "\n")


def _lines(name: str) -> list[str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def smalls(tmp_path_factory: pytest.TempPathFactory) -> list[Small]:
    return analysed(tmp_path_factory.mktemp("smalls"), [DIRTY, CLEAN])


_RULES = (
    "code MUST NOT call `eval()`", "`eval` is forbidden", "never use `exec`", "no `os.system`", "no bare `except:` clauses",
    "`shell=True` MUST NOT appear", "wildcard imports are forbidden", "unused imports must be removed", "no TODO comments",
    "`print()` must not be used", "findings of `ruff:E722` are not accepted", "MD5 must not be used",
)  # fmt: skip


def outcomes(sentence: str, small: Small) -> set[Outcome]:
    try:
        return {result.outcome for result in decided(sentence, small)}
    except ConstitutionRejected:
        return set()


def test_no_sentence_is_decided_that_means_something_else(smalls: list[Small]) -> None:
    dirty, clean = smalls
    wrong = []
    for label, sentence in corpus():
        there, nowhere = outcomes(sentence, dirty), outcomes(sentence, clean)
        if Outcome.PASS in there or Outcome.FAIL in nowhere:
            wrong.append(f"the wrong way round: {sentence!r}")
        if Outcome.FAIL in there and "F" not in label:
            wrong.append(f"FAIL: {sentence!r}")
        if Outcome.PASS in nowhere and "P" not in label:
            wrong.append(f"PASS: {sentence!r}")
    assert not wrong, "\n".join(wrong)


def test_the_closed_set_is_decided(smalls: list[Small]) -> None:
    dirty, clean = smalls
    missed = []
    for label, sentence in corpus():
        if ("F" in label and Outcome.FAIL not in outcomes(sentence, dirty)) or (
            label == "F P" and Outcome.PASS not in outcomes(sentence, clean)
        ):
            missed.append(f"{label}: {sentence!r}")
    assert not missed, "\n".join(missed)


def test_the_corpus_holds_enough_that_only_looks_like_the_closed_set() -> None:
    labels = [label for label, _ in corpus()]
    assert len(labels) >= 450
    assert sum("F" not in label for label in labels) >= 300


def test_no_further_clause_leaves_a_rule_that_fails(smalls: list[Small]) -> None:
    dirty, _ = smalls
    lines = [line.split("\t") for line in _lines("clauses.txt")]
    changed = [rule + text if where == "after" else text + rule for rule in _RULES for where, text in lines]
    wrong = [sentence for sentence in changed if outcomes(sentence, dirty) - {Outcome.UNDECIDED}]
    assert not wrong, "\n".join(wrong)
