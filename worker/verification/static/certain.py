"""Which findings of a rule are surely what a sentence forbids, where the rule alone does not say so."""

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import PurePosixPath

from worker.analyzers import statement
from worker.analyzers.finding import Finding
from worker.core.linear import escape, pattern
from worker.sources.snapshot import Snapshot
from worker.verification import texts

# What stands in the repository and is not its own code, or is there to be wrong.
_STRANGE = pattern(
    r"(?:^|/)(?:\.[^/]+|_?vendor(?:ed|s)?|third[-_]?party|3rdparty|node_modules|site-packages|externals?|extern|\.?venv|virtualenv"
    r"|dist|build|_build|generated|gen|_gen|autogen|fixtures?|__fixtures__|testdata|test[-_]data|test/data|tests/data"
    r"|test_?cases|corpus|cookiecutter[^/]*|templates?|bundled|contrib|deps|old|refs?|references?|upstream|forks?|backups?|[^/]*_backup|archived?|archives|attic|legacy|deprecated|snapshots?|__snapshots__|golden)/"
    r"|_pb2(?:_grpc)?\.pyi?$|(?:^|/)(?:versioneer|_version|get-pip|ez_setup|distribute_setup|bootstrap)\.py$"
    r"|[{}]|(?:^|/)[^/]*_(?:generated|gen|parsetab)\.\w+$|(?:^|/)parsetab\.py$|\.min\.js$"
)
TESTS = pattern(
    r"(?:^|/)(?:tests?|testing|test_utils?|__tests__|specs?|e2e)/|(?:^|/)(?:test_[^/]*|[^/]*_tests?|tests?|conftest)\.\w+$"
    r"|\.(?:test|spec)\.\w+$"
)
ASIDE = pattern(
    TESTS.pattern
    + r"|(?:^|/)(?:scripts?|bin|tools?|hack|ci|\.github|\.circleci|examples?|_examples?|samples?|demos?|docs?"
    r"|documentation|docs_src|bench|benches|benchmarks?|perf|notebooks?|tutorials?|cli|cmd|commands?|console|utils?/dev"
    r"|playground|sandbox|experiments?|migrations?|alembic|seeds?)/"
    r"|(?:^|/)(?:cli|cmd|commands?|console|__main__|main|manage|setup|noxfile|tasks|fabfile|run|debug|demo|example\w*"
    r"|bench_[^/]*|[^/]*_bench|[^/]*_cli|dodo|conf|conanfile|gulpfile|gruntfile|sconscript|wscript)\.\w+$"
)
_LOADED_FOR_EFFECT = frozenset(
    {"readline", "rlcompleter", "antigravity", "this", "__future__", "site", "encodings", "codecs", "idlelib"}
)
_UNUSED = pattern(r"^`([\w.]+)(?: as (\w+))?` imported but unused")
_UNDEFINED = pattern(r"^Undefined name `(\w+)`")
# Names of Python 2, and those that programs or shells put where every module sees them.
_INJECTED = frozenset(
    [
        "_", "__", "gettext", "ngettext", "_n", "N_", "unicode", "basestring", "xrange", "long", "unichr", "raw_input",
        "reduce", "file", "cmp", "execfile", "buffer", "intern", "WindowsError", "reveal_type", "reveal_locals",
        "get_ipython", "display", "spark", "dbutils", "sc", "sqlContext", "snakemake", "iface", "ic", "pp", "__path__",
        "breakpointhook", "profile", "copyright", "credits", "exit", "quit",
    ]
)  # fmt: skip
_INJECTING = pattern(
    r"\bNameError\b|\bglobals\s*\(|\blocals\s*\(|\bsetattr\s*\(|\bexec\s*\(|import\s*[(\\\s]*\*|sys\.modules|#\s*type:"
)
_DYNAMIC = pattern(r"\b(?:globals|locals|vars|dir|__all__|__getattr__|__import__|import_module)\b")


_RUNNABLE = pattern(r"__name__\s*==|\bargparse\b|\bsys\.argv\b|\bimport (?:click|typer|fire)\b|\bgetopt\b")
# A module that prints or logs for the others, or that somebody runs to read what it prints.
PRINTER = pattern(
    r"(?i)(?:^|/)[^/]*(?:log|print|console|debug|output|report|trace|terminal|cli|tui|smoke|banner|demo|script)[^/]*$"
    r"|(?:^|/)(?:test|check|seed|migrate|fix|investigate|analy[sz]e|setup|generate|create|verify|validate|run|build"
    r"|deploy|server|main|index|publish|bench)(?:[-_.][^/]*)?\.\w+$"
)
_NO_MODULE = pattern(r"(?:^|/)(?:__init__|conftest)\.pyi?$|\.pyi$")
_REMARKED = pattern(r"#.*\b(?:noqa|pylint|pyright)\b")
_TELLS = pattern(
    r"(?:async )?def (?:_*main|cli|run|usage|help|_*(?:print|show|report|display|debug|dump|prompt|log|tell|write)\w*"
    r"|\w*_(?:main|cli|usage|help|report|demo))\("
)


class Code:
    """The text of a snapshot's files, each read once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._texts: dict[str, str] = {}
        self._holding: dict[str, list[str]] = {}
        self._lines: tuple[str, list[str]] = ("", [])

    def text(self, path: str) -> str:
        """The file's text, empty where it cannot be read."""
        if path not in self._texts:
            self._texts[path] = texts.decode((self.snapshot.root / path).read_bytes(), path) or ""
        return self._texts[path]

    def statement(self, finding: Finding) -> str:
        """The whole statement that begins where the finding does, without what stands in its strings; empty for one
        that is longer than anybody would read."""
        if self._lines[0] != finding.path:
            self._lines = finding.path, self.snapshot.lines(finding.path) or []
        lines = self._lines[1]
        last = max(finding.end_line, statement.end(lines, finding.start_line))
        whole = "\n".join(lines[finding.start_line - 1 : last])
        return _STRING.sub("''", whole) if len(whole) <= _MAX_STATEMENT else ""

    def holding(self, word: str) -> list[str]:
        """The paths of the texts in which the word stands."""
        if word not in self._holding:
            self._holding[word] = [path for path, text in self.texts.items() if word in text]
        return self._holding[word]

    @cached_property
    def texts(self) -> dict[str, str]:
        """Path and text of every file that people write."""
        paths = [file.path for file in self.snapshot.files if not texts.is_media(file.path)]
        return {path: self.text(path) for path in paths if not texts.is_lock(path)}


_MAX_STATEMENT = 20_000
_STRING = pattern(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
Sure = Callable[[Finding, Code], bool]


def ours(path: str) -> bool:
    """Whether the file is surely the project's own code, written by its people and meant to be right."""
    return _STRANGE.search(path) is None


def unused_import(finding: Finding, code: Code) -> bool:
    """A module of the standard library, loaded for nothing: no word of the file or of another uses its name."""
    named = _UNUSED.match(finding.message)
    if named is None or _NO_MODULE.search(finding.path):
        return False
    root = named[1].split(".", 1)[0]
    if root not in sys.stdlib_module_names or root in _LOADED_FOR_EFFECT or root.startswith("_"):
        return False
    text = code.text(finding.path)
    bound = named[2] or named[1].rsplit(".", 1)[-1]
    if _REMARKED.search(finding.quote) or _DYNAMIC.search(text):
        return False
    if finding.quote[:1].isspace() and "except" in text:
        # It may be tried whether the module is there.
        return False
    if not _stands_once(bound, text):
        return False
    return not _taken_from(finding.path, bound, code)


def _stands_once(name: str, text: str) -> bool:
    """Whether the name stands in the text exactly once, as a word."""
    places = 0
    at = text.find(name)
    while at >= 0 and places < 2:
        end = at + len(name)
        places += not (_in_name(text[at - 1 : at]) or _in_name(text[end : end + 1]))
        at = text.find(name, end)
    return places == 1


def _in_name(character: str) -> bool:
    return character == "_" or character.isalnum()


def undefined_name(finding: Finding, code: Code) -> bool:
    """A name that a module of a package uses and nothing binds, by any way that people bind names."""
    named = _UNDEFINED.match(finding.message)
    folder = finding.path.rpartition("/")[0]
    if (
        named is None
        or named[1] in _INJECTED
        or finding.path.endswith(".pyi")
        or f"{folder}/__init__.py" not in code.texts
    ):
        return False
    name, text = escape(named[1]), code.text(finding.path)
    bound = pattern(
        rf"\b{name}\s*(?::[^=\n]*)?=(?:[^=]|$)|\b(?:def|class|as|for|global|nonlocal|del|import)\s[^\n]*\b{name}\b"
        rf"|\b(?:builtins|__builtins__)\b[^\n]*\b{name}\b"
    )
    if _INJECTING.search(text) or pattern(rf"[\"'][^\"'\n]*\b{name}\b[^\"'\n]*[\"']").search(finding.quote):
        return False
    if not pattern(rf"\b{name}\b").search(code.statement(finding)):
        return False
    put = pattern(rf"\b(?:builtins|__builtins__)\b.*\b{name}\b")
    return not bound.search(text) and not any(put.search(code.text(path)) for path in code.holding("builtins"))


def _taken_from(path: str, name: str, code: Code) -> bool:
    """Whether another file may take `name` from the module at `path`."""
    module = PurePosixPath(path).stem
    of, what = escape(module), escape(name)
    taken = pattern(
        rf"\b{of}\.{what}\b|from\s+[\w.]*\b{of}\s+import\s+(?:\*|\([^)]*\b{what}\b|[^\n(]*\b{what}\b)"
        rf"|from\s+[.\w]+\s+import\s+[^\n]*\b{of}\s+as\b|import\s+[\w.]*\b{of}\s+as\b"
    )
    return any(other != path and taken.search(code.text(other)) for other in code.holding(module))


def printing(finding: Finding, code: Code) -> bool:
    """A print of a function that is there for something else, in a module that nobody runs."""
    text = code.text(finding.path)
    if _RUNNABLE.search(text) or PRINTER.search(finding.path):
        return False
    above = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[: finding.start_line]
    indent = len(above[-1]) - len(above[-1].lstrip())
    within = False
    for line in reversed(above):
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth < indent:
            indent = depth
            within = within or line.strip().startswith(("def ", "async def "))
            if _TELLS.match(line.strip()):
                return False
    return within


def naive(finding: Finding, code: Code) -> bool:
    """A datetime without a zone that nothing on its line gives one to."""
    zoned = ("localize", "aware", "tz", "zone", "replace", "utcoffset", "strptime", "strftime", ".date(")
    return not any(word in finding.quote for word in zoned)


def request(finding: Finding, code: Code) -> bool:
    """A call that gives no timeout by any other name or by unpacking."""
    return "**" not in finding.quote and "timeout" not in finding.quote and finding.end_line - finding.start_line < 10
