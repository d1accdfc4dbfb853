"""Search the scope of criteria with their patterns: every line and every path, by code, in time linear in the text.

Patterns are RE2's, which cannot explode (Cox, «Regular Expression Matching in the Wild», 2010).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from worker.sources.snapshot import Snapshot
from worker.verification import texts
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Within
from worker.verification.texts import Text

MAX_PATTERNS = 12
MAX_PATTERN = 200
MAX_HITS = 500
_MEMORY = 1 << 20


@dataclass(frozen=True)
class Hit:
    """A line that a pattern matches; line 0: the path itself."""

    path: str
    line: int


@dataclass(frozen=True)
class Scoped:
    """What a criterion speaks of, and what the search over it found.

    `lines` gives the number of lines per file. `unreadable` are files that do not decode. `hits` None: no pattern was
    given, so nothing was searched; there may be more than MAX_HITS, and then `overflow`.
    """

    lines: dict[str, int]
    unreadable: tuple[str, ...]
    hits: tuple[Hit, ...] | None
    overflow: bool = False


def usable(patterns: Iterable[str]) -> tuple[str, ...]:
    """Those that RE2 takes and that do not match everything, each once."""
    kept = []
    for pattern in dict.fromkeys(patterns):
        if not 0 < len(pattern) <= MAX_PATTERN:
            continue
        compiled = _compiled([pattern])
        if compiled is not None and not compiled.search("") and not compiled.search("\x01"):
            kept.append(pattern)
    return tuple(kept[:MAX_PATTERNS])


def literal(code: str) -> str:
    """The pattern that finds `code` as it is written."""
    return re.escape(code).replace(r"\ ", " ")


def _compiled(patterns: Sequence[str]) -> "re2._Regexp[str] | None":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns), options)
    except re2.error:
        return None


def scoped(snapshot: Snapshot, criteria: Sequence[Criterion]) -> dict[str, Scoped]:
    """The scope of each criterion, by its key, searched with its patterns. Blocking: every file is read once."""
    compiled = {c.key: _compiled(c.patterns) if c.patterns else None for c in criteria}
    lines: dict[str, dict[str, int]] = {c.key: {} for c in criteria}
    hits: dict[str, list[Hit]] = {c.key: [] for c in criteria}
    blind: dict[str, list[str]] = {c.key: [] for c in criteria}
    for text in texts.read(snapshot):
        if texts.is_lock(text.path) or (snapshot.changed is not None and text.path not in snapshot.changed):
            continue
        within = [c for c in criteria if c.scope.of(text.path) is not Within.NO]
        if not within:
            continue
        rows = _rows(text)
        for criterion in within:
            if text.content is None:
                blind[criterion.key].append(text.path)
                continue
            lines[criterion.key][text.path] = len(rows)
            pattern = compiled[criterion.key]
            if pattern is not None and len(hits[criterion.key]) <= MAX_HITS:
                hits[criterion.key] += _hits(pattern, text.path, text.content, rows)
    return {
        c.key: Scoped(
            lines[c.key],
            tuple(blind[c.key]),
            tuple(hits[c.key][:MAX_HITS]) if compiled[c.key] is not None else None,
            overflow=len(hits[c.key]) > MAX_HITS,
        )
        for c in criteria
    }


def _rows(text: Text) -> list[str]:
    content = (text.content or "").replace("\r\n", "\n").replace("\r", "\n")
    return content.split("\n")


def _hits(pattern: "re2._Regexp[str]", path: str, content: str, rows: Sequence[str]) -> list[Hit]:
    found = [Hit(path, 0)] if pattern.search(path) else []
    if pattern.search(content):
        found += [Hit(path, number) for number, row in enumerate(rows, start=1) if pattern.search(row)]
    return found


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
