"""`invariant chaos`: the same harm to the product and to a bare procrastinate worker, and one table of what came of
it. Everything runs on this machine, on a Postgres of its own."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from invariant.chaos import measure
from invariant.chaos.figures import FIGURES as TIMES
from invariant.chaos.figures import Measure
from invariant.chaos.measure import Result
from invariant.chaos.remediations import remediations
from invariant.chaos.scenarios import SCENARIOS, Scenario
from invariant.quiet import quiet

FIGURES = {**TIMES, "remediations": remediations}
_WINDOW_SECONDS = 10.0
_PATIENCE_SECONDS = 90.0
_SHORT = 0.1
_WIDTH = 200


@quiet()
def command(arguments: argparse.Namespace) -> int:
    """Run the scenarios whose name holds any of the given words; 1 when the product lost or doubled anything."""
    console = Console(width=_WIDTH)

    def wanted(name: str) -> bool:
        return not arguments.scenario or any(word in name for word in arguments.scenario)

    scale = _SHORT if arguments.short else 1.0
    chosen = [scenario for scenario in SCENARIOS if wanted(scenario.name)]
    measures = [measure for name, measure in FIGURES.items() if wanted(name)]
    if not chosen and not measures:
        names = [*(scenario.name for scenario in SCENARIOS), *FIGURES]
        console.print("no scenario has such a name; there are: " + "; ".join(names))
        return 2
    failed = _harm(chosen, scale, console) if chosen else False
    failed = (_figures(measures, scale, console) if measures else False) or failed
    return int(failed)


def _figures(measures: Sequence[Measure], scale: float, console: Console) -> bool:
    """Whether any was above what is wanted."""
    table = Table(title="figures")
    for column in ("figure", "measured", "at most"):
        table.add_column(column)
    failed = False
    for measure_one in measures:
        for figure in measure_one(scale):
            table.add_row(figure.name, figure.told, f"{figure.wanted:g}")
            failed = failed or figure.value > figure.wanted
    console.print(table)
    return failed


def _harm(chosen: Sequence[Scenario], scale: float, console: Console) -> bool:
    """Whether the product lost or doubled anything, or did not come back."""
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
        "taken up again within",
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
            scale=scale,
        )
        for result in results:
            console.print("   ", *_cells(result))
            first = result.side == results[0].side
            table.add_row(scenario.name if first else "", *_cells(result, f"{scenario.wanted:.2f}" if first else ""))
        ours = results[0]
        failed = failed or bool(ours.lost or ours.doubled or ours.paid_twice) or ours.ratio < scenario.wanted
    console.print(table)
    return failed


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
        "" if result.taken_up is None else f"{result.taken_up:.0f} s",
        "" if result.ended_after is None else f"{result.ended_after:.0f} s",
    ]
