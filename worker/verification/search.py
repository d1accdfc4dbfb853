"""Search the scope of criteria with their patterns: every line and every path, by code, in time linear in the text.

Patterns are RE2's, which cannot explode (Cox, «Regular Expression Matching in the Wild», 2010).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import re2

from worker.core.vocabulary import CriterionKind
from worker.sources.snapshot import Snapshot
from worker.verification import lines as lines_of
from worker.verification import named, texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Within

MAX_PATTERNS = 12
MAX_PATTERN = 200
MAX_HITS = 500
_MEMORY = 1 << 20
# What means the ends of a whole text, or may switch off that `^` and `$` are those of a line.
_OF_THE_WHOLE = re.compile(r"\\[AzZ]|\(\?[A-Za-z]*-")


@dataclass(frozen=True)
class Hit:
    """A line that a pattern matches; line 0: the path itself."""

    path: str
    line: int


@dataclass(frozen=True)
class Scoped:
    """What a criterion speaks of, and what the search over it found.

    `lines` gives the number of lines per file. `unreadable` are files that do not decode. `hits` None: no pattern was
    given, so nothing was searched; in lines there may be more than MAX_HITS, and then `overflow`. `patterns` are those
    that were searched for. `unchanged` counts files in scope that `diff` mode leaves out.
    """

    lines: dict[str, int]
    unreadable: tuple[str, ...]
    hits: tuple[Hit, ...] | None
    overflow: bool = False
    patterns: tuple[str, ...] = ()
    unchanged: int = 0


def usable(patterns: Iterable[str]) -> tuple[str, ...]:
    """Those that RE2 takes and that do not match everything, each once."""
    kept = []
    for pattern in dict.fromkeys(patterns):
        if not 0 < len(pattern) <= MAX_PATTERN:
            continue
        compiled = _compiled(pattern)
        if compiled is not None and not compiled.search("") and not compiled.search("\x01"):
            kept.append(pattern)
    return tuple(kept[:MAX_PATTERNS])


def literal(code: str) -> str:
    """The pattern that finds `code` as it is written."""
    return re.escape(code).replace(r"\ ", " ")


def patterns_of(criterion: Criterion) -> tuple[str, ...]:
    """What is searched for: the criterion's patterns, and the code that its own words forbid where none of these would
    find it. So no slip of who wrote the patterns makes a search find nothing."""
    given = criterion.patterns
    if not given or criterion.kind is not CriterionKind.FORBIDS:
        return given
    compiled = [found for pattern in given if (found := _compiled(pattern)) is not None]
    missed = [
        name
        for name in named.forbidden(criterion)
        if not any(pattern.search(form) for pattern in compiled for form in named.forms(name))
    ]
    return (*given, *usable(literal(name) for name in missed))


def _compiled(pattern: str) -> "re2._Regexp[str] | None":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


@dataclass(frozen=True)
class _Matcher:
    """Patterns as one where RE2 takes them as one, each with the same for a whole text: a file that has nothing of it
    is not looked at line by line. Texts are UTF-8."""

    by_line: tuple["re2._Regexp[str]", ...]
    by_file: tuple["re2._Regexp[str]", ...] | None

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "_Matcher | None":
        """None where nothing could be searched for."""
        joined = "|".join(f"(?:{pattern})" for pattern in patterns)
        for wanted in ([joined], patterns):
            by_line = [found for pattern in wanted if (found := _compiled(pattern)) is not None]
            by_file = [found for pattern in wanted if (found := _compiled(f"(?m){pattern}")) is not None]
            if patterns and len(by_line) == len(wanted):
                fast = len(by_file) == len(wanted) and not _OF_THE_WHOLE.search(joined)
                return cls(tuple(by_line), tuple(by_file) if fast else None)
        return None

    def finds(self, line: str) -> bool:
        return any(pattern.search(line) is not None for pattern in self.by_line)

    def may_find(self, content: bytes) -> bool:
        """False where no line of the content can match."""
        return self.by_file is None or any(pattern.search(content) is not None for pattern in self.by_file)


@dataclass
class _Search:
    """The search for one criterion, as it goes on."""

    criterion: Criterion
    patterns: tuple[str, ...]
    matcher: _Matcher | None
    lines: dict[str, int] = field(default_factory=dict)
    paths: list[Hit] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unchanged: int = 0

    @property
    def full(self) -> bool:
        return self.matcher is None or len(self.hits) > MAX_HITS

    def result(self) -> Scoped:
        return Scoped(
            self.lines,
            tuple(self.unreadable),
            (*self.paths, *self.hits[:MAX_HITS]) if self.matcher is not None else None,
            overflow=len(self.hits) > MAX_HITS,
            patterns=self.patterns if self.matcher is not None else (),
            unchanged=self.unchanged,
        )


def scoped(snapshot: Snapshot, criteria: Sequence[Criterion]) -> dict[str, Scoped]:
    """The scope of each criterion, by its key, searched with its patterns. Blocking: every file is read once.

    In `diff` mode the scope is what changed; what must be somewhere may be anywhere. Lock files and media hold no text
    that a criterion speaks of; their paths are searched like all others.
    """
    searches = []
    for criterion in criteria:
        patterns = patterns_of(criterion)
        searches.append(_Search(criterion, patterns, _Matcher.of(patterns)))
    for file in snapshot.files:
        here = _verified(searches, file.path, snapshot.changed)
        for search in here:
            if search.matcher is not None and search.matcher.finds(file.path):
                search.paths.append(Hit(file.path, 0))
        if here and _is_text(file.path):
            _text(here, file.path, texts.decode((snapshot.root / file.path).read_bytes(), file.path))
    return {search.criterion.key: search.result() for search in searches}


def _verified(searches: Sequence[_Search], path: str, changed: frozenset[str] | None) -> list[_Search]:
    """Those that look at the path; of the others that it is in scope of and did not change is counted."""
    here = []
    for search in searches:
        if search.criterion.scope.of(path) is Within.NO:
            continue
        if changed is None or path in changed or search.criterion.kind is CriterionKind.SOMEWHERE:
            here.append(search)
        else:
            search.unchanged += _is_text(path)
    return here


def _is_text(path: str) -> bool:
    return not texts.is_media(path) and not texts.is_lock(path)


def _text(searches: Sequence[_Search], path: str, content: str | None) -> None:
    if content is None:
        for search in searches:
            search.unreadable.append(path)
        return
    rows = lines_of.of(content)
    encoded = "\n".join(rows).encode()
    for search in searches:
        search.lines[path] = len(rows)
        matcher = search.matcher
        if matcher is not None and not search.full and matcher.may_find(encoded):
            search.hits += [Hit(path, number) for number, row in enumerate(rows, start=1) if matcher.finds(row)]


def holds_anywhere(snapshot: Snapshot, words: Iterable[str]) -> set[str]:
    """Those of `words` that stand in any path or text of the snapshot, without regard to case. Blocking."""
    wanted = {word.lower() for word in words}
    found = {word for word in wanted for file in snapshot.files if word in file.path.lower()}
    for text in texts.read(snapshot):
        if wanted <= found:
            break
        content = (text.content or "").lower()
        found |= {word for word in wanted - found if word in content}
    return found
