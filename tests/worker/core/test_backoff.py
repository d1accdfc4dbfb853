"""Delays stay within their bounds however long an outage lasts."""

import math

from hypothesis import given
from hypothesis import strategies as st

from worker.core.backoff import full_jitter, spread


@given(st.integers(1, 10**9), st.floats(0.01, 10), st.floats(1, 600))
def test_any_number_of_failures_has_a_delay(failures: int, base: float, cap: float) -> None:
    delay = full_jitter(failures, base=base, cap=cap, floor=0.01)
    assert math.isfinite(delay)
    assert 0.01 <= delay <= min(cap, base * 2 ** min(failures, 30)) * (1 + 1e-9)


@given(st.floats(0.1, 100), st.floats(0, 0.9))
def test_a_spread_is_about_what_was_meant(seconds: float, share: float) -> None:
    low, high = seconds * (1 - share), seconds * (1 + share)
    assert low * (1 - 1e-9) <= spread(seconds, share) <= high * (1 + 1e-9)
