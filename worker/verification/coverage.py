"""How much of each criterion's scope the judges were shown and code searched."""

from worker.verification.constitution.criteria import Criterion
from worker.verification.context.select import Context
from worker.verification.result import Coverage
from worker.verification.search import Scoped


def of(criterion: Criterion, scoped: Scoped, context: Context) -> Coverage:
    """The coverage of one criterion by what its batch was shown."""
    shown = {path: min(count, context.lines(path)) for path, count in scoped.lines.items()}
    hits = scoped.hits or ()
    # What no judge may be shown (generated, too large, a file of secrets) is in scope, and was not seen.
    seen = [hit for hit in hits if hit in context.hits]
    return Coverage(
        files=len(scoped.lines) + len(scoped.unreadable),
        lines=sum(scoped.lines.values()),
        shown_files=sum(count > 0 for count in shown.values()),
        shown_lines=sum(shown.values()),
        unreadable=scoped.unreadable,
        patterns=criterion.patterns if scoped.hits is not None else (),
        hits=len(hits) + scoped.overflow,
        hits_shown=len(seen),
    )
