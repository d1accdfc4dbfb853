"""Nothing is hidden by its form: a violation is shown and found, or its file counts as not seen and bars a PASS."""

from dataclasses import replace
from pathlib import Path

import pytest

from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import CriterionKind, Outcome
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification import coverage, lines, search
from worker.verification.constitution import reading
from worker.verification.context.index import MAX_FILE_BYTES, Index
from worker.verification.context.select import Known, overview, select
from worker.verification.result import Coverage
from worker.verification.static import decide, topics

_CODE = "x = eval(y)"
_LONG = "let x=1;" + " " * 400
_FORMS = {
    "far to the right": ("a.js", f"{_LONG}{_CODE}\n".encode()),
    "a file of one line": ("a.js", ("f(1);" * 30_000 + f"{_CODE};").encode()),
    "a file of one line above the size shown": ("a.js", ("f(1);" * 60_000 + f"{_CODE};").encode()),
    "NUL in a comment": ("a.py", f"# \0\n{_CODE}\n".encode()),
    "a folder of builds": ("build/a.py", f"{_CODE}\n".encode()),
    "a vendored folder": ("vendor/a/a.go", f"{_CODE}\n".encode()),
    "a folder of distributions": ("dist/a.js", f"{_CODE}\n".encode()),
    "above the size shown": ("a.py", (f"{_CODE}\n" + "# \n" * MAX_FILE_BYTES).encode()),
    "UTF-16": ("a.py", f"{_CODE}\n".encode("utf-16")),
    "UTF-16 without a mark": ("a.py", f"{_CODE}\n".encode("utf-16-le")),
    "UTF-32": ("a.py", f"{_CODE}\n".encode("utf-32")),
    "a byte order mark": ("a.py", b"\xef\xbb\xbf" + f"{_CODE}\n".encode()),
    "line ends of CR": ("a.py", f"# a\r{_CODE}\r".encode()),
    "a separator of Unicode": ("a.js", f"// a\u2028{_CODE}\n".encode()),
    "a form feed": ("a.py", f"# a\f{_CODE}\n".encode()),
    "bytes that are no text": ("a.py", b"# \xff\xfe\n" + f"{_CODE}\n".encode()),
    "a coding that hides": ("a.py", b"# -*- coding: utf-7 -*-\nx = +AGUAdgBhAGwAKAB5ACk-\n"),
    "a name of a picture's map": ("a.svg", f"<script>{_CODE}</script>\n".encode()),
    "a file of secrets": (".netrc", f"{_CODE}\n".encode()),
    "bytes of a program": ("a.bin", bytes(range(256)) * 40 + _CODE.encode()),
}


def _snapshot(folder: Path, files: dict[str, bytes]) -> Snapshot:
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return scan(folder, SnapshotLimits(100, 1 << 30, 1 << 20))


def _coverage(snapshot: Snapshot) -> tuple[Coverage, str]:
    """Of «no eval», where everything that may be shown is shown; and what the judges read."""
    [criterion] = reading.read("- Code MUST NOT call `eval()`.\n").criteria
    criterion = replace(criterion, patterns=(r"\beval\s*\(",), kind=CriterionKind.FORBIDS)
    index = Index.of(snapshot)
    scoped = search.scoped(search.Texts(snapshot), [criterion])[criterion.key]
    shown = overview(index, budget=10_000_000)
    context = select(index, [criterion], [], budget=10_000_000, whole=shown.whole, known=Known([scoped.hits or ()]))
    return coverage.of(criterion, scoped, context), shown.text + context.text


@pytest.mark.parametrize("form", _FORMS)
def test_a_violation_is_shown_and_found_or_its_file_counts_as_not_seen(tmp_path: Path, form: str) -> None:
    path, data = _FORMS[form]
    seen, read = _coverage(_snapshot(tmp_path, {path: data, "b.py": b"x = 1\n"}))
    assert not seen.nowhere
    if seen.seen:
        assert seen.hits == 1 and _CODE in read


@pytest.mark.parametrize("form", _FORMS)
def test_static_mode_says_of_no_form_that_nothing_is_there(tmp_path: Path, form: str) -> None:
    path, data = _FORMS[form]
    snapshot = _snapshot(tmp_path, {path: data, "b.py": b"x = 1\n"})
    criteria = reading.read("- Code MUST NOT call `eval()`.\n").criteria
    meanings = [topics.meaning(criterion, ("ruff", "bandit"), {}) for criterion in criteria]
    [result] = decide.decide_all(snapshot, Analysis((), (), ()), criteria, meanings)
    assert result.outcome is not Outcome.PASS


def test_a_line_keeps_its_number_and_its_end_however_long_it_is(tmp_path: Path) -> None:
    text = f"a = 1\n{_LONG}{_CODE}\nb = 2\n"
    index = Index.of(_snapshot(tmp_path, {"a.js": text.encode()}))
    assert list(index.files["a.js"].lines) == lines.of(text)
