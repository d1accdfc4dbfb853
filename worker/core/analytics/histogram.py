"""Distributions of durations that can be merged, with percentiles of any merged range to within one percent.

A logarithmic histogram, as in DDSketch (Masson, Rim, Lee: «DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees», VLDB 2019): bin i holds what lies in (γⁱ⁻², γⁱ⁻¹] microseconds and is read as the value
that is no further than (γ - 1) / (γ + 1) from either end, relatively. Bin 0 holds durations of less than one
microsecond, which are read as 0. With γ = 1.02 the error is below 0.991 %.

In the database a histogram is an array of bigint, one number per bin that is not empty, in ascending order: eight bits
say which duration it is about, sixteen are the bin, forty are the count. Merging is adding counts.
"""

import math
from collections.abc import Iterable, Sequence

GAMMA = 1.02
RELATIVE_ERROR = (GAMMA - 1) / (GAMMA + 1)
_LOG = math.log(GAMMA)
COUNT_BITS = 40
BIN_BITS = 16

CODE = f"(entry >> {COUNT_BITS})"
"""Of an array's number `entry`, which duration and which bin, as SQL."""
NUMBER = f"(entry & {(1 << COUNT_BITS) - 1})"
"""Of an array's number `entry`, the count, as SQL."""
ARRAY = f"array_agg(code << {COUNT_BITS} | number ORDER BY code)"
"""The array, as SQL over rows of one `code` and `number` each."""


def code_of(duration: int, microseconds: str) -> str:
    """SQL for the code of one duration's bin; `microseconds` is SQL for a whole number."""
    logarithm = f"ln(({microseconds})::float8) / {_LOG!r}::float8"
    found = f"CASE WHEN {microseconds} < 1 THEN 0 ELSE 1 + ceil({logarithm})::bigint END"
    return f"({duration}::bigint << {BIN_BITS}) + {found}"


def entry_of(duration: int, microseconds: str) -> str:
    """SQL for the array's number that stands for one duration of one run."""
    return f"(({code_of(duration, microseconds)}) << {COUNT_BITS} | 1)"


def split(code: int) -> tuple[int, int]:
    """The duration and the bin of a code."""
    return code >> BIN_BITS, code & ((1 << BIN_BITS) - 1)


def bin_of(microseconds: int) -> int:
    """The bin of a duration, as the database finds it."""
    return 0 if microseconds < 1 else 1 + math.ceil(math.log(microseconds) / _LOG)


def value_of(number: int) -> float:
    """Microseconds that stand for all durations of a bin."""
    return 0.0 if number == 0 else 2 * GAMMA ** (number - 1) / (GAMMA + 1)


def percentile(bins: Sequence[tuple[int, int]], fraction: float) -> float | None:
    """Microseconds below which `fraction` of the durations lie; None of an empty histogram.

    `bins` are (bin, count) in ascending order. Between two durations it is interpolated, as by PostgreSQL's
    percentile_cont; each of the two is within RELATIVE_ERROR, and so is what lies between.
    """
    total = sum(count for _, count in bins)
    if not total:
        return None
    rank = fraction * (total - 1)
    low, high = _at(bins, math.floor(rank)), _at(bins, math.ceil(rank))
    return low + (high - low) * (rank - math.floor(rank))


def _at(bins: Iterable[tuple[int, int]], position: int) -> float:
    """The duration at a position, counted from 0."""
    passed = 0
    for number, count in bins:
        passed += count
        if passed > position:
            return value_of(number)
    raise IndexError(f"a histogram of {passed} has no position {position}")
