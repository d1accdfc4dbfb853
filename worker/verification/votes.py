"""Which votes count: pure functions of what a judge said, what of it resolves, and what code searched.

A PASS needs what a FAIL needs. It rests on a citation that stands in the repository and concerns the criterion, on a
search or a reading of the whole scope that finds nothing, or on an absence that code confirmed. Nobody turns a PASS
into a FAIL: a vote that cannot be believed is void."""

import re  # noqa: TID251  bounded: patterns of search.MAX_PATTERN characters
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.core.vocabulary import CriterionKind, JudgeRole, Vote
from worker.verification.constitution.criteria import Criterion
from worker.verification.constitution.scope import Within
from worker.verification.context.words import words
from worker.verification.opinion import Evidence, Opinion
from worker.verification.result import Coverage
from worker.verification.search import Hit
from worker.verification.sighting import Sighting

_NEAR = 1
_MIN_TERM = 3
_INVENTIONS = 3


@dataclass(frozen=True)
class Ground:
    """What code knows of one criterion: how much of its scope was read and shown, what scouts named, what the search
    over it found.

    `hits` None: there were no patterns. `missing` are words that stand in no path and no text of the snapshot.
    `changed` are the paths that `diff` mode verifies, None where all are.
    """

    coverage: Coverage
    hits: tuple[Hit, ...] | None
    missing: frozenset[str] = frozenset()
    changed: frozenset[str] | None = None
    sightings: tuple[Sighting, ...] = ()
    """What scouts named for it."""
    constitution: frozenset[str] = frozenset()
    """Where the constitution itself stands: no evidence."""


def void(opinion: Opinion, why: str) -> Opinion:
    """The opinion as an abstention, with the reason."""
    said = opinion.vote if opinion.said is None else opinion.said
    sure = opinion.confidence if opinion.said is None else opinion.said_confidence
    return replace(
        opinion,
        vote=Vote.ABSTAIN,
        score=None,
        confidence=None,
        said=said,
        said_confidence=sure,
        void=why,
        places=(),
    )


def contradicts(vote: Vote, score: int | None, pass_score: int) -> bool:
    """Whether the score says the opposite of the vote."""
    if vote is Vote.ABSTAIN or score is None:
        return False
    return (score >= pass_score) is not (vote is Vote.PASS)


def concerns(item: Evidence, criterion: Criterion, ground: Ground) -> bool:
    """Whether a verified place has to do with the criterion: in what is verified of its scope, and where its patterns
    hit or a scout named it. Without patterns the place must share a word with the statement, in its path or its quote.
    """
    if not item.verified or criterion.scope.of(item.path) is Within.NO or item.path in ground.constitution:
        return False
    if ground.changed is not None and item.path not in ground.changed:
        return False
    if at_sighting(item, ground):
        return True
    if _found(criterion, ground) is not None:
        return at_hit(item, criterion, ground)
    return bool(set(words(f"{item.path}\n{item.quote}")) & set(words(criterion.statement)))


def at_hit(item: Evidence, criterion: Criterion, ground: Ground) -> bool:
    """Whether the search hits at the place; where it hits a path alone, anywhere in that file."""
    lines = {hit.line for hit in _found(criterion, ground) or () if hit.path == item.path}
    in_text = lines - {0}
    if not in_text:
        return 0 in lines
    return any(item.start_line - _NEAR <= line <= item.end_line + _NEAR for line in in_text)


def at_sighting(item: Evidence, ground: Ground) -> bool:
    """Whether a scout named the place for the criterion."""
    return any(
        item.path == place.path and item.start_line - _NEAR <= place.end and place.start <= item.end_line + _NEAR
        for place in ground.sightings
    )


def _found(criterion: Criterion, ground: Ground) -> tuple[Hit, ...] | None:
    """What the search found, None where it says nothing of where to look: there were no patterns, or they find nothing
    of what is required everywhere."""
    return ground.hits or None if criterion.kind is CriterionKind.EVERYWHERE else ground.hits


def consistent(opinion: Opinion, *, pass_score: int) -> Opinion:
    """The opinion, void where it contradicts itself or where nothing that it cites is there."""
    if opinion.vote is Vote.ABSTAIN or opinion.score is None:
        return replace(opinion, vote=Vote.ABSTAIN, score=None, confidence=None)
    if contradicts(opinion.vote, opinion.score, pass_score):
        return void(opinion, f"Its score of {opinion.score} contradicts its vote of {opinion.vote.value}.")
    if opinion.invented:
        return void(opinion, "Nothing that it cites stands in what it was shown.")
    return opinion


def counted(opinion: Opinion, criterion: Criterion, ground: Ground) -> Opinion:
    """A consistent opinion as it counts by itself; what an absence is worth, the judges together say."""
    if opinion.vote is Vote.ABSTAIN:
        return opinion
    nowhere = opinion.vote is Vote.FAIL and criterion.kind is CriterionKind.SOMEWHERE
    places = () if nowhere else tuple(item for item in opinion.evidence if concerns(item, criterion, ground))
    opinion = replace(opinion, places=places, at_hit=any(at_hit(item, criterion, ground) for item in places))
    if opinion.vote is Vote.FAIL:
        return opinion if places or opinion.absence is not None else void(opinion, _fail_needs(criterion, ground))
    why = _pass_needs(criterion, ground, bool(places))
    return opinion if why is None else void(opinion, why)


def _fail_needs(criterion: Criterion, ground: Ground) -> str:
    if criterion.kind is CriterionKind.SOMEWHERE:
        return "A FAIL needs that code finds nowhere what would show it, and two judges who name it."
    guided = _found(criterion, ground) is not None
    where = "where the search for it hits or a scout named one" if guided else "that has to do with the criterion"
    return f"A FAIL needs a place in its scope {where}."


def _pass_needs(criterion: Criterion, ground: Ground, relevant: bool) -> str | None:
    """Why a PASS proves nothing, or None when it does."""
    coverage = ground.coverage
    if criterion.kind is CriterionKind.SOMEWHERE:
        return None if relevant else "A PASS needs a place that shows it."
    if coverage.deep and not coverage.known:
        return unread(coverage)
    clean = coverage.nowhere or coverage.nothing_named
    if criterion.kind is CriterionKind.FORBIDS and clean and not coverage.hits and not coverage.places:
        return None
    if not coverage.deep and not coverage.seen:
        return unseen(coverage)
    return None if relevant else "A PASS needs a place that shows that the judge looked at what the criterion is about."


def unread(coverage: Coverage) -> str:
    """Why it cannot be said that all of the scope was read, or that judges saw all that was named."""
    parts = []
    if not coverage.read:
        lines = coverage.lines - coverage.spared_lines
        parts.append(f"{coverage.percent_read} of its scope was read ({coverage.read_lines} of {lines} lines)")
    if coverage.unreadable:
        parts.append(f"{len(coverage.unreadable)} file(s) of it nobody could read, such as {coverage.unreadable[0]}")
    if coverage.places_shown < coverage.places:
        parts.append(f"the judges were shown {coverage.places_shown} of {coverage.places} places that scouts named")
    if coverage.hits_shown < coverage.hits or coverage.overflow:
        parts.append(f"the judges were shown {coverage.hits_shown} of {coverage.found} that the search found")
    return f"A PASS needs that all of its scope was read and all that was found is shown; {', and '.join(parts)}."


def unseen(coverage: Coverage) -> str:
    """Why it cannot be said that all of the scope was looked at."""
    share = f"the judges were shown {coverage.percent} of its scope ({coverage.shown_lines} of {coverage.lines} lines)"
    if coverage.unreadable:
        share += f"; {len(coverage.unreadable)} file(s) of it nobody could read, such as {coverage.unreadable[0]}"
    if coverage.hits_shown < coverage.hits or coverage.overflow:
        share += f", and {coverage.hits_shown} of {coverage.found} that the search found"
    if not coverage.patterns:
        share += ", and no pattern is known that the rest could be searched for"
    return f"A PASS needs that all is seen; {share}."


def named_absent(opinions: Iterable[Opinion]) -> frozenset[str]:
    """Terms that at least two judges who vote FAIL say are nowhere: single words, identifiers or paths."""
    named: Counter[str] = Counter()
    for opinion in opinions:
        if opinion.vote is Vote.FAIL:
            named.update({name for raw in opinion.absent if (name := term(raw))})
    return frozenset(name for name, count in named.items() if count > 1)


def term(raw: str) -> str | None:
    """A word, name or path as it is searched for; None for what nobody would write or what stands anywhere."""
    bare = raw.strip().strip("`'\"").lower()
    letters = sum(character.isalnum() for character in bare)
    return bare if letters >= _MIN_TERM and not any(character.isspace() for character in bare) else None


def with_absence(opinions: Sequence[Opinion], criterion: Criterion, ground: Ground) -> list[Opinion]:
    """The opinions, where those that name what code did not find rest on its absence.

    What would show the criterion was written down with it, as patterns: none of these may hit, in any line or path of
    the scope. What the judges name must be made of the criterion's own words or patterns, so that nobody proves
    anything by the absence of what nobody would write."""
    coverage = ground.coverage
    if criterion.kind is not CriterionKind.SOMEWHERE or not coverage.patterns or coverage.hits or coverage.unreadable:
        return list(opinions)
    # The letter of a regular expression's escape is no part of a word.
    plain = re.sub(r"\\[A-Za-z]", " ", " ".join(criterion.patterns))
    own = set(words(criterion.statement)) | set(words(plain))
    proven = {
        name
        for name in named_absent(opinions)
        if name in ground.missing and (parts := set(words(name))) and parts <= own
    }
    if not proven:
        return list(opinions)
    listed = ", ".join(f"«{name}»" for name in sorted(proven))
    sought = f"{', '.join(coverage.patterns)} and {listed}"
    searched = f"searched {coverage.files} file(s) and all paths of its scope for {sought}: nothing"
    return [
        replace(opinion, absence=searched)
        if opinion.vote is Vote.FAIL and proven & {term(raw) for raw in opinion.absent}
        else opinion
        for opinion in opinions
    ]


def set_aside(opinions: Iterable[Opinion]) -> Mapping[JudgeRole, str]:
    """The judges who invent across the run, and why they are not heard: most of what they cite is nowhere."""
    cited: Counter[JudgeRole] = Counter()
    invented: Counter[JudgeRole] = Counter()
    for opinion in opinions:
        invented[opinion.role] += opinion.unresolved
        cited[opinion.role] += opinion.unresolved + len(opinion.evidence)
    return {
        role: f"{invented[role]} of its {cited[role]} citations in this run stand nowhere in what it was shown."
        for role in cited
        if invented[role] >= _INVENTIONS and 2 * invented[role] > cited[role]
    }
