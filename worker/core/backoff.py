"""Delays between attempts, and jitter. No secret is made here, so the cheap generator will do."""

import random


def full_jitter(failures: int, *, base: float = 2.0, cap: float = 300.0, floor: float = 0.0) -> float:
    """Seconds to wait after the `failures`-th failure (1, 2, …): uniform between `floor` and an exponential bound,
    for any number of failures.

    Source: M. Brooker, «Exponential Backoff And Jitter», AWS Architecture Blog, 2015 (full jitter).
    """
    return random.uniform(floor, min(cap, base * 2 ** min(failures, 30)))  # noqa: S311  jitter, no secret


def spread(seconds: float, share: float) -> float:
    """About `seconds`, more or less by up to `share` of them, so that many processes do not act in step."""
    return seconds * random.uniform(1 - share, 1 + share)  # noqa: S311  jitter, no secret
