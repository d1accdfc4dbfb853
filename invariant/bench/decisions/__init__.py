"""`invariant bench decisions`: what static mode decides of a labelled set, beside the right answers.

Each case of the set is a constitution, a small repository, and for every requirement what is true of it and why
(`README.md`). The product reads and decides it in static mode, by the functions that a worker calls. The exit code is 1
when a PASS is wrong, when fewer than 98 % of the decisions are right, when a line or a labelled requirement of a
constitution is in no account of the reading, or when the set is too small to say so.
"""

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from invariant.bench.decisions import cases, printing, running
from invariant.bench.decisions.summary import Summary

BUNDLED = Path(__file__).parent
_USAGE_ERROR = 3


def command(arguments: argparse.Namespace) -> int:
    """Verify the cases and print the tables; returns 0, 1 when a threshold is not met, 3 for a set nobody can read."""
    console = Console(highlight=False)
    try:
        loaded = [case for folder in arguments.cases or [BUNDLED] for case in cases.load_all(Path(folder))]
    except cases.NotACase as error:
        console.print(f"bench decisions: {error}", markup=False, soft_wrap=True)
        return _USAGE_ERROR
    if not loaded:
        console.print("bench decisions: there are no cases here; name a folder of them with --cases DIR")
        return _USAGE_ERROR
    summary = Summary(tuple(asyncio.run(running.run_all(loaded))))
    printing.show(summary, console)
    if arguments.json:
        document = json.dumps(summary.document(), indent=2, ensure_ascii=False)
        Path(arguments.json).write_text(f"{document}\n", encoding="utf-8")
    return int(bool(summary.failures))
