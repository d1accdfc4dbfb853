"""What one can do with spans. The global order of spans is by start, then by end."""

import warnings
from collections.abc import Iterable

from spanset._log import logger
from spanset.span import Span, SpanSet


def union(spans: Iterable[Span]) -> SpanSet:
    """Join all spans that overlap or touch.

    >>> union([Span(1, 3), Span(3, 5)])
    SpanSet(1-5)
    """
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    logger.debug("joined to %d spans", len(joined))
    return SpanSet(joined)


def gaps(spans: Iterable[Span]) -> SpanSet:
    """Answer what lies between the first start and the last end and is in no span.

    >>> gaps([Span(1, 3), Span(5, 6)])
    SpanSet(3-5)
    """
    found: list[Span] = []
    end: int | None = None
    for s in union(spans):
        if end is not None:
            found.append(Span(end, s.start))
        end = s.end
    return SpanSet(found)


def overlap(left: Span, right: Span) -> Span | None:
    """Answer what two spans share, or None."""
    start, end = max(left.start, right.start), min(left.end, right.end)
    return Span(start, end) if start < end else None


def merge(spans: Iterable[Span]) -> SpanSet:
    """Old name of union; use that.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     assert merge([Span(1, 2)]) == union([Span(1, 2)])
    """
    warnings.warn("merge() is called union() now and will go in 0.10", DeprecationWarning)
    return union(spans)
