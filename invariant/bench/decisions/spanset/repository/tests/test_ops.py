"""The operations, against a slow and simple model."""

import random

from spanset import Span, gaps, overlap, union


def numbers(spans):
    return {number for span in spans for number in range(span.start, span.end)}


def test_union_against_the_model():
    for seed in range(50):
        generator = random.Random(seed)
        starts = [generator.randrange(40) for _ in range(8)]
        spans = [Span(start, start + generator.randint(1, 9)) for start in starts]
        assert numbers(union(spans)) == numbers(spans), f"seed {seed}"


def test_gaps():
    assert list(gaps([Span(1, 2), Span(4, 6)])) == [Span(2, 4)]


def test_overlap():
    assert overlap(Span(1, 5), Span(3, 9)) == Span(3, 5)
    assert overlap(Span(1, 2), Span(2, 3)) is None
