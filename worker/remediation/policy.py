"""What may be done with a fix: pure functions of what it changes, which nobody's confidence and no model can move.

The table of approvals says what a fix of a category and a confidence needs. What the change touches or does can only
make that stricter: a reason is given for each.
"""

import unicodedata
from collections import Counter
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
# What is known to be source of a program is changed without a person, and nothing else.
_SOURCES = pattern(
    r"\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|mts|cts|vue|svelte|go|rs|java|kt|kts|scala|groovy|c|h|cc|cpp|cxx|hh|hpp|hxx|cs|fs"
    r"|rb|php|swift|m|mm|lua|pl|pm|r|jl|ex|exs|erl|hs|clj|dart|zig|css|scss|less)$"
)
_MIGRATIONS = pattern(r"(?i)(?:^|/)(?:migrations?|alembic/versions|db/migrate|flyway|liquibase)/")
# Sources that configure, build, start or check a project.
_CONFIGURATION = pattern(
    r"(?i)(?:^|/)(?:setup|noxfile|conftest|sitecustomize|usercustomize|fabfile|tasks|dodo|wscript|gulpfile|gruntfile"
    r"|rakefile|jakefile|[^/]*\.config|[^/]*\.conf|build|dangerfile|vagrantfile|\.[^/]+)\.[a-z]+$"
)
_CONSTITUTION = pattern(r"(?i)(?:^|/)[^/]*constitution[^/]*$")
_TESTS = pattern(
    r"(?i)(?:^|/)(?:tests?|spec|specs|__tests__|testing|e2e|fixtures)/|(?:^|/)(?:test_[^/]*|tests?\.[a-z]+)$"
    r"|(?:^|/)[^/]*(?:_tests?|_spec|\.test|\.spec)\.[a-z]+$|(?:^|/)[^/]*(?:Tests?|Spec)\.(?:java|kt|cs|scala|swift|php)$"
)
_SUPPRESSIONS = pattern(
    r"(?i)\bno ?qa\b|\bnosec\b|type:\s*ignore|pyright:\s*ignore|mypy:\s*\S|pylint:\s*(?:disable|skip)|ruff:\s*\S"
    r"|flake8:\s*\S|fmt:\s*(?:off|skip)|isort:\s*skip|pragma:\s*no|eslint-(?:disable|ignore)|@ts-(?:ignore|nocheck|expect-error)"
    r"|tslint:\s*disable|biome-ignore|prettier-ignore|NOSONAR|nolint|nosemgrep|lgtm\s*\[|codeql\s*\[|coverity\s*\["
    r"|@Suppress|#\s*\[\s*(?:allow|expect)|#!\s*\[\s*allow|rubocop:\s*disable|phpcs:\s*(?:disable|ignore)|@phpstan-ignore"
    r"|noinspection|#\s*pragma\s+warning|SuppressMessage|warnings\s*\.\s*(?:filterwarnings|simplefilter)|GCC diagnostic"
    r"|pyre-(?:ignore|fixme|unsafe)|pytype:\s*\S|yapf:\s*\S|checkov:skip|tfsec:ignore|trivy:ignore|istanbul ignore"
    r"|c8 ignore|v8 ignore|jshint|jslint|stylelint-disable|swiftlint:disable|ktlint-disable|detekt|shellcheck\s+disable"
    r"|hadolint\s+ignore|skipcq|no_type_check|deepsource|sourcery\s+skip|bandit:|gitleaks:allow"
    r"|__all__\s*[+=]|_ = "
)
# `import os as os` says that it is used (PEP 484).
_ALIASES = pattern(r"\bimport\s+(\w+)\s+as\s+(\w+)")
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
    r"|WebSocket|Runtime|ProcessBuilder|os/exec|net/http|curl|wget|base64|b64decode|getattr|setattr|delattr|globals|locals"
    r"|vars|chmod|setuid|unlink|rmtree|shutil|open|environ|getenv|create_subprocess\w*|posix_spawn\w*|exec[lv]\w*|codecs"
    r"|runpy|site|builtins|multiprocessing|threading|sys\.modules|dlopen|unsafe|Function|innerHTML|dangerouslySetInnerHTML)\b"
    r"|__\w+__|https?://"
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
    unread: Collection[str] = (),
) -> Ruling:
    """What may be done with the change. `allowed` are the files in which the issue is; of those that are `unread`
    nobody can tell whether the change breaks somebody's use."""
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
    if unread:
        path = min(unread)
        reasons.append((FixAction.CONFIRM, f"Nobody here can tell whether it breaks what others use of {path}."))
    found = action(category, confidence, breaking=breaking)
    strictest = max([found, *(least for least, _ in reasons)], key=_ORDER.index)
    return Ruling(strictest, tuple(dict.fromkeys(why for _, why in reasons)))


def is_source(path: str) -> bool:
    """Whether the path is that of a program's source, in no hidden folder."""
    return _SOURCES.search(path) is not None and not any(part.startswith(".") for part in path.split("/"))


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
    for is_so, what in (
        (not is_source(path), "it is no source of a program"),
        (_MIGRATIONS.search(path), "it changes a database"),
        (_CONFIGURATION.search(path), "it configures, builds or starts the project"),
        (_CONSTITUTION.search(path), "it may be the constitution"),
    ):
        if is_so:
            found.append((FixAction.MANUAL, f"{path} is not changed without a person: {what}."))
    for given in limits.forbidden:
        if _glob(given).search(path):
            found.append((FixAction.MANUAL, f"{path} is forbidden (CVA_REMEDIATION_FORBIDDEN_PATHS: {given})."))
    removed, added = ([unicodedata.normalize("NFKC", line) for line in own] for own in (change.removed, change.added))
    same = any(match[1] == match[2] for line in added for match in _ALIASES.finditer(line))
    if same or _counted(_SUPPRESSIONS, added) - _counted(_SUPPRESSIONS, removed):
        found.append((FixAction.MANUAL, f"It adds to {path} what silences a check."))
    # One that moves, or stands deeper than it did, may never be reached.
    if any(_ASSERTIONS.search(line) for line in removed):
        found.append((FixAction.MANUAL, f"It moves, changes or takes an assertion of {path}."))
    if _TESTS.search(path):
        found.append((FixAction.CONFIRM, f"{path} is a test, or what tests use."))
        if any(_TEST_DEFINED.search(line) for line in removed):
            found.append((FixAction.MANUAL, f"It changes or takes a test of {path}."))
        if any(_SKIPS.search(line) for line in added):
            found.append((FixAction.MANUAL, f"It has a test of {path} skipped."))
    new = sorted(_counted(_POWERS, added) - _counted(_POWERS, removed))
    if new:
        found.append((FixAction.CONFIRM, f"It brings {new[0]} into {path}."))
    return found


def _counted(words: Pattern, lines: Sequence[str]) -> Counter[str]:
    """How often each match stands in the lines."""
    return Counter(match.group() for line in lines for match in words.finditer(line))


@cache
def _glob(given: str) -> Pattern:
    """`*` within a folder, `**` through all of them."""
    parts = [escape(part).replace(r"\*", "[^/]*") for part in given.split("**")]
    return pattern("^" + ".*".join(parts) + "$")
