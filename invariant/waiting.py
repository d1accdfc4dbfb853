"""Wait for something that shall come about: by asking, within a bound, and never by hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ASKED_EVERY = 0.02


def until(
    found: Callable[[], T | None],
    seconds: float,
    why: Callable[[], object] = lambda: "it never came about",
    *,
    ended: Callable[[], bool] = lambda: False,
    every: float = _ASKED_EVERY,
) -> T:
    """What `found` gives once it gives something true. Seconds.

    Raises TimeoutError with what `why` says when time runs out, or when `ended` tells that there is nothing to wait
    for any more.
    """
    deadline = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > deadline or ended():
            raise TimeoutError(f"waited in vain: {why()}")
        # How often is asked; what is waited for is what `found` looks at.
        time.sleep(every)
    return result
