"""Search the scope of criteria with their patterns: every line and every path, by code, in time linear in the text.

Patterns are RE2's, which cannot explode (Cox, «Regular Expression Matching in the Wild», 2010).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from worker.core.linear import escape
from worker.core.vocabulary import Category, CriterionKind
from worker.sources.snapshot import Snapshot
from worker.verification import lines as lines_of
from worker.verification import named, texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Scope, Within
from worker.verification.matching import Matcher, Rows, Sieve, compiled

MAX_PATTERNS = 12
MAX_PATTERN = 200
MAX_HITS = 500
_LOOK = 8192


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
        known = compiled(pattern)
        if known is not None and not known.search("") and not known.search("\x01"):
            kept.append(pattern)
    return tuple(kept[:MAX_PATTERNS])


def literal(code: str) -> str:
    """The pattern that finds `code` as it is written."""
    return escape(code).replace(r"\ ", " ")


def patterns_of(criterion: Criterion) -> tuple[str, ...]:
    """What is searched for: the criterion's patterns, and the code that its own words forbid where none of these would
    find it. So no slip of who wrote the patterns makes a search find nothing."""
    given = criterion.patterns
    if not given or criterion.kind is not CriterionKind.FORBIDS:
        return given
    known = [found for pattern in given if (found := compiled(pattern)) is not None]
    missed = [
        name
        for name in named.forbidden(criterion)
        if not any(pattern.search(form) for pattern in known for form in named.forms(name))
    ]
    return (*given, *usable(literal(name) for name in missed))


@dataclass
class _Search:
    """The search for one criterion, as it goes on."""

    criterion: Criterion
    patterns: tuple[str, ...]
    matcher: Matcher | None
    named: frozenset[str]
    """Paths that a pattern matches, in scope or not."""
    lines: dict[str, int] = field(default_factory=dict)
    paths: list[Hit] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unchanged: int = 0

    @classmethod
    def of(cls, criterion: Criterion, paths: Rows) -> "_Search":
        patterns = patterns_of(criterion)
        matcher = Matcher.of(patterns)
        numbers = matcher.lines(paths, len(paths.lines)) if matcher is not None else ()
        return cls(criterion, patterns, matcher, frozenset(paths.lines[number - 1] for number in numbers))

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


class Texts:
    """The texts of a snapshot, ready to be searched. Small ones are kept, for all who search them."""

    _KEPT_BYTES = 32 << 20

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.paths = Rows.of([file.path for file in snapshot.files])
        self._keeps = snapshot.total <= self._KEPT_BYTES
        self._rows: dict[str, Rows | None] = {}
        self._disguised: dict[str, bool] = {}

    def read(self) -> None:
        """Read all that is kept."""
        for file in self.snapshot.files if self._keeps else ():
            if self.is_text(file.path):
                self.rows(file.path)

    def is_text(self, path: str) -> bool:
        """Whether the file may hold text that a criterion speaks of: what is called a picture and is text does."""
        if not texts.is_media(path):
            return not texts.is_lock(path)
        if path not in self._disguised:
            with (self.snapshot.root / path).open("rb") as file:
                self._disguised[path] = texts.is_disguised(file.read(_LOOK))
        return self._disguised[path]

    def rows(self, path: str) -> Rows | None:
        """The lines of a file, None for one that does not decode."""
        if path in self._rows:
            return self._rows[path]
        data = (self.snapshot.root / path).read_bytes()
        content = texts.decode(data, path)
        rows = None if content is None else Rows.of(lines_of.of(content))
        if self._keeps:
            self._rows[path] = rows
        return rows


def scoped(known: Texts, criteria: Sequence[Criterion]) -> dict[str, Scoped]:
    """The scope of each criterion, by its key, searched with its patterns. Blocking: every file is read once.

    In `diff` mode the scope is what changed; what must be somewhere may be anywhere. Media hold no text that
    a criterion speaks of, and lock files are searched only where it is about security; the paths of both are searched
    like all others.
    """
    snapshot = known.snapshot
    searches = [_Search.of(criterion, known.paths) for criterion in criteria]
    by_scope: dict[Scope, list[_Search]] = {}
    for search in searches:
        by_scope.setdefault(search.criterion.scope, []).append(search)
    sieve = Sieve(search.matcher for search in searches if search.matcher is not None)
    for file in snapshot.files:
        here = _verified(by_scope, file.path, snapshot.changed)
        for search in here:
            if file.path in search.named:
                search.paths.append(Hit(file.path, 0))
        if here and known.is_text(file.path):
            _text(here, sieve, file.path, known.rows(file.path))
        elif texts.is_lock(file.path):
            # Nobody reads them; what must not be in a repository at all may be in one.
            _lock([search for search in here if search.criterion.category is Category.SECURITY], file.path, known)
    return {search.criterion.key: search.result() for search in searches}


def _verified(by_scope: Mapping[Scope, Sequence[_Search]], path: str, changed: frozenset[str] | None) -> list[_Search]:
    """Those that look at the path; of the others that it is in scope of and did not change is counted."""
    here: list[_Search] = []
    for scope, searches in by_scope.items():
        if scope.of(path) is Within.NO:
            continue
        if changed is None or path in changed:
            here += searches
            continue
        for search in searches:
            if search.criterion.kind is CriterionKind.SOMEWHERE:
                here.append(search)
            else:
                search.unchanged += is_text(path)
    return here


def is_text(path: str) -> bool:
    """Whether the file may hold text that a criterion speaks of, by its path."""
    return not texts.is_media(path) and not texts.is_lock(path)


def _text(searches: Sequence[_Search], sieve: Sieve, path: str, rows: Rows | None) -> None:
    if rows is None:
        for search in searches:
            search.unreadable.append(path)
        return
    open_ones = [search for search in searches if not search.full]
    silent = sieve.nothing(rows.content, frozenset(s.matcher.source for s in open_ones if s.matcher is not None))
    for search in searches:
        search.lines[path] = len(rows.lines)
        if search.matcher is not None and not search.full and search.matcher.source not in silent:
            search.hits += [Hit(path, n) for n in search.matcher.lines(rows, MAX_HITS + 1 - len(search.hits))]


def _lock(searches: Sequence[_Search], path: str, known: Texts) -> None:
    for search in searches:
        rows = known.rows(path)
        if rows is not None and search.matcher is not None and not search.full:
            search.hits += [Hit(path, n) for n in search.matcher.lines(rows, MAX_HITS + 1 - len(search.hits))]


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
