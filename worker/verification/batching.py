"""Criteria in small batches, each with what its judges are shown, whatever the others are."""

from dataclasses import dataclass
from itertools import groupby

from worker.core.settings import Settings
from worker.core.vocabulary import Category
from worker.verification.constitution.criteria import Criterion
from worker.verification.context import select
from worker.verification.context.select import Known
from worker.verification.context.shown import Context, Overview
from worker.verification.tribunal import Case


@dataclass(frozen=True)
class Batch:
    """Criteria that are judged together, and what their judges are shown."""

    criteria: tuple[Criterion, ...]
    context: Context


def overview(case: Case, settings: Settings) -> Overview:
    """What all judges of the snapshot are shown first. Blocking."""
    return select.overview(
        case.index, budget=settings.context_tokens, only=_only(case), constitution=case.reading.constitution
    )


def groups(criteria: list[Criterion], settings: Settings) -> list[tuple[Criterion, ...]]:
    """Criteria of a category, in the order of their sections, a few at a time."""
    size = settings.criteria_per_call
    ordered = sorted(criteria, key=lambda c: (c.category.value, c.section or ""))
    made = []
    for _, group in groupby(ordered, key=lambda c: c.category):
        alike = list(group)
        made += [tuple(alike[start : start + size]) for start in range(0, len(alike), size)]
    return made


def batches(case: Case, settings: Settings) -> tuple[Overview, list[Batch]]:
    """What all judges are shown, and each group of criteria with its context. Blocking."""
    shared = overview(case, settings)
    made = []
    for chosen in groups(list(case.criteria), settings):
        context = select.select(
            case.index,
            chosen,
            case.analysis.findings,
            budget=settings.context_tokens,
            whole=shared.whole,
            known=_known(case, chosen),
            only=_only(case),
            constitution=case.reading.constitution,
        )
        made.append(Batch(chosen, context))
    return shared, made


def _only(case: Case) -> frozenset[str] | None:
    changed = case.snapshot.changed
    return None if changed is None else case.index.affected_by(changed)


def _known(case: Case, chosen: tuple[Criterion, ...]) -> Known:
    reading = case.reading
    hits = [case.scoped[criterion.key].hits or () for criterion in chosen]
    if reading.survey is None or not reading.survey.pieces:
        return Known(hits)
    unread = {criterion.key for criterion in chosen if not _read(case, criterion)}
    sightings = [sighting for criterion in chosen for sighting in reading.sightings(criterion.key)]
    return Known(hits, sightings, scouted=True, unread=frozenset(unread))


def _read(case: Case, criterion: Criterion) -> bool:
    """Whether scouts have read all of the scope that judges are not shown anyway."""
    reading, scoped = case.reading, case.scoped[criterion.key]
    assert reading.survey is not None
    marked = frozenset[str]() if criterion.category is Category.SECURITY else reading.marked.keys()
    spared = reading.constitution | reading.survey.shown | marked
    return all(path in spared or reading.survey.read_lines(path) >= count for path, count in scoped.lines.items())
