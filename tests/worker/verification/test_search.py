"""The search over a scope: it finds what stands on a line, whatever the line's end, and loses nothing."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.analyzers.test_analyze import snapshot
from worker.core.vocabulary import CriterionKind
from worker.verification import lines, named, search
from worker.verification.constitution.criteria import Criterion, make
from worker.verification.context.index import Index
from worker.verification.matching import Matcher, Rows
from worker.verification.search import MAX_HITS, Hit


def criterion(statement: str, *patterns: str, kind: CriterionKind = CriterionKind.FORBIDS) -> Criterion:
    made = make(statement, section=None, line=1, quote=statement)
    return replace(made, kind=kind, patterns=patterns)


def found(folder: Path, files: dict[str, str | bytes], of: Criterion) -> search.Scoped:
    return search.scoped(search.Texts(snapshot(folder, files)), [of])[of.key]


def numbers(patterns: list[str], rows: list[str]) -> list[int]:
    matcher = Matcher.of(patterns)
    assert matcher is not None
    return list(matcher.lines(Rows.of(rows), 10_000))


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        (r"^import x", [1, 3]),
        (r"x$", [1, 2]),
        (r"\Aimport x\z", [1]),
        (r"(?-m)^import", [1, 3]),
        (r"\Q^\E|sys$", [4]),
        (r"(?s)import.*sys", []),
        (r"[^#]import", [2]),
        (r"IMPORT X", [1, 2, 3]),
        (r"\\Ax", []),
    ],
)
def test_anchors_are_those_of_a_line_and_nothing_matches_across_lines(pattern: str, hits: list[int]) -> None:
    assert numbers([pattern], ["import x", " import x", "import x.y", "sys"]) == hits


ATOMS = ["a", "b", "^", "$", "\\b", "\\s", "[^a]", ".", "x*", "(?:ab|c)", "\\Aa", "b\\z", "\\n", "c"]


@given(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4), st.lists(st.text("abc x", max_size=5), max_size=40))
def test_searching_a_text_finds_the_lines_that_searching_line_by_line_finds(atoms: list[str], rows: list[str]) -> None:
    matcher = Matcher.of(["".join(atoms)])
    assert matcher is not None
    expected = [number for number, row in enumerate(rows, start=1) if matcher.finds(row)]
    assert list(matcher.lines(Rows.of(rows), 10_000)) == expected
    assert list(matcher.lines(Rows.of(rows), 2)) == expected[:2]


ENDS: dict[str, str | bytes] = {
    "crlf": "one\r\neval(2)\r\n",
    "cr": "one\reval(2)\r",
    "no last end": "one\neval(2)",
    "bom": "\ufeffone\neval(2)\n",
    "separators": "o\u2028n\u0085e\x0c\x0b\x1c\neval(2)\n",
    "tabs": "one\n\teval(2)\n",
    "nul": "o\0ne\neval(2)\n",
    "latin": b"\xe9\neval(2)\n",
    "wide": "one\neval(2)\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", list(ENDS))
def test_lines_are_counted_alike_by_search_index_and_snapshot(tmp_path: Path, name: str) -> None:
    path = "a folder/f\u00e9 1.txt"
    files: dict[str, str | bytes] = {path: ENDS[name], "empty": ""}
    taken = snapshot(tmp_path, files)
    of = criterion("No eval", r"^\s*eval\(")
    scoped = search.scoped(search.Texts(taken), [of])[of.key]
    assert (scoped.hits, scoped.lines) == ((Hit(path, 2),), {path: 2, "empty": 0})
    index = Index.of(taken)
    assert (len(index.files[path].lines), len(index.files["empty"].lines)) == (2, 0)
    assert index.files[path].lines[1].strip() == "eval(2)"
    if name != "wide":
        assert (taken.lines(path) or [])[1].strip() == "eval(2)"


@given(st.text(max_size=60))
def test_a_last_end_begins_no_line_and_no_line_is_lost(text: str) -> None:
    rows = lines.of(text)
    ended = re.sub(r"\r\n|\r", "\n", text)
    assert "\n".join(rows) == ended.removesuffix("\n") or ended == "\n"
    assert not any("\n" in row or "\r" in row for row in rows)


def test_every_path_is_searched_of_pictures_and_lock_files_as_well(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"img/logo.png": b"\x89PNG", "yarn.lock": "x\n", "a.py": "x\n"}
    scoped = found(tmp_path, files, criterion("No such file", r"\.png$|\.lock$"))
    assert set(scoped.hits or ()) == {Hit("img/logo.png", 0), Hit("yarn.lock", 0)}
    assert scoped.lines == {"a.py": 1}


def test_what_must_be_somewhere_is_searched_for_in_what_did_not_change_as_well(tmp_path: Path) -> None:
    taken = replace(snapshot(tmp_path, {"a.py": "log\n", "b.py": "log\n"}), changed=frozenset({"b.py"}))
    forbids, somewhere = criterion("x", "log"), criterion("y", "log", kind=CriterionKind.SOMEWHERE)
    scoped = search.scoped(search.Texts(taken), [forbids, somewhere])
    assert (scoped[forbids.key].hits, scoped[forbids.key].unchanged) == ((Hit("b.py", 1),), 1)
    assert scoped[somewhere.key].hits == (Hit("a.py", 1), Hit("b.py", 1))


def test_patterns_too_large_together_are_searched_for_one_by_one(tmp_path: Path) -> None:
    large = [rf"(?:\pL{{1,20}}x){{1,2}}{n}q" for n in range(12)]
    patterns = search.usable(large)
    assert len(patterns) == 12
    scoped = found(tmp_path, {"a.py": "nothing\nabx7q\n"}, criterion("x", *patterns))
    assert (scoped.hits, scoped.patterns) == ((Hit("a.py", 2),), patterns)


def test_a_pattern_that_exhausts_its_memory_still_finds(tmp_path: Path) -> None:
    text = "".join("ab"[n % 3 % 2] for n in range(20_000)) + "a" + "b" * 16 + "!"
    scoped = found(tmp_path, {"a.txt": f"x\n{text}\n"}, criterion("x", r"(?:a|b)*a(?:a|b){16}!"))
    assert scoped.hits == (Hit("a.txt", 2),)


def test_what_hits_everything_overflows_and_says_so(tmp_path: Path) -> None:
    scoped = found(tmp_path, {"a.txt": "word\n" * 2000}, criterion("x", r"\w"))
    assert scoped.overflow
    assert sum(hit.line > 0 for hit in scoped.hits or ()) == MAX_HITS
    assert search.usable(["", ".", "x*", "(", "(?=a)", "a" * 201, "\x01|a", "ok", "ok"]) == ("ok",)


def test_a_match_that_reaches_far_takes_no_more_time_than_the_lines(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a.txt": "x = 1\n" * 40_000 + "y;\n"}
    began = time.process_time()
    found(tmp_path, files, criterion("x", r"x[^;]*y", r"1[^;]+;"))
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("statement", "patterns", "searched"),
    [
        ("Code MUST NOT call `eval()`", ["evil"], ["evil", "eval"]),
        ("Code MUST NOT call `eval()`", [r"\beval\s*\("], [r"\beval\s*\("]),
        ("Never use `print`; use `logging` instead", [r"\bprint\("], [r"\bprint\("]),
        ("Never use `print`; use `logging` instead", ["prnt"], ["prnt", "print"]),
        ("MUST NOT import `tkinter`", [r"^\s*import tkinter"], [r"^\s*import tkinter"]),
        ("Code in `src/` MUST NOT call `os.system(`", [r"os\.sytem"], [r"os\.sytem", r"os\.system"]),
        ("`eval` and `exec` MUST NOT be used", ["eval"], ["eval", "exec"]),
        ("MUST NOT call `run` without `timeout`", [r"\brun\("], [r"\brun\("]),
        ("MUST NOT block", ["sleep"], ["sleep"]),
        ("Code MUST NOT call `eval()`", [], []),
    ],
)
def test_code_that_a_sentence_forbids_is_searched_for_whatever_the_patterns_forget(
    statement: str, patterns: list[str], searched: list[str]
) -> None:
    of = replace(make(statement, section=None, line=1, quote=statement), patterns=tuple(patterns))
    assert list(search.patterns_of(replace(of, kind=CriterionKind.FORBIDS))) == searched
    assert search.patterns_of(replace(of, kind=CriterionKind.EVERYWHERE)) == tuple(patterns)
    assert all("`" not in name for name in named.forbidden(of))
