"""Histograms that merge, and percentiles that are right to within one percent."""

from collections import Counter

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.oracle import percentile
from worker.core.analytics import histogram

MICROSECONDS = st.one_of(
    st.integers(0, 10),
    st.integers(0, 10**7),
    st.integers(0, 10**12),
    st.sampled_from([int(1.02**n) for n in range(900)]),
)
FRACTIONS = (0.0, 0.5, 0.75, 0.95, 0.99, 1.0)


def bins(values: list[int]) -> list[tuple[int, int]]:
    return sorted(Counter(histogram.bin_of(value) for value in values).items())


@given(parts=st.lists(st.lists(MICROSECONDS, max_size=40), min_size=1, max_size=5))
def test_percentiles_of_what_was_merged_are_within_one_percent(parts: list[list[int]]) -> None:
    merged: Counter[int] = Counter()
    for part in parts:
        merged.update(dict(bins(part)))
    values = sorted(float(value) for part in parts for value in part)
    for fraction in FRACTIONS:
        found, exact = histogram.percentile(sorted(merged.items()), fraction), percentile(values, fraction)
        if exact is None or found is None:
            assert found is exact is None
        else:
            assert abs(found - exact) <= 0.01 * exact


def test_the_error_is_what_is_said() -> None:
    assert histogram.RELATIVE_ERROR < 0.00991


@given(value=MICROSECONDS, duration=st.integers(0, 127))
def test_a_code_holds_the_duration_and_the_bin(value: int, duration: int) -> None:
    number = histogram.bin_of(value)
    assert number < 1 << histogram.BIN_BITS
    assert histogram.split((duration << histogram.BIN_BITS) + number) == (duration, number)


def test_a_place_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        histogram._at([(1, 2)], 2)


def test_the_database_finds_the_same_bins(url: str) -> None:
    values = sorted({int(1.0137**n) + step for n in range(2000) for step in (0, 1)} | {0})
    with psycopg.connect(url) as connection:
        statement = f"SELECT v, {histogram.code_of(2, 'v')} FROM unnest(%s::bigint[]) AS v"
        found = connection.execute(statement, [values]).fetchall()
        assert [(value, histogram.split(code)) for value, code in found] == [
            (value, (2, histogram.bin_of(value))) for value in values
        ]
        text = (
            "SELECT "
            + histogram.ARRAY.replace("code <<", "code::bigint <<")
            + " FROM (VALUES (7, 3), (5, 1)) AS b (code, number)"
        )
        (array,) = connection.execute(text).fetchone() or ()
        parts = f"SELECT {histogram.CODE}, {histogram.NUMBER} FROM unnest(%s::bigint[]) AS entry"
        assert connection.execute(parts, [array]).fetchall() == [(5, 1), (7, 3)]
