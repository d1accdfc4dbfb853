"""The paths that a criterion speaks of: «in `src/`», «except in tests», «library code».

A place is within, without, or it cannot be said. So a FAIL takes a place that is surely within, and a PASS that
nothing is where it may be within.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Within(StrEnum):
    """Whether a criterion speaks of a path."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Scope:
    """`include` and `exclude` are paths (`src/`, `setup.py`, `*.py`) or words of PLACES; none included: everything.

    `quotes` are the words of the constitution that say so. `unresolved` are conditions and exceptions that could not be
    made into paths: no rule may decide where there is one.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()

    def of(self, path: str) -> Within:
        """Whether the criterion speaks of `path`."""
        excluded = _any(self.exclude, path, EXCEPTIONS)
        if excluded is Within.YES:
            return Within.NO
        included = _any(self.include, path, PLACES) if self.include else Within.YES
        if included is Within.YES and excluded is Within.UNCLEAR:
            return Within.UNCLEAR
        return included

    def possible(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that the criterion speaks of, or may speak of."""
        return [path for path in paths if self.of(path) is not Within.NO]


_TESTS = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|specs|e2e|src/(?:test|androidTest))/|(?:^|/)(?:test_[^/]*|[^/]*_tests?"
    r"|conftest)\.\w+$"
    r"|\.(?:test|spec|tests)\.\w+$|(?:^|/)[A-Z]\w*(?:Test|Tests|IT|Spec)\.(?:java|kt|cs|scala|swift|php)$"
)
_INLINE_TESTS = re.compile(r"\.(?:rs|zig|d)$|(?:^|/)testing/")
_SCRIPTS = re.compile(r"(?:^|/)(?:scripts?|bin|tools?|hack|ci|\.github|\.circleci)/|\.(?:sh|bash|ps1|bat)$")
_EXAMPLES = re.compile(r"(?:^|/)(?:examples?|_examples?|samples?|demos?)/")
_DOCS = re.compile(
    r"(?:^|/)(?:docs?|documentation)/|\.(?:md|markdown|rst|txt|adoc)$|(?:^|/)(?:LICENSE|COPYING|NOTICE|AUTHORS)[^/]*$"
)
_BENCHMARKS = re.compile(r"(?:^|/)(?:bench|benches|benchmarks?|perf)/|(?:^|/)(?:bench_[^/]*|[^/]*_bench)\.\w+$")
_MIGRATIONS = re.compile(r"(?:^|/)(?:migrations?|alembic|versions)/")
_NOTEBOOKS = re.compile(r"\.ipynb$|(?:^|/)notebooks?/")
_GENERATED = re.compile(
    r"(?:^|/)(?:generated|gen|_gen|autogen)/|(?:_pb2(?:_grpc)?\.pyi?|\.pb\.go|\.g\.dart|_generated\.\w+)$"
)
_FIXTURES = re.compile(r"(?:^|/)(?:fixtures?|testdata|__fixtures__|mocks?|__mocks__)/")
_COMMANDS = re.compile(
    r"(?:^|/)(?:cli|cmd|commands?|console)(?:/|\.\w+$)|(?:^|/)(?:__main__|main|manage|setup|noxfile|tasks|fabfile)\.py$"
)
_ENDINGS = {
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
    if any(pattern.search(path) for pattern in (_SCRIPTS, _MIGRATIONS, _GENERATED, _COMMANDS)):
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
# As an exception a kind of code is what looks like it; tests that stand in the file they test cannot be told by its
# path.
EXCEPTIONS: dict[str, Callable[[str], Within]] = {
    **{name: _matcher(pattern) for name, pattern in _KINDS.items()},
    "tests": lambda path: (
        Within.YES if _TESTS.search(path) else Within.UNCLEAR if _INLINE_TESTS.search(path) else Within.NO
    ),
    "product code": _product,
    "code": PLACES["code"],
}
_WORDS = {
    "tests": r"(?:unit |integration |the )?tests?(?: (?:code|files?|modules?|suites?|cases?))?|test suites?|specs?"
    "|testing code",
    "scripts": r"(?:build |helper |utility |the )?scripts?",
    "examples": r"(?:the )?examples?(?: code)?|samples?|demos?",
    "documentation": r"(?:the )?docs|documentation",
    "benchmarks": r"benchmarks?",
    "migrations": r"(?:database |the )?migrations?(?: files?)?",
    "notebooks": r"notebooks?",
    "generated code": r"(?:auto-?)?generated (?:code|files?)",
    "fixtures": r"(?:test )?fixtures?",
    "product code": r"(?:the )?(?:library|production|application|product|shipped|package|non-test)(?: source)? code"
    "|library modules?|the library|the package",
}
_LANGUAGE = "|".join(re.escape(name) for name in sorted(_ENDINGS, key=len, reverse=True))
_PATH = re.compile(r"`?((?:\./)?[\w.@-]+(?:/[\w.@*-]+)*/?|\*\.\w+)`?")


def _any(entries: Iterable[str], path: str, kinds: Mapping[str, Callable[[str], Within]]) -> Within:
    answers = {_one(entry, path, kinds) for entry in entries}
    return next((answer for answer in (Within.YES, Within.UNCLEAR) if answer in answers), Within.NO)


def _one(entry: str, path: str, kinds: Mapping[str, Callable[[str], Within]]) -> Within:
    if entry in kinds:
        return kinds[entry](path)
    if entry in _ENDINGS:
        return Within.YES if path.endswith(_ENDINGS[entry]) else Within.NO
    if entry.startswith("*."):
        return Within.YES if path.endswith(entry[1:]) else Within.NO
    bare = entry.rstrip("/").removesuffix("/**").removesuffix("/*")
    if path == bare or path.startswith(f"{bare}/"):
        return Within.YES
    if "/" not in bare and not entry.endswith("/") and posixpath.basename(path) == bare:
        return Within.YES
    # «in `core/`» may be meant of `src/app/core/`.
    return Within.UNCLEAR if f"/{bare}/" in f"/{path}" else Within.NO


_NOUN = (
    rf"(?:{'|'.join(_WORDS.values())}|(?:the )?(?:{_LANGUAGE})(?: source)?(?: code| files?| modules?)"
    r"|`[^`\s:()=]*(?:/|\.\w{1,5}(?=`))[^`\s:()=]*`(?: (?:folder|directory|package|module|file|tree))?"
    r"|`[\w.-]+` (?:folder|directory|package|module|tree))"
)
_NOUNS = rf"{_NOUN}(?:(?:\s*,\s*(?:and |or )?|\s+(?:and|or)\s+)(?:in |for )?{_NOUN})*"
_EXCEPT = re.compile(
    rf"[\s,;(–—-]*\b(?:except(?:ing)?(?: for)?|excluding|other than|outside(?: of)?|apart from|but not|not "
    rf"counting)\s+(?:(?:in|for|from|within|under|inside)\s+)?(?P<nouns>{_NOUNS})\)?",
    re.IGNORECASE,
)
_IN = re.compile(
    rf"[\s,;(]*\b(?:in|under|within|inside|throughout|across|of)\s+(?:all )?(?P<nouns>{_NOUNS})\)?(?=\s*(?:$"
    rf"|[.,;:!)]|(?:must|shall|should|is|are|may|never)\b))",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    rf"^(?:all |any |the |our )?(?P<nouns>{_WORDS['product code']}|(?:{_LANGUAGE})(?: source)? (?:code|files?"
    rf"|modules?))(?=\s+(?:must|shall|should|may|never|does|is|are|has|have|will|cannot)\b)",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:unless|(?<!bare )(?<!bare-)(?<!`)(?<!and )(?<!/)except(?![`:])|excluding|other than|apart from"
    r"|outside(?: of)?|when(?:ever)?|where(?:ver)? (?:possible|practical|appropriate|feasible|applicable)"
    r"|if|while|until|as long as|if possible|without (?:a )?(?:good|explicit|documented) \w+|only (?:in|for|when|if"
    r"|after)|but)\b[^.;]*",
    re.IGNORECASE,
)


def read(statement: str) -> tuple[Scope, str]:
    """The scope that the statement gives, and the statement without the words that give it."""
    include: list[str] = []
    exclude: list[str] = []
    quotes: list[str] = []
    rest = statement
    for pattern, into in ((_EXCEPT, exclude), (_IN, include)):
        while (match := pattern.search(rest)) is not None:
            into.extend(_entries(match["nouns"]))
            quotes.append(" ".join(match[0].split()).strip(" ,;("))
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    subject = _SUBJECT.search(rest)
    if subject is not None:
        include += _entries(subject["nouns"])
        quotes.append(subject["nouns"])
        noun = re.search(r"(?:files?|modules?)$", subject["nouns"], re.IGNORECASE)
        rest = f"all {noun[0] if noun else 'code'}{rest[subject.end() :]}"
    unresolved = tuple(" ".join(match[0].split()) for match in _CONDITION.finditer(rest))
    scope = Scope(tuple(dict.fromkeys(include)), tuple(dict.fromkeys(exclude)), tuple(quotes), unresolved)
    return scope, re.sub(r"\s+([.,;:!])", r"\1", " ".join(rest.split()))


_PATHLIKE = re.compile(r"^(?!/)(?!.*\.\.)(?:\*\.\w{1,10}|[\w.@-]+(?:/[\w.@*-]+)*/?)$")


def entries(given: Iterable[str]) -> tuple[str, ...]:
    """Those of the given entries that are paths, kinds of code or languages known here."""
    known = (entry.strip().strip("`").removeprefix("./").removesuffix("**") for entry in given)
    return tuple(
        dict.fromkeys(
            e for e in known if e in PLACES or e in _ENDINGS or (("/" in e or "." in e) and _PATHLIKE.match(e))
        )
    )


def _entries(nouns: str) -> list[str]:
    found = []
    for noun in re.findall(_NOUN, nouns, re.IGNORECASE):
        named = next((name for name, form in _WORDS.items() if re.fullmatch(form, noun, re.IGNORECASE)), None)
        language = re.fullmatch(rf"(?:the )?({_LANGUAGE})(?: source)?(?: code| files?| modules?)", noun, re.IGNORECASE)
        path = _PATH.search(noun) if "`" in noun else None
        if named is not None:
            found.append(named)
        elif language is not None:
            found.append(language[1].lower())
        elif path is not None:
            found.append(path[1].removeprefix("./"))
    return found
