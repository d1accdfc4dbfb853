"""How much of each criterion's scope the judges were shown and code searched."""

from worker.verification.context.select import Context
from worker.verification.result import Coverage
from worker.verification.search import Scoped


def of(scoped: Scoped, context: Context) -> Coverage:
    """The coverage of one criterion's scope by what its batch was shown."""
    shown = {path: min(count, context.lines(path)) for path, count in scoped.lines.items()}
    lines, shown_lines = sum(scoped.lines.values()), sum(shown.values())
    hits = scoped.hits or ()
    all_lines = shown_lines >= lines and not scoped.unreadable
    # What no judge may be shown (generated, too large, a file of secrets) is in scope, and was not seen. Who was shown
    # every line has seen every place in a line.
    seen = sum(hit in context.hits or (all_lines and hit.line > 0) for hit in hits)
    return Coverage(
        files=len(scoped.lines) + len(scoped.unreadable),
        lines=lines,
        shown_files=sum(count > 0 for count in shown.values()),
        shown_lines=shown_lines,
        unreadable=scoped.unreadable,
        unchanged=scoped.unchanged,
        patterns=scoped.patterns,
        hits=len(hits),
        hits_shown=seen,
        overflow=scoped.overflow,
    )
