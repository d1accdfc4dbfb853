"""A model's reading and the rules' reading as one: what was left out, what is said twice, what became of each line."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from worker.core.vocabulary import Category
from worker.verification.constitution import words as requirement
from worker.verification.constitution.answers import Read, derived_patterns
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.meaning import Meaning, plain
from worker.verification.constitution.reading import Fate, Line, Reading

_COVERED = 0.6


def missing(lines: Iterable[Line], read: Sequence[Read]) -> list[Line]:
    """The lines of which the rules made a criterion and the model made nothing."""
    return [line for line in lines if line.fate is Fate.CRITERION and not _covered(line, read)]


def _here(line: Line, read: Iterable[Read]) -> list[Read]:
    """What the model quoted of the line, or quoted the line within."""
    own = plain(line.text)
    near = (one for one in read if one.line <= line.end_line and line.line <= one.end_line)
    return [one for one in near if (quoted := plain(one.quote)) and (quoted in own or own in quoted)]


def _covered(line: Line, read: Iterable[Read]) -> bool:
    """Whether the model's quotes hold together what the line says, or one of its statements does."""
    here = _here(line, read)
    if not here:
        return False
    own = Meaning.of(line.text)
    quoted = Meaning.of("\n".join(one.quote for one in here))
    # A quote of a single word names a line, and says nothing of it.
    said = frozenset(plain(line.text).split())
    held = frozenset(plain("\n".join(one.quote for one in here)).split())
    most = len(said & held) >= _COVERED * len(said) and own.exact <= quoted.exact
    return most or any(own.covered_by(Meaning.of(one.criterion.statement)) for one in here)


def joined(
    read: Sequence[Read], by_rules: Reading, reasons: Mapping[int, str], notes: list[str], method: str
) -> Reading:
    """The model's criteria, the duties that it left out, and what became of every line."""
    own = {criterion.key: criterion for criterion in by_rules.criteria}
    added = []
    for line in missing(by_rules.lines, read):
        for key in line.keys:
            criterion = own[key]
            if requirement.requires(criterion.statement) or requirement.requires(line.text):
                patterns = derived_patterns(criterion.statement, criterion.kind)
                added.append(Read(replace(criterion, patterns=patterns), line.end_line, line.text))
    if added:
        notes.append(f"{len(added)} requirement(s) that the model had left out were added as the rules read them.")
    ordered = sorted([*read, *added], key=lambda one: one.line)
    merged, keys = _merged([one.criterion for one in ordered], notes)
    keyed = [replace(one, criterion=replace(one.criterion, key=keys[n])) for n, one in enumerate(ordered)]
    homes = {criterion.key: criterion.line for criterion in by_rules.criteria}
    lines = [_fate(line, keyed, reasons, homes) for line in by_rules.lines]
    silent = [category.value for category in Category if all(c.category is not category for c in merged)]
    if merged and silent:
        notes.append(f"The constitution says nothing of {' and '.join(silent)}.")
    return Reading(tuple(merged), tuple(lines), method, tuple(notes))


def _fate(line: Line, read: Sequence[Read], reasons: Mapping[int, str], homes: Mapping[str, int]) -> Line:
    """What became of a line that the rules saw, by what the model made of it."""
    here = _here(line, read)
    if here:
        begins = any(line.line <= one.line <= line.end_line for one in here)
        keys = tuple(dict.fromkeys(one.criterion.key for one in here))
        return replace(line, fate=Fate.CRITERION if begins else Fate.PART, keys=keys, why=None, requires=False)
    if line.fate is Fate.PART:
        return _placed(line, read, {homes[key] for key in line.keys})
    said = next((reasons[n] for n in range(line.line, line.end_line + 1) if n in reasons), None)
    why = f"the model says: {said}" if said else line.why or "the model left it out"
    return replace(line, fate=Fate.NOT_READ, keys=(), why=why)


def _placed(line: Line, read: Sequence[Read], homes: Set[int]) -> Line:
    """A title, or a part of another line, belongs to what the model made of the lines that it belongs to."""
    keys = tuple(dict.fromkeys(one.criterion.key for one in read if homes & {*range(one.line, one.end_line + 1)}))
    if keys:
        return replace(line, keys=keys)
    return replace(line, fate=Fate.NOT_READ, keys=(), why="a title", requires=requirement.requires(line.text))


def _merged(read: Sequence[Criterion], notes: list[str]) -> tuple[list[Criterion], list[str]]:
    """Each statement once: of two that say the same the more severe one stays; equal keys are told apart.

    Besides, the key under which each of `read` lives on.
    """
    kept: list[Criterion] = []
    meanings: list[tuple[Meaning, Meaning]] = []
    taken: dict[str, int] = {}
    keys: list[str] = []
    merged = 0
    for criterion in read:
        meaning = (Meaning.of(criterion.statement), Meaning.of(criterion.quote))
        twin = next((n for n, other in enumerate(meanings) if _twins(meaning, criterion, other, kept[n])), None)
        if twin is not None:
            merged += 1
            keys.append(kept[twin].key)
            if criterion.severity.rank < kept[twin].severity.rank:
                kept[twin] = replace(kept[twin], severity=criterion.severity)
            continue
        taken[criterion.key] = taken.get(criterion.key, 0) + 1
        same = taken[criterion.key]
        kept.append(replace(criterion, key=f"{criterion.key}-{same}") if same > 1 else criterion)
        keys.append(kept[-1].key)
        meanings.append(meaning)
    if merged:
        notes.append(f"{merged} criterion(s) that said the same as another were merged.")
    return kept, keys


def _twins(
    one: tuple[Meaning, Meaning], criterion: Criterion, other: tuple[Meaning, Meaning], known: Criterion
) -> bool:
    """Whether two criteria are one: the same meaning of like words in the text, within the same limits."""
    if criterion.scope != known.scope or criterion.kind is not known.kind or not one[0].same_as(other[0]):
        return False
    quotes = one[1], other[1]
    return criterion.quote == known.quote or quotes[0].covered_by(quotes[1]) or quotes[1].covered_by(quotes[0])
