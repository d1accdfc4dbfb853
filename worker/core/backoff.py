"""Delays between attempts."""

import random


def full_jitter(failures: int, *, base: float = 2.0, cap: float = 300.0) -> float:
    """Seconds to wait after the `failures`-th failure (1, 2, …): uniform between 0 and an exponential bound.

    Source: M. Brooker, «Exponential Backoff And Jitter», AWS Architecture Blog, 2015 (full jitter).
    """
    return random.uniform(0, min(cap, base * 2 ** min(failures, 30)))  # noqa: S311  jitter, no secret
