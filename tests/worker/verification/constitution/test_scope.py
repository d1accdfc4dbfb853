"""The paths that a criterion speaks of: within, without, or it cannot be said."""

import pytest

from worker.verification.constitution import scope
from worker.verification.constitution.scope import Scope, Within


@pytest.mark.parametrize(
    ("statement", "include", "exclude", "plain"),
    [
        ("No `eval` in `src/`", ["src/"], [], "No `eval`"),
        ("In `src/`, `eval` MUST NOT be used.", ["src/"], [], "`eval` MUST NOT be used."),
        ("Code in `src/api/` MUST be typed", ["src/api/"], [], "Code MUST be typed"),
        ("Nothing under `vendor/` may be edited", ["vendor/"], [], "Nothing may be edited"),
        ("Code MUST NOT call eval, except in tests", [], ["tests"], "Code MUST NOT call eval"),
        ("eval is never called (except in scripts and `tools/`)", [], ["scripts", "tools/"], "eval is never called"),
        ("All code outside `tests/` MUST be typed", [], ["tests/"], "All code MUST be typed"),
        ("Library code MUST NOT print", ["product code"], [], "all code MUST NOT print"),
        ("Python files MUST have docstrings", ["python"], [], "all files MUST have docstrings"),
        ("No print in production code", ["product code"], [], "No print"),
        ("No `any` in `*.ts` files or `web/**/*.tsx`", None, [], None),
        ("No print in `a/`, `b/` and `c.py`", ["a/", "b/", "c.py"], [], "No print"),
        ("Secrets MUST NOT be stored in `config/`", ["config/"], [], "Secrets MUST NOT be stored"),
        ("Never edit docs in `d/ja`, `d/ko`, or `d/zh` (generated)", ["d/ja", "d/ko", "d/zh"], [], None),
        ("Functions of the library MUST be typed", ["product code"], [], "Functions MUST be typed"),
    ],
)
def test_what_limits_a_statement(
    statement: str, include: list[str] | None, exclude: list[str], plain: str | None
) -> None:
    limits, rest = scope.read(statement)
    if include is not None:
        assert list(limits.include) == include
    assert list(limits.exclude) == exclude
    if plain is not None:
        assert rest == plain
    assert limits.quotes


@pytest.mark.parametrize(
    "statement",
    [
        "No Hardcoded Secrets: All sensitive values in `.env` file",
        "Secrets are kept in `.env`",
        "All tool configuration lives in `pyproject.toml`",
        "The versions declared in `pyproject.toml` are supported",
        "`print` MUST only be used in `cli.py`",
        "`print` is used in `cli.py` only",
        "SQL belongs in `repositories/` alone",
        "Nobody may import `x` but in `y/`",
        "Imports of `src/legacy/` are forbidden",
        "The use of `tests/` is forbidden",
        "Every function is documented in the docs",
        "Every branch is covered in tests",
        "The package MUST ship a licence",
        "The library MUST have a README",
        "Changes are documented in `CHANGELOG.md`",
        "No print in `src/` and in the folders of the team",
    ],
)
def test_what_says_where_something_is_to_be_limits_nothing(statement: str) -> None:
    limits, rest = scope.read(statement)
    assert (limits.include, limits.exclude) == ((), ())
    assert rest == statement


@pytest.mark.parametrize(
    ("statement", "condition"),
    [
        ("No `any` unless justified", "unless justified"),
        ("Use types where possible", "where possible"),
        ("No print when tests run", "when tests run"),
        ("Kein `eval`, außer mit Begründung", "außer mit Begründung"),
        ("不得使用 `any`，除非有说明", "除非有说明"),
        ("Sin `eval`, salvo en emergencias", "salvo en emergencias"),
        ("No `eval`, except in tests and in what the team says", "except in tests and in what the team says"),
        ("No `eval` without explicit permission", "without explicit permission"),
    ],
)
def test_a_condition_that_is_no_path_stays_open(statement: str, condition: str) -> None:
    limits, rest = scope.read(statement)
    assert limits.unresolved == (condition,)
    assert condition in rest


@pytest.mark.parametrize(
    ("include", "exclude", "path", "within"),
    [
        (["src/"], [], "src/a.py", Within.YES),
        (["src/"], [], "lib/a.py", Within.NO),
        (["core/"], [], "src/app/core/a.py", Within.UNCLEAR),
        (["setup.py"], [], "setup.py", Within.YES),
        (["*.ts"], [], "a/b.ts", Within.YES),
        (["packages/*/src/"], [], "packages/a/src/x.py", Within.YES),
        (["packages/*/src/"], [], "packages/a/b/src/x.py", Within.NO),
        (["lib/**/*.ts"], [], "lib/x.ts", Within.YES),
        (["lib/**/*.ts"], [], "app/lib/a/x.ts", Within.UNCLEAR),
        (["python"], [], "a.py", Within.YES),
        (["product code"], [], "app/a.py", Within.YES),
        (["product code"], [], "a.py", Within.UNCLEAR),
        (["product code"], [], "tests/a.py", Within.NO),
        (["product code"], [], "tools/a.py", Within.UNCLEAR),
        (["code"], [], "requirements.txt", Within.YES),
        (["code"], [], "notes.txt", Within.NO),
        ([], ["tests"], "tests/a.py", Within.NO),
        ([], ["tests"], "src/lib.rs", Within.UNCLEAR),
        ([], ["tests"], "spec/openapi.yaml", Within.UNCLEAR),
        ([], ["tests"], "app/Audit.java", Within.YES),
        ([], ["tests"], "app/AUDIT.java", Within.YES),
        ([], ["tests"], "app/OrderIT.java", Within.NO),
        ([], ["scripts"], "scripts/a.py", Within.NO),
        ([], ["scripts"], "app/tools/search.py", Within.UNCLEAR),
        ([], ["migrations"], "api/versions/v1.py", Within.UNCLEAR),
        ([], ["examples"], "lab/samples/a.py", Within.UNCLEAR),
        ([], [], "anything", Within.YES),
    ],
)
def test_whether_a_path_is_within(include: list[str], exclude: list[str], path: str, within: Within) -> None:
    assert Scope(tuple(include), tuple(exclude)).of(path) is within


@pytest.mark.parametrize(
    ("entries", "own", "stated"),
    [
        (["src/"], "in `src/`", True),
        (["src/"], "in `src/api`", True),
        (["docs/"], "in `src/`", False),
        (["tests"], "except in tests", True),
        (["tests"], "außer in Tests", True),
        (["tests"], "测试除外", True),
        (["tests"], "except in scripts", False),
        (["product code"], "library code", True),
        (["product code"], "all code", False),
        (["python"], "Python code", True),
        (["*.py"], "in every *.py file", True),
        (["scripts", "docs/"], "except in scripts", False),
    ],
)
def test_whether_the_text_states_a_limit(entries: list[str], own: str, stated: bool) -> None:
    assert scope.stated(entries, own) is stated


def test_entries_that_no_repository_has_are_dropped() -> None:
    given = ["src/", "tests", "python", "../x", "/etc", "somewhere else", "`app/`", "a b/c", "library code"]
    assert scope.entries(given) == ("src/", "tests", "python", "app/")
