"""A fix that is tried: what shall be done, what came of it, and whether tools have proven it. Values in, values out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.analyzers.finding import Finding
from worker.core.ids import sha256
from worker.remediation import diff, syntax
from worker.remediation.edits import Edit
from worker.remediation.issues import Place
from worker.remediation.policy import FileChange
from worker.sources.tree import Changed


@dataclass(frozen=True)
class Proposal:
    """What shall be done about some places: edits, or with none of them what the tool does."""

    key: str
    places: tuple[Place, ...]
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Trial:
    """What came of a proposal, before anybody keeps it. `refused`: why it cannot even be tried."""

    key: str
    refused: str | None = None
    patch: str = ""
    changes: tuple[FileChange, ...] = ()
    before: tuple[tuple[str, str], ...] = ()
    """Path and SHA-256 of each file that it changes, as it was."""
    breaking: bool = False
    reads: bool = True
    """Every file that could be parsed before can be parsed after."""
    unread: tuple[str, ...] = ()
    """Files that nobody here can parse, as they were: what breaks in them nobody here can tell."""
    left: tuple[str, ...] = ()
    """Findings that were to go and are still there."""
    doubtful: tuple[str, ...] = ()
    """Files in which something is left or new."""
    brought: tuple[str, ...] = ()
    """Findings that were not there before."""
    checked: bool = False
    """Whether an analyzer can say whether what was to go is gone."""
    reversible: bool = False
    """Taking the patch back gave the same bytes."""

    @property
    def proven(self) -> bool:
        """As far as tools can prove it: gone what was to go, nothing new, and it can be taken back."""
        return self.refused is None and self.reads and self.reversible and not self.left and not self.brought


def of_change(
    key: str, before: Mapping[str, str], texts: Mapping[str, str], changed: Mapping[str, Changed], patch: str
) -> Trial:
    """What the grammar and git say of a change of these files."""
    reads, breaking, unread = True, False, []
    for path, text in texts.items():
        was, now = syntax.reads(path, before[path]), syntax.reads(path, text)
        if not was:
            unread.append(path)
        reads = reads and bool(now or not was)
        breaking = breaking or bool(syntax.breaks(path, before[path], text))
    lines = diff.changed_lines(patch)
    changes = tuple(
        FileChange(path, *lines.get(path, ((), ())), one.status, one.mode_before, one.mode_after)
        for path, one in sorted(changed.items())
        if path in texts
    )
    hashes = tuple((path, sha256(before[path].encode())) for path in sorted(texts))
    return Trial(key, patch=patch, changes=changes, before=hashes, breaking=breaking, reads=reads, unread=tuple(unread))


def held_against(trial: Trial, places: Iterable[Place], before: Sequence[Finding], after: Sequence[Finding]) -> Trial:
    """The trial with what the analyzers say of the files that it changes, as they were and as they are then."""
    if trial.refused is not None:
        return trial
    paths = {change.path for change in trial.changes}
    was = Counter((f.path, f.rule) for f in before if f.path in paths)
    now = Counter((f.path, f.rule) for f in after if f.path in paths)
    standing = {(f.path, f.rule, f.fingerprint) for f in after}
    wanted = Counter((p.path, p.rule) for p in places if p.rule is not None and p.path in paths)
    left = [
        (path, f"{rule} in {path}")
        for (path, rule), count in sorted(wanted.items())
        if was[path, rule] and now[path, rule] > was[path, rule] - min(count, was[path, rule])
    ]
    left += [(place.path, f"{place.path} is as it was") for place in places if place.path not in paths]
    left += [
        (place.path, f"{place.rule} at {place.path}:{place.start_line}")
        for place in places
        if place.fingerprint and (place.path, place.rule, place.fingerprint) in standing
    ]
    brought = [(path, f"{rule} in {path}") for (path, rule), n in sorted(now.items()) if n > was[path, rule]]
    return replace(
        trial,
        left=tuple(dict.fromkeys(what for _, what in left)),
        brought=tuple(what for _, what in brought),
        doubtful=tuple(sorted({path for path, _ in (*left, *brought)})),
        checked=bool(wanted) and all(was[one] for one in wanted),
    )
