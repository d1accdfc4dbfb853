"""`invariant chaos`: the same harm to the product and to a bare procrastinate worker, and one table of what came of
it. Everything runs on this machine, on a Postgres of its own."""

import argparse
import logging

import structlog
from rich.console import Console
from rich.table import Table

from invariant.chaos import measure
from invariant.chaos.measure import Result
from invariant.chaos.scenarios import SCENARIOS

_WINDOW_SECONDS = 10.0
_PATIENCE_SECONDS = 90.0
_SHORT = 0.1
_WIDTH = 170


def command(arguments: argparse.Namespace) -> int:
    """Run the scenarios whose name holds any of the given words; 1 when the product lost or doubled anything."""
    logging.disable(logging.WARNING)
    console = Console(width=_WIDTH)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    chosen = [s for s in SCENARIOS if not arguments.scenario or any(word in s.name for word in arguments.scenario)]
    if not chosen:
        console.print("no scenario has such a name; there are: " + "; ".join(s.name for s in SCENARIOS))
        return 2
    table = Table(title="chaos")
    for column in (
        "scenario",
        "side",
        "rate after / before",
        "wanted",
        "recovered after",
        "lost",
        "doubled",
        "paid twice",
        "attempts spent",
        "last work ended after",
    ):
        table.add_column(column, justify="left" if column in ("scenario", "side") else "right")
    failed = False
    for number, scenario in enumerate(chosen, start=1):
        console.print(f"{number}/{len(chosen)} {scenario.name}")
        results = measure.run(
            scenario,
            window=_WINDOW_SECONDS,
            patience=_PATIENCE_SECONDS,
            scale=_SHORT if arguments.short else 1.0,
        )
        for result in results:
            console.print("   ", *_cells(result))
            first = result.side == results[0].side
            table.add_row(scenario.name if first else "", *_cells(result, f"{scenario.wanted:.2f}" if first else ""))
        ours = results[0]
        failed = failed or bool(ours.lost or ours.doubled or ours.paid_twice) or ours.ratio < scenario.wanted
    console.print(table)
    return int(failed)


def _cells(result: Result, wanted: str = "") -> list[str]:
    return [
        result.side,
        f"{result.ratio:.2f}",
        wanted,
        "never" if result.recovery is None else f"{result.recovery:.1f} s",
        str(result.lost),
        str(result.doubled),
        "" if result.paid_twice is None else str(result.paid_twice),
        "" if result.spent is None else str(result.spent),
        "" if result.spent is None else f"{result.unfinished_seconds:.0f} s",
    ]
