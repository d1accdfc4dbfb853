"""What may be done with a fix: pure functions of what it changes, which nobody's confidence and no model can move.

The table of approvals says what a fix of a category and a confidence needs. What the change touches or does can only
make that stricter: a reason is given for each.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from worker.core.linear import Pattern, escape, pattern
from worker.core.vocabulary import Category, FixAction

_ORDER = (FixAction.AUTO, FixAction.REVIEW, FixAction.CONFIRM, FixAction.MANUAL)
HIGH, MIDDLE = 0.9, 0.7
_TABLE = {
    Category.STYLE: (FixAction.AUTO, FixAction.AUTO, FixAction.REVIEW),
    Category.FUNCTIONALITY: (FixAction.REVIEW, FixAction.CONFIRM, FixAction.MANUAL),
    Category.SECURITY: (FixAction.CONFIRM, FixAction.MANUAL, FixAction.MANUAL),
}

_FORBIDDEN = pattern(
    r"(?i)(?:^|/)\.git(?:/|$)|(?:^|/)\.(?:gitattributes|gitmodules|gitignore|mailmap)$|(?:^|/)\.husky/"
    r"|(?:^|/)\.(?:hg|svn|jj)/"
)
_WORKFLOWS = pattern(
    r"(?i)^\.(?:github|gitlab|circleci|buildkite|woodpecker|forgejo|gitea)/|(?:^|/)\.(?:gitlab-ci|travis|drone|appveyor"
    r"|pre-commit-config|pre-commit-hooks|lefthook)\.ya?ml$|(?:^|/)(?:Jenkinsfile|azure-pipelines\.ya?ml"
    r"|bitbucket-pipelines\.ya?ml|appveyor\.yml|cloudbuild\.ya?ml|railway\.json|Dockerfile[^/]*|docker-compose[^/]*)$"
)
_LOCKS = pattern(
    r"(?i)(?:^|/)(?:[^/]*\.lock|[^/]*[.-]lock\.(?:json|ya?ml)|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml"
    r"|go\.sum|requirements[^/]*\.txt)$"
)
_MIGRATIONS = pattern(r"(?i)(?:^|/)(?:migrations?|alembic/versions|db/migrate|flyway|liquibase)/|\.sql$")
_CONFIGURATION = pattern(
    r"(?i)(?:^|/)(?:pyproject\.toml|setup\.(?:cfg|py)|tox\.ini|noxfile\.py|\.?ruff\.toml|\.bandit|\.flake8|\.pylintrc"
    r"|pylintrc|mypy\.ini|\.mypy\.ini|\.coveragerc|pytest\.ini|conftest\.py|\.eslint[^/]*|eslint\.config\.[a-z]+"
    r"|\.eslintignore|\.semgrepignore|\.semgrep\.ya?ml|sonar-project\.properties|\.golangci\.ya?ml|\.rubocop\.ya?ml"
    r"|clippy\.toml|\.clippy\.toml|tsconfig[^/]*\.json|package\.json|Cargo\.toml|go\.mod|pom\.xml|build\.gradle[^/]*"
    r"|Makefile|CMakeLists\.txt|\.editorconfig)$"
)
_CONSTITUTION = pattern(
    r"(?i)(?:^|/)[^/]*constitution[^/]*$|(?:^|/)\.(?:tribunal|specify|cva|invariant)/|(?:^|/)(?:AGENTS|CLAUDE)\.md$"
)
_TESTS = pattern(
    r"(?i)(?:^|/)(?:tests?|spec|specs|__tests__|testing|e2e)/|(?:^|/)test_[^/]*$|(?:^|/)[^/]*(?:_test|_spec|\.test|\.spec)"
    r"\.[a-z]+$|(?:^|/)[^/]*Tests?\.(?:java|kt|cs)$"
)
_SUPPRESSIONS = pattern(
    r"(?i)\bno ?qa\b|\bnosec\b|type:\s*ignore|pyright:\s*ignore|mypy:\s*\S|pylint:\s*(?:disable|skip)|ruff:\s*\S"
    r"|flake8:\s*\S|fmt:\s*(?:off|skip)|isort:\s*skip|pragma:\s*no|eslint-(?:disable|ignore)|@ts-(?:ignore|nocheck|expect-error)"
    r"|tslint:\s*disable|biome-ignore|prettier-ignore|NOSONAR|nolint|nosemgrep|lgtm\s*\[|codeql\s*\[|coverity\s*\["
    r"|@Suppress|#\s*\[\s*(?:allow|expect)|#!\s*\[\s*allow|rubocop:\s*disable|phpcs:\s*(?:disable|ignore)|@phpstan-ignore"
    r"|noinspection|#\s*pragma\s+warning|SuppressMessage|warnings\s*\.\s*(?:filterwarnings|simplefilter)|GCC diagnostic"
)
_ASSERTIONS = pattern(
    r"(?i)\bassert\w*\b|\bexpect\s*[(!]|\braises\b|\bshould\b|\bverify\s*\(|\brequire\.\w+\(|\bt\.(?:Error|Fatal)\w*\(|\bfail\w*\s*\("
)
_TEST_DEFINED = pattern(
    r"^\s*(?:async\s+)?def\s+test|^\s*class\s+Test|^\s*(?:it|test|describe)\s*[.(]|^\s*func\s+Test|@Test\b|#\[test\]"
    r"|@pytest\.|parametrize"
)
_SKIPS = pattern(r"(?i)\bskip|\bxfail\b|\bxit\b|\bxdescribe\b|\.only\b|@Disabled|@Ignore|#\[ignore|\bt\.Skip")
_POWERS = pattern(
    r"\b(?:subprocess|socket|urllib\w*|requests|httpx|aiohttp|ftplib|smtplib|telnetlib|paramiko|ctypes|pickle|marshal"
    r"|importlib|__import__|eval|exec|compile|execfile|system|popen|spawn\w*|fork|child_process|XMLHttpRequest|fetch"
    r"|WebSocket|Runtime|ProcessBuilder|os/exec|net/http|curl|wget|base64|b64decode|getattr|setattr|globals|chmod|setuid"
    r"|unlink|rmtree|environ|getenv)\b|https?://"
)


def action(category: Category, confidence: float, *, breaking: bool) -> FixAction:
    """The table of approvals; `confidence` 0 to 1."""
    if breaking:
        return FixAction.MANUAL
    high, middle, low = _TABLE[category]
    return high if confidence >= HIGH else middle if confidence >= MIDDLE else low


@dataclass(frozen=True)
class FileChange:
    """One file of a change: the lines that go and those that come. Modes in octal, as git has them."""

    path: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    status: str = "M"
    mode_before: str = "100644"
    mode_after: str = "100644"


@dataclass(frozen=True)
class Limits:
    """How much one fix may change. `forbidden`: patterns of paths that the operator named."""

    files: int
    lines: int
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """What the policy says of a change. `refused`: it is not even kept as a suggestion, and why."""

    action: FixAction
    reasons: tuple[str, ...] = ()
    refused: str | None = None


def judge(
    changes: Sequence[FileChange],
    *,
    allowed: Collection[str],
    category: Category,
    confidence: float,
    breaking: bool,
    limits: Limits,
) -> Ruling:
    """What may be done with the change. `allowed` are the files in which the issue is."""
    refused = next((why for change in changes if (why := _refused(change, allowed))), None)
    if not changes:
        refused = "It changes nothing."
    if refused is not None:
        return Ruling(FixAction.MANUAL, (), refused)
    reasons = [(least, why) for change in changes for least, why in _stricter(change, limits)]
    lines = sum(len(change.removed) + len(change.added) for change in changes)
    if len(changes) > limits.files:
        reasons.append((FixAction.MANUAL, f"It changes {len(changes)} files (CVA_REMEDIATION_FILES)."))
    if lines > limits.lines:
        reasons.append((FixAction.MANUAL, f"It changes {lines} lines (CVA_REMEDIATION_LINES)."))
    if breaking:
        reasons.append((FixAction.MANUAL, "It changes what others call."))
    found = action(category, confidence, breaking=breaking)
    strictest = max([found, *(least for least, _ in reasons)], key=_ORDER.index)
    return Ruling(strictest, tuple(dict.fromkeys(why for _, why in reasons)))


def stricter(one: FixAction, other: FixAction) -> FixAction:
    return max(one, other, key=_ORDER.index)


def _refused(change: FileChange, allowed: Collection[str]) -> str | None:
    path = change.path
    if path not in allowed:
        return f"It changes {path[:200]!a}, where the issue is not."
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in path.split("/")):
        return f"{path[:200]!a} is no path within the repository."
    if _FORBIDDEN.search(path):
        return f"{path[:200]!a} belongs to version control, which nobody's fix may change."
    if change.status != "M":
        what = {"A": "makes a new file", "D": "removes a file", "T": "makes another kind of thing"}
        return f"It {what.get(change.status, 'does something else')} at {path[:200]!a}; fixes change lines of files."
    if change.mode_before != change.mode_after or change.mode_after not in ("100644", "100755"):
        return f"It changes the mode of {path[:200]!a}."
    return None


def _stricter(change: FileChange, limits: Limits) -> list[tuple[FixAction, str]]:
    path = change.path
    found = []
    for paths, what in (
        (_WORKFLOWS, "it says what is built, tested or deployed"),
        (_LOCKS, "it locks dependencies"),
        (_MIGRATIONS, "it changes a database"),
        (_CONFIGURATION, "it configures the project or its checks"),
        (_CONSTITUTION, "it may be the constitution, or speaks to those who judge"),
    ):
        if paths.search(path):
            found.append((FixAction.MANUAL, f"{path} is not changed without a person: {what}."))
    for given in limits.forbidden:
        if _glob(given).search(path):
            found.append((FixAction.MANUAL, f"{path} is forbidden (CVA_REMEDIATION_FORBIDDEN_PATHS: {given})."))
    fresh = _without(change.added, change.removed)
    gone = _without(change.removed, change.added)
    if any(_SUPPRESSIONS.search(line) for line in fresh):
        found.append((FixAction.MANUAL, f"It adds to {path} what silences a check."))
    if any(_ASSERTIONS.search(line) for line in gone):
        found.append((FixAction.MANUAL, f"It takes an assertion out of {path}."))
    if _TESTS.search(path):
        if any(_TEST_DEFINED.search(line) for line in gone):
            found.append((FixAction.MANUAL, f"It takes a test out of {path}."))
        if any(_SKIPS.search(line) for line in fresh):
            found.append((FixAction.MANUAL, f"It has a test of {path} skipped."))
    had = {word for line in change.removed for word in _POWERS.findall(line)}
    new = sorted({word for line in fresh for word in _POWERS.findall(line)} - had)
    if new:
        found.append((FixAction.CONFIRM, f"It brings {new[0]} into {path}."))
    return found


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    """Lines that are in one and not, so often, in the other; white space at their ends aside."""
    left = [line.strip() for line in others]
    found = []
    for line in lines:
        if line.strip() in left:
            left.remove(line.strip())
        else:
            found.append(line)
    return found


@cache
def _glob(given: str) -> Pattern:
    """`*` within a folder, `**` through all of them."""
    parts = [escape(part).replace(r"\*", "[^/]*") for part in given.split("**")]
    return pattern("^" + ".*".join(parts) + "$")
