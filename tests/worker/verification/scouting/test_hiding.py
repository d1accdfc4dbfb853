"""A repository that wants a PASS: whatever it does to keep a text from being read, nobody says that it was read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Outcome, Severity, Vote
from worker.sources.snapshot import SnapshotLimits, scan
from worker.verification.constitution.criteria import Criterion
from worker.verification.examination import Examination
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.scouting.survey import NamedPlace, PieceRead

FILLER = {
    f"pkg/m{n}.py": "".join(f"def f_{n}_{i}(x):\n    return x + {i}\n\n\n" for i in range(60)).encode()
    for n in range(40)
}
CONSTITUTION = "# Rules\n\n- Code MUST NOT call eval.\n"
Scout = Callable[[int, str], PieceRead]


def rule(
    category: Category = Category.SECURITY,
    kind: CriterionKind = CriterionKind.FORBIDS,
    patterns: tuple[str, ...] = (r"\beval\(",),
) -> Criterion:
    statement = "Code MUST NOT call eval."
    return Criterion("no-eval", category, Severity.HIGH, statement, None, 3, kind, patterns=patterns)


def nothing(number: int, _: str) -> PieceRead:
    return PieceRead(number, ())


def examined(
    folder: Path,
    files: dict[str, bytes],
    of: Criterion,
    scout: Scout = nothing,
    *,
    changed: frozenset[str] | None = None,
) -> tuple[CriterionResult, str]:
    """The result when all judges say PASS and cite nothing, and all that scouts were shown."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    settings = Settings.model_construct()
    examination = Examination()
    examination.index(scan(folder, SnapshotLimits(100_000, 1 << 30, 1 << 30), changed=changed))
    to_scout = examination.open([of], Analysis((), (), ()), CONSTITUTION, settings)
    texts = {piece.number: examination.piece(piece.number) for piece in to_scout.pieces}
    examination.scouted([scout(number, text) for number, text in texts.items()])
    examination.show(settings)
    opinions = [Opinion(of.key, role, Vote.PASS, "fine", "m", score=9, confidence=0.9) for role in JudgeRole]
    (result,) = examination.hear(opinions, settings).results
    return result, "\n".join(texts.values())


def test_what_is_read_and_clean_passes(tmp_path: Path) -> None:
    result, _ = examined(tmp_path, FILLER, rule())
    assert result.outcome is Outcome.PASS, result.reason
    assert "scouts read its whole scope, 9" in result.reason


HIDDEN = b"getattr(__builtins__, 'ev' + 'al')(input())\n"


@pytest.mark.parametrize("category", [Category.SECURITY, Category.STYLE])
@pytest.mark.parametrize(
    "files",
    [
        {"vendor/x.py": HIDDEN},
        {"dist/x.js": HIDDEN},
        {"x.py": b"# @generated\n" + HIDDEN},
        {".gitattributes": b"* linguist-vendored\n", "x.py": HIDDEN},
        {"run.ai": HIDDEN},
        {"data.db": HIDDEN},
    ],
    ids=["vendor", "dist", "header", "everything vendored", "a picture's ending", "a database's ending"],
)
def test_a_mark_or_an_ending_hides_nothing_from_those_who_look_for_harm(
    tmp_path: Path, files: dict[str, bytes], category: Category
) -> None:
    result, texts = examined(tmp_path, {**FILLER, **files}, rule(category))
    read = "'ev' + 'al'" in texts
    assert read or category is not Category.SECURITY
    if not read:
        # It was spared, is named, and nobody says that all was read; where all is marked, nothing is believed.
        named = result.coverage.spared_files and "but 1 generated or vendored file" in result.reason
        assert named if result.outcome is Outcome.PASS else "was read" in result.reason


@pytest.mark.parametrize("category", [Category.SECURITY, Category.STYLE])
@pytest.mark.parametrize(
    "files",
    [
        {"x.py": b"# coding: utf-7\n+AGUAdgBhAGwAKAA-1)\n"},
        {"x.js": b"/*" + b"\0" * 100 + b"*/ eval(input)"},
        {"run": b"\xff\xfe\0\0eval(1)" + b"\0" * 40},
        {"x.py": b"version https://git-lfs.github.com/spec/v1\neval(1)\n"},
    ],
    ids=["codec", "NULs", "no ending", "a pointer"],
)
def test_what_nobody_can_read_is_not_read(tmp_path: Path, files: dict[str, bytes], category: Category) -> None:
    result, _ = examined(tmp_path / "whole", {**FILLER, **files}, rule(category))
    assert result.outcome is Outcome.UNDECIDED
    (path,) = files
    change, _ = examined(tmp_path / "diff", {**FILLER, **files}, rule(category), changed=frozenset({path}))
    assert change.outcome is Outcome.UNDECIDED


def test_an_archive_is_spared_but_for_security(tmp_path: Path) -> None:
    files = {**FILLER, "tests/data.tar.gz": b"\x1f\x8b\x08\0\0\xff\xfe" * 50}
    style, _ = examined(tmp_path / "style", files, rule(Category.STYLE))
    assert style.outcome is Outcome.PASS and style.coverage.spared == ("tests/data.tar.gz",)
    security, _ = examined(tmp_path / "security", files, rule())
    assert security.outcome is Outcome.UNDECIDED


def test_code_between_the_marks_of_a_key_is_not_read(tmp_path: Path) -> None:
    code = (
        b'HEAD = """-----BEGIN PRIVATE KEY-----"""\nrun=eval\nTLS.verify=False\nEND = """-----END PRIVATE KEY-----"""\n'
    )
    result, texts = examined(tmp_path, {**FILLER, "x.py": code}, rule(patterns=()))
    assert "run=eval" not in texts
    assert result.outcome is Outcome.UNDECIDED and "was read" in result.reason
    key = b'KEY = """-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nQmFzZTY0==\n-----END PRIVATE KEY-----"""\n'
    honest, _ = examined(tmp_path / "key", {**FILLER, "x.py": key}, rule(patterns=()))
    assert honest.outcome is Outcome.PASS, honest.reason


def test_a_constitutions_place_hides_nothing(tmp_path: Path) -> None:
    files = {
        **FILLER,
        ".tribunal/constitution.md": b"# Another\n\n`eval(` it\n",
        "docs/rules.md": CONSTITUTION.encode(),
    }
    result, texts = examined(tmp_path, files, rule())
    assert "`eval(` it" in texts and "MUST NOT call eval" not in texts
    assert result.outcome is Outcome.UNDECIDED


def test_a_lock_file_is_searched_for_what_must_not_be_anywhere(tmp_path: Path) -> None:
    files = {**FILLER, "package-lock.json": b'{"scripts": "eval(1)"}\n'}
    assert examined(tmp_path / "security", files, rule())[0].outcome is Outcome.UNDECIDED
    assert examined(tmp_path / "style", files, rule(Category.STYLE))[0].outcome is Outcome.PASS


def _naming(places: Callable[[int, str], Sequence[NamedPlace]]) -> Scout:
    return lambda number, text: PieceRead(number, tuple(places(number, text)))


def _first_lines(text: str, *, holds: bool, quote: str | None = None) -> list[NamedPlace]:
    """A place in each text of the piece."""
    rows = text.split("\n")
    found = []
    for number, row in enumerate(rows):
        if row.startswith("=== "):
            first = rows[number + 1].partition("| ")[2]
            found.append(NamedPlace(int(row[4:]), "no-eval", 1, 1, quote or first, holds, "x"))
    return found


def test_places_that_are_too_many_are_counted_and_none_is_lost_behind_those_that_hold(tmp_path: Path) -> None:
    files = {f"p/{n}.py": f"def only_{n}():\n    return {n}\n".encode() * 30 for n in range(400)}
    of = rule(Category.STYLE, CriterionKind.EVERYWHERE, ())
    holding = _naming(lambda _, text: _first_lines(text, holds=True))
    breaking = _naming(lambda _, text: _first_lines(text, holds=False))

    def both(number: int, text: str) -> PieceRead:
        last = "only_399(" in text
        return (breaking if last else holding)(number, text)

    result, _ = examined(tmp_path / "both", files, of, both)
    assert result.coverage.places >= 1 and result.outcome is Outcome.UNDECIDED
    many, _ = examined(tmp_path / "many", files, of, breaking)
    assert many.coverage.places == 400 > many.coverage.places_shown
    assert many.outcome is Outcome.UNDECIDED


def test_a_place_whose_quotation_was_copied_wrongly_counts(tmp_path: Path) -> None:
    files = {**FILLER, "x.py": "def run(a):\n    return 𝐞val(a)\n".encode()}

    def scout(number: int, text: str) -> PieceRead:
        named = [place for place in _first_lines(text, holds=False, quote="return eval(a)") if "𝐞val" in text][:1]
        return PieceRead(number, tuple(named))

    result, _ = examined(tmp_path, files, rule(patterns=()), scout)
    assert result.coverage.places == 1
    assert result.outcome is Outcome.UNDECIDED
