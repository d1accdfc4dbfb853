"""Sets of half-open intervals."""

from spanset.ops import gaps, merge, overlap, union
from spanset.parse import parse
from spanset.span import Span, SpanSet

__all__ = ["Span", "SpanSet", "gaps", "merge", "overlap", "parse", "union"]
