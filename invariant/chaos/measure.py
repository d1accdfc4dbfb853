"""One scenario from its quiet beginning to the last piece of work: rates before and after, and what went wrong."""

import time
from dataclasses import dataclass

from invariant.chaos import rig as rigs
from invariant.chaos.scenarios import Scenario
from invariant.chaos.sides import Side

_SETTLED_SECONDS = 10.0
_SLICE_SECONDS = 2.0
_AGAIN = 0.9


@dataclass(frozen=True)
class Result:
    """Of one side. `ratio` is the rate after over the rate before; `recovery` in seconds from the end of the harm,
    None when it never came; `taken_up` the longest that work of the time of the harm waited to be ended."""

    side: str
    ratio: float
    recovery: float | None
    lost: int
    doubled: int
    paid_twice: int | None
    unfinished_seconds: float
    spent: int | None


def run(scenario: Scenario, *, window: float, patience: float, scale: float) -> list[Result]:
    """Both sides through the scenario. `window` is how long each rate is measured, `patience` how long the last work
    may take to end; seconds."""
    with rigs.ready(scenario.settings, through_proxy=scenario.through_proxy) as rig:
        time.sleep(window + 1)
        began = time.time()
        scenario.harm(rig, scale)
        ended = time.time()
        time.sleep(_SETTLED_SECONDS + window)
        measured = time.time()
        for side in rig.sides:
            side.stop_producing()
        unfinished = _wait_until_done(rig.product, patience)
        stuck = rig.product.stuck(60)
        if stuck:
            raise RuntimeError(f"{stuck} runs are stuck; the logs are in {rig.logs}")
        results = []
        for side in rig.sides:
            times = side.completed()
            before = _rate(times, began - window, began)
            after = _rate(times, measured - window, measured)
            results.append(
                Result(
                    side=side.name,
                    ratio=after / before if before else 0.0,
                    recovery=_recovery(times, ended, measured, before),
                    lost=side.lost(),
                    doubled=side.doubled(),
                    paid_twice=side.paid_twice(),
                    unfinished_seconds=unfinished,
                    spent=rig.product.spent() if side is rig.product else None,
                )
            )
        return results


def _wait_until_done(side: Side, patience: float) -> float:
    """Seconds until nothing waited any more, `patience` at most."""
    began = time.monotonic()
    while side.lost() and time.monotonic() - began < patience:
        time.sleep(0.5)
    return time.monotonic() - began


def _rate(times: list[float], start: float, end: float) -> float:
    return sum(start <= at < end for at in times) / (end - start)


def _recovery(times: list[float], ended: float, measured: float, before: float) -> float | None:
    """From the end of the harm until the rate of a slice was nearly what it had been."""
    for at in (at for at in times if ended <= at <= measured - _SLICE_SECONDS):
        if _rate(times, at, at + _SLICE_SECONDS) >= _AGAIN * before:
            return at - ended
    return None
