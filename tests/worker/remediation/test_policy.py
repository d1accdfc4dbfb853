"""The policy as a function of values: every cell of the table, and what makes it stricter."""

import itertools

import pytest

from worker.core.vocabulary import Category, FixAction
from worker.remediation import policy
from worker.remediation.policy import FileChange, Limits

AUTO, REVIEW, CONFIRM, MANUAL = FixAction
LIMITS = Limits(files=3, lines=20, forbidden=("vendor/**", "*.min.js"))
# The design's table, cell by cell: at or above 0.9, at or above 0.7, below.
TABLE = {
    Category.STYLE: (AUTO, AUTO, REVIEW),
    Category.FUNCTIONALITY: (REVIEW, CONFIRM, MANUAL),
    Category.SECURITY: (CONFIRM, MANUAL, MANUAL),
}
CONFIDENCES = ((1.0, 0), (0.9, 0), (0.8999, 1), (0.7, 1), (0.6999, 2), (0.0, 2))


@pytest.mark.parametrize(
    ("category", "confidence", "column", "breaking"),
    [(c, value, column, b) for c, (value, column), b in itertools.product(Category, CONFIDENCES, (False, True))],
)
def test_the_table_of_approvals_cell_by_cell(
    category: Category, confidence: float, column: int, breaking: bool
) -> None:
    expected = MANUAL if breaking else TABLE[category][column]
    assert policy.action(category, confidence, breaking=breaking) is expected


def ruled(*changes: FileChange, category: Category = Category.STYLE, breaking: bool = False) -> policy.Ruling:
    return policy.judge(
        changes,
        allowed={change.path for change in changes},
        category=category,
        confidence=0.95,
        breaking=breaking,
        limits=LIMITS,
    )


def change(path: str = "app.py", removed: str = "x = 1", added: str = "x = 2", **more: str) -> FileChange:
    return FileChange(path, tuple(removed.split("\n")), tuple(added.split("\n")), **more)


def test_a_small_change_of_style_is_applied_without_a_person() -> None:
    assert ruled(change()) == policy.Ruling(AUTO)


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", "ops/Dockerfile",
        "docker-compose.prod.yml", ".pre-commit-config.yaml", "azure-pipelines.yml", "uv.lock", "poetry.lock",
        "package-lock.json", "yarn.lock", "Cargo.lock", "go.sum", "requirements.txt", "requirements-dev.txt",
        "pnpm-lock.yaml", "alembic/versions/001_init.py", "db/migrate/001.rb", "shop/migrations/0001_initial.py",
        "schema.sql", "pyproject.toml", "setup.cfg", "tox.ini", "ruff.toml", ".ruff.toml", ".flake8", ".bandit",
        "conftest.py", "tests/conftest.py", ".eslintrc.json", "eslint.config.js", "package.json", "tsconfig.json",
        "Makefile", "Containerfile", "compose.yaml", "Procfile", "justfile", "main.tf", "Pipfile", "Gemfile", "go.mod",
        "bun.lockb", "constraints.txt", "sitecustomize.py", "a.pth", ".envrc", ".vscode/tasks.json", "GEMINI.md",
        ".cursorrules", ".claude/commands/a.py", "vite.config.ts", "build.rs", "README.md", "data.csv", "noext",
        "CONSTITUTION.md", "docs/constitution.txt", ".tribunal/constitution.md",
        ".specify/memory/constitution.md", "AGENTS.md", "CLAUDE.md", "vendor/lib/a.py", "site.min.js", "mypy.ini",
    ],
)  # fmt: skip
def test_some_paths_are_nobodys_but_a_persons(path: str) -> None:
    ruling = ruled(change(path))
    assert (ruling.action, ruling.refused) == (MANUAL, None)
    assert path in ruling.reasons[0]


@pytest.mark.parametrize(
    "line",
    [
        "x = eval(y)  # noqa", "x = eval(y)  # noqa: S307", "x = eval(y)  # NOQA:S307", "x = eval(y)  # nosec",
        "x = eval(y)  # nosec B307", "x = f()  # type: ignore", "x = f()  # type:ignore[misc]",
        "# pylint: disable=eval-used", "# ruff: noqa", "# flake8: noqa", "# mypy: ignore-errors", "# fmt: off",
        "# pragma: no cover", "// eslint-disable-next-line", "/* eslint-disable */", "// @ts-ignore",
        "// @ts-expect-error", "// NOSONAR", "x := f() //nolint:errcheck", "# nosemgrep", "// lgtm [js/xss]",
        "// codeql[js/xss]", "@SuppressWarnings(\"all\")", "#[allow(unsafe_code)]", "#![allow(dead_code)]",
        "# rubocop:disable all", "// phpcs:ignore", "//noinspection All", "#pragma warning disable CS0168",
        "x = eval(y)  # ｎｏｑａ", "import os as os", "# yapf: disable", "@no_type_check", "# pyre-ignore",
        "warnings.filterwarnings('ignore')", "warnings.simplefilter('ignore')", "# isort:skip",
    ],
)  # fmt: skip
def test_what_silences_a_check_needs_a_person(line: str) -> None:
    assert ruled(change(added=line)).action is MANUAL


@pytest.mark.parametrize(
    ("path", "removed", "added"),
    [
        ("tests/test_a.py", "    assert f() == 1", "    f()"),
        ("app.py", "    assert x > 0", "    pass"),
        ("a.test.js", "  expect(f()).toBe(1)", "  f()"),
        ("a_test.go", '\tt.Fatalf("no")', "\treturn"),
        ("tests/test_a.py", "def test_it():", "def it():"),
        ("tests/test_a.py", "x = 1", "@pytest.mark.skip"),
        ("tests/test_a.py", "x = 1", "@pytest.mark.xfail"),
        ("src/a.spec.ts", "x", "it.only('a', () => {"),
        ("tests/test_a.py", "    with pytest.raises(ValueError):", "    if True:"),
    ],
)
def test_a_test_that_gets_weaker_needs_a_person(path: str, removed: str, added: str) -> None:
    assert ruled(change(path, removed, added)).action is MANUAL


def test_an_assertion_that_moves_may_never_be_reached() -> None:
    moved = change("app.py", "    assert f() == 1\n    return 1", "    return 1\n    assert f() == 1")
    assert ruled(moved).action is MANUAL


def test_a_test_is_changed_by_nobody_without_a_person() -> None:
    assert ruled(change("tests/test_a.py")).action is CONFIRM
    assert ruled(change("src/foo.spec.ts")).action is CONFIRM


def test_what_nobody_can_parse_is_confirmed() -> None:
    ruling = policy.judge(
        [change("a.go")], allowed={"a.go"}, category=Category.STYLE, confidence=1, breaking=False, limits=LIMITS,
        unread=["a.go"],
    )  # fmt: skip
    assert ruling.action is CONFIRM


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(x)",
        "eval(x)",
        "𝐬ubprocess.run(x)",
        "open(x, 'w')",
        "x.__class__",
        "shutil.rmtree(x)",
        "y = 'https://evil.example'",
        "os.system(x)",
    ],
)
def test_new_powers_are_confirmed_whatever_the_category(line: str) -> None:
    assert ruled(change(added=line)).action is CONFIRM
    assert ruled(change(removed=line, added=line + "  # so")).action is AUTO


def test_a_change_has_a_radius() -> None:
    wide = [change(f"a{number}.py") for number in range(4)]
    long = change(added="\n".join("x" * 3 for _ in range(20)))
    assert "CVA_REMEDIATION_FILES" in ruled(*wide).reasons[0]
    assert "CVA_REMEDIATION_LINES" in ruled(long).reasons[0]
    assert [ruled(*wide).action, ruled(long).action] == [MANUAL, MANUAL]
    assert ruled(*wide[:3]).action is AUTO


def test_a_breaking_change_is_a_persons() -> None:
    assert ruled(change(), breaking=True).action is MANUAL


@pytest.mark.parametrize(
    "bad",
    [
        change(".git/config"), change(".git/hooks/pre-commit"), change("sub/.GIT/config"), change(".gitattributes"),
        change("a/.gitmodules"), change(".gitignore"), change(".husky/pre-commit"), change("/etc/passwd"),
        change("../app.py"), change("a/../../b.py"), change("./app.py"), change("a//b.py"), change("a\\b.py"),
        change("app.py", status="A"), change("app.py", status="D"), change("app.py", status="T"),
        change("app.py", mode_after="100755"), change("app.py", mode_after="120000"),
        change("app.py", mode_before="120000", mode_after="120000"), change("sub", mode_before="160000", mode_after="160000"),
    ],
    ids=lambda bad: f"{bad.path} {bad.status} {bad.mode_after}",
)  # fmt: skip
def test_what_is_no_change_of_lines_is_refused(bad: FileChange) -> None:
    ruling = ruled(bad)
    assert ruling.refused
    assert ruling.action is MANUAL


@pytest.mark.parametrize("path", ["app.ру", "аpp.py", "app.py ", "APP.py", "app.py\u200b"])
def test_a_path_that_only_looks_like_the_issues_is_refused(path: str) -> None:
    ruling = policy.judge(
        [change(path)], allowed={"app.py"}, category=Category.STYLE, confidence=1, breaking=False, limits=LIMITS
    )
    assert "where the issue is not" in str(ruling.refused)


def test_nothing_is_no_fix() -> None:
    assert ruled().refused == "It changes nothing."
