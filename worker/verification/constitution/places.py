"""Kinds of code that constitutions speak of (tests, scripts, library code, a language), told by the path of a file."""

import posixpath
import re  # noqa: TID251  bounded: a path of the file system, by patterns without two runs that meet
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

from worker.core.linear import Pattern, escape, pattern


class Within(StrEnum):
    """Whether a criterion speaks of a path."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


_TESTS = re.compile(
    r"(?:^|/)(?:tests?|__tests__|e2e|src/(?:test|androidTest))/|(?:^|/)(?:test_[^/]*|[^/]*_tests?|conftest)\.\w+$"
    r"|\.(?:test|spec|tests)\.\w+$|_spec\.rb$|(?:^|/)[A-Z]\w*(?:Tests?|Spec|[a-z\d]IT)\.(?:java|kt|cs|scala|swift|php)$"
)
_INLINE_TESTS = re.compile(r"\.(?:rs|zig|d)$|(?:^|/)(?:testing|specs?)/")
_SCRIPTS = re.compile(r"(?:^|/)scripts?/|\.(?:sh|bash|ps1|bat)$")
_TOOLS = re.compile(r"(?:^|/)(?:bin|tools?|hack|ci|\.github|\.circleci)/")
_EXAMPLES = re.compile(r"(?:^|/)_?examples?/")
_SAMPLES = re.compile(r"(?:^|/)(?:samples?|demos?)/")
_DOCS = re.compile(
    r"(?:^|/)(?:docs?|documentation)/|\.(?:md|markdown|rst|adoc)$|(?:^|/)(?:LICENSE|COPYING|NOTICE|AUTHORS)[^/]*$"
    r"|(?:^|/)(?!(?:requirements|constraints|CMakeLists)[^/]*$)[^/]*\.txt$"
)
_BENCHMARKS = re.compile(r"(?:^|/)(?:bench|benches|benchmarks?)/|(?:^|/)(?:bench_[^/]*|[^/]*_bench)\.\w+$")
_MIGRATIONS = re.compile(r"(?:^|/)(?:migrations?|alembic)/")
_NOTEBOOKS = re.compile(r"\.ipynb$|(?:^|/)notebooks?/")
_GENERATED = re.compile(
    r"(?:^|/)(?:generated|_gen|autogen)/|(?:_pb2(?:_grpc)?\.pyi?|\.pb\.go|\.g\.dart|_generated\.\w+)$"
)
_FIXTURES = re.compile(r"(?:^|/)(?:fixtures?|testdata|__fixtures__|mocks?|__mocks__)/")
_COMMANDS = re.compile(r"(?:^|/)(?:cli|cmd|commands?|console)(?:/|\.\w+$)")
_STARTED = re.compile(r"(?:^|/)(?:__main__|main|manage|setup|noxfile|tasks|fabfile)\.py$")
# What by its folder may be of the kind, and may as well be the product itself: an agent's tools, a lab's samples.
_PERHAPS = {
    "tests": _INLINE_TESTS,
    "scripts": _TOOLS,
    "examples": _SAMPLES,
    "benchmarks": re.compile(r"(?:^|/)perf/"),
    "migrations": re.compile(r"(?:^|/)versions/"),
    "generated code": re.compile(r"(?:^|/)gen/"),
    "command line": _STARTED,
}
ENDINGS = {
    "python": (".py", ".pyi", ".pyw"),
    "typescript": (".ts", ".tsx", ".mts", ".cts"),
    "javascript": (".js", ".jsx", ".mjs", ".cjs"),
    "go": (".go",),
    "java": (".java",),
    "rust": (".rs",),
    "c": (".c", ".h"),
    "c++": (".cc", ".cpp", ".cxx", ".hpp", ".h", ".hh"),
    "shell": (".sh", ".bash"),
    "yaml": (".yaml", ".yml"),
}
_CODE_OF_ITS_OWN = re.compile(
    r"\.(?:py|pyi|ts|tsx|js|jsx|mjs|cjs|go|java|rs|c|h|cc|cpp|hpp|cs|kt|swift|rb|php|scala|ex|exs|dart|lua|vue|svelte)$"
)


def _matcher(*patterns: re.Pattern[str]) -> Callable[[str], Within]:
    return lambda path: Within.YES if any(pattern.search(path) for pattern in patterns) else Within.NO


def _product(path: str) -> Within:
    """Code that is shipped: no test, example or document; what helps to build or run it is unclear."""
    if any(pattern.search(path) for pattern in (_TESTS, _EXAMPLES, _DOCS, _BENCHMARKS, _FIXTURES, _NOTEBOOKS)):
        return Within.NO
    unsure = (_SCRIPTS, _TOOLS, _SAMPLES, _MIGRATIONS, _GENERATED, _COMMANDS, _STARTED, _PERHAPS["benchmarks"])
    if any(pattern.search(path) for pattern in unsure):
        return Within.UNCLEAR
    return Within.YES if _CODE_OF_ITS_OWN.search(path) and "/" in path else Within.UNCLEAR


def _vague(pattern: re.Pattern[str]) -> Callable[[str], Within]:
    """A kind of code that may be elsewhere as well: what does not look like it is code of it perhaps."""
    return lambda path: Within.YES if pattern.search(path) else Within.NO if _DOCS.search(path) else Within.UNCLEAR


_KINDS = {
    "tests": _TESTS,
    "scripts": _SCRIPTS,
    "examples": _EXAMPLES,
    "documentation": _DOCS,
    "benchmarks": _BENCHMARKS,
    "migrations": _MIGRATIONS,
    "notebooks": _NOTEBOOKS,
    "generated code": _GENERATED,
    "fixtures": _FIXTURES,
    "command line": _COMMANDS,
}
PLACES: dict[str, Callable[[str], Within]] = {
    **{name: _vague(pattern) for name, pattern in _KINDS.items()},
    "documentation": _matcher(_DOCS),
    "product code": _product,
    "code": lambda path: Within.NO if _DOCS.search(path) else Within.YES,
}


def _exception(name: str) -> Callable[[str], Within]:
    """A kind of code as an exception is what surely is of it; tests may also stand in the file that they test."""
    surely, perhaps = _KINDS[name], _PERHAPS.get(name)
    return lambda path: (
        Within.YES
        if surely.search(path)
        else Within.UNCLEAR
        if perhaps is not None and perhaps.search(path)
        else Within.NO
    )


EXCEPTIONS: dict[str, Callable[[str], Within]] = {
    **{name: _exception(name) for name in _KINDS},
    "product code": _product,
    "code": PLACES["code"],
}


def any_of(entries: Iterable[str], path: str, kinds: Mapping[str, Callable[[str], Within]]) -> Within:
    """Whether `path` is within any of the entries: paths, kinds of code, or languages."""
    answers = {_one(entry, path, kinds) for entry in entries}
    return next((answer for answer in (Within.YES, Within.UNCLEAR) if answer in answers), Within.NO)


def _one(entry: str, path: str, kinds: Mapping[str, Callable[[str], Within]]) -> Within:
    if entry in kinds:
        return kinds[entry](path)
    if entry in ENDINGS:
        return Within.YES if path.endswith(ENDINGS[entry]) else Within.NO
    if entry.startswith("*.") and "/" not in entry:
        return Within.YES if path.endswith(entry[1:]) else Within.NO
    bare = entry.rstrip("/").removesuffix("/**").removesuffix("/*")
    if "*" in bare:
        return _globbed(bare, path)
    if path == bare or path.startswith(f"{bare}/"):
        return Within.YES
    if "/" not in bare and not entry.endswith("/") and posixpath.basename(path) == bare:
        return Within.YES
    # «in `core/`» may be meant of `src/app/core/`.
    return Within.UNCLEAR if f"/{bare}/" in f"/{path}" else Within.NO


def _globbed(glob: str, path: str) -> Within:
    """`*` stands for a part of a name, `**` for any folders; what lies below a folder that matches is within."""
    surely, perhaps = _glob(glob)
    return Within.YES if surely.fullmatch(path) else Within.UNCLEAR if perhaps.fullmatch(path) else Within.NO


@lru_cache(maxsize=256)
def _glob(glob: str) -> tuple[Pattern, Pattern]:
    """What is within for certain, and what may be."""
    parts = [".*" if part == "**" else escape(part).replace(r"\*", "[^/]*") for part in glob.split("/")]
    form = "/".join(parts).replace("/.*/", "/(?:.*/)?").removeprefix(".*/")
    start = "(?:.*/)?" if parts[0] == ".*" else ""
    return pattern(f"(?s){start}{form}(?:/.*)?"), pattern(f"(?s).*/{form}(?:/.*)?")
