"""One scenario from its quiet beginning to the last piece of work: rates before and after, and what went wrong."""

import contextlib
import time
from dataclasses import dataclass, replace

from invariant.chaos import rig as rigs
from invariant.chaos.scenarios import Scenario
from invariant.chaos.sides import Side
from invariant.waiting import until

_SETTLED_SECONDS = 10.0
_SLICE_SECONDS = 2.0
_AGAIN = 0.9


@dataclass(frozen=True)
class Result:
    """Of one side. `ratio` is the rate after over the rate before; `recovery` in seconds from the end of the harm,
    None when it never came. Of the product alone: `paid_twice`, attempts `spent`, the longest that a run lay still
    before it was `taken_up` again, and how long the last work took to end when no more came; seconds."""

    side: str
    ratio: float
    recovery: float | None
    lost: int
    doubled: int
    paid_twice: int | None = None
    spent: int | None = None
    taken_up: float | None = None
    ended_after: float | None = None


def run(scenario: Scenario, *, window: float, patience: float, scale: float) -> list[Result]:
    """Both sides through the scenario. `window` is how long each rate is measured, `patience` how long the last work
    may take to end; seconds."""
    with rigs.ready(scenario.settings, through_proxy=scenario.through_proxy) as rig:
        # The two sleeps are what is measured: the time before, and the time after it had time to settle.
        time.sleep(window + 1)
        began = time.time()
        scenario.harm(rig, scale)
        ended = time.time()
        time.sleep(_SETTLED_SECONDS + window)
        measured = time.time()
        for side in rig.sides:
            side.stop_producing()
        ended_after = _end_of(rig.product, patience)
        stuck = rig.product.stuck(60)
        if stuck:
            raise RuntimeError(f"{stuck} runs are stuck; the logs are in {rig.logs}")
        product = rig.product
        ours = replace(
            _result(product, began, ended, measured, window),
            paid_twice=product.paid_twice(),
            spent=product.spent(),
            taken_up=product.taken_up_after(),
            ended_after=ended_after,
        )
        return [ours, _result(rig.bare, began, ended, measured, window)]


def _result(side: Side, began: float, ended: float, measured: float, window: float) -> Result:
    times = side.completed()
    before = _rate(times, began - window, began)
    after = _rate(times, measured - window, measured)
    return Result(
        side=side.name,
        ratio=after / before if before else 0.0,
        recovery=_recovery(times, ended, measured, before),
        lost=side.lost(),
        doubled=side.doubled(),
    )


def _end_of(side: Side, patience: float) -> float:
    """Seconds until nothing waited any more, `patience` at most: what is lost then is counted as lost."""
    began = time.monotonic()
    with contextlib.suppress(TimeoutError):
        until(lambda: not side.lost(), patience, every=0.5)
    return time.monotonic() - began


def _rate(times: list[float], start: float, end: float) -> float:
    return sum(start <= at < end for at in times) / (end - start)


def _recovery(times: list[float], ended: float, measured: float, before: float) -> float | None:
    """From the end of the harm until the rate of a slice was nearly what it had been."""
    for at in (at for at in times if ended <= at <= measured - _SLICE_SECONDS):
        if _rate(times, at, at + _SLICE_SECONDS) >= _AGAIN * before:
            return at - ended
    return None
