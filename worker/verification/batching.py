"""Criteria in small batches, each with what its judges are shown, whatever the others are."""

from dataclasses import dataclass
from itertools import groupby

from worker.core.settings import Settings
from worker.verification.constitution.criteria import Criterion
from worker.verification.context import select
from worker.verification.context.select import Context, Overview
from worker.verification.tribunal import Case


@dataclass(frozen=True)
class Batch:
    """Criteria that are judged together, and what their judges are shown."""

    criteria: tuple[Criterion, ...]
    context: Context


def batches(case: Case, settings: Settings) -> tuple[Overview, list[Batch]]:
    """What all judges are shown, and criteria of a category and a section together, a few at a time, each with its
    context. Blocking."""
    changed = case.snapshot.changed
    only = None if changed is None else case.index.affected_by(changed)
    overview = select.overview(case.index, budget=settings.context_tokens, only=only)
    ordered = sorted(case.criteria, key=lambda c: (c.category.value, c.section or ""))
    made = []
    for _, group in groupby(ordered, key=lambda c: c.category):
        alike = list(group)
        size = settings.criteria_per_call
        for start in range(0, len(alike), size):
            chosen = tuple(alike[start : start + size])
            context = select.select(
                case.index,
                chosen,
                case.analysis.findings,
                budget=settings.context_tokens,
                whole=overview.whole,
                hits=[case.scoped[criterion.key].hits or () for criterion in chosen],
                only=only,
            )
            made.append(Batch(chosen, context))
    return overview, made
