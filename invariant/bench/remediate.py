"""`invariant bench remediate`: what the product adds to the time that the calls of a remediation take.

Twenty issues in twenty files, none of which waits for another, beside unused imports that a tool fixes; and four issues
in one file, each fixed on the ground of the one before. A real api, worker and queue; every call takes
two seconds. Exit code 1 when a remediation takes longer than 1.25 times its longest chain of calls, when a model was
asked about what a tool fixes, or when anything was not fixed.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from client.http import Client
from invariant import stack
from invariant.bench import fixer, provider
from invariant.bench.database import settings_on, temporary
from invariant.bench.provider import Provider
from invariant.waiting import until
from worker.core import settings
from worker.core.settings import Settings

_WANTED = 1.25
_DEADLINE = 240.0
_ISSUES, _CHAINED, _TOOLS = 20, 4, 3


@dataclass(frozen=True)
class Case:
    """`chain`: the calls that follow each other; the criteria were read by the run before."""

    title: str
    files: Mapping[str, str]
    rules: str
    chain: int
    asked: int
    """Of the fixer's calls so many are needed."""


@dataclass(frozen=True)
class Measured:
    seconds: float
    calls: int
    fixed: bool


def cases() -> list[Case]:
    """The two remediations."""
    apart = {f"part_{n}.py": f"def work(value):\n    return flaw_{n}(value)\n" for n in range(_ISSUES)}
    apart |= {f"tool_{n}.py": f"import os\n\nVALUE = {n}\n" for n in range(_TOOLS)}
    one = "".join(f"def work_{n}(value):\n    return flaw_{n}(value)\n\n\n" for n in range(_CHAINED))
    return [
        Case(f"{_ISSUES} issues in {_ISSUES} files", apart, _rules(_ISSUES), 2, _ISSUES),
        Case(f"{_CHAINED} issues in one file", {"whole.py": one}, _rules(_CHAINED), _CHAINED + 1, _CHAINED),
    ]


def _rules(count: int) -> str:
    forbidden = [f"- Code MUST NOT call `flaw_{n}(`." for n in range(count)]
    return "\n".join(["# Rules", "", *forbidden, "- Python code MUST have no unused `import os`.", ""])


def command(arguments: argparse.Namespace) -> int:
    """Measure and print one table; returns the exit code."""
    config = settings.load()
    table = Table(title=f"remediate: every call {arguments.call_seconds:g} s")
    for column in ("remediation", "wall", "chain of calls", "ratio", "fixer asked", "needed", "all fixed"):
        table.add_column(column, justify="left" if column == "remediation" else "right")
    kept = True
    lines = {f"    return flaw_{n}(value)": "    return value" for n in range(_ISSUES)}
    with provider.running(fixer.script(fixer.mending(lines), seconds=arguments.call_seconds)) as given:
        for case in cases():
            found = _measure(config, given, case)
            ratio = found.seconds / (case.chain * arguments.call_seconds)
            kept = kept and ratio <= _WANTED and found.calls == case.asked and found.fixed
            table.add_row(
                case.title, f"{found.seconds:.2f} s", f"{case.chain * arguments.call_seconds:.2f} s", f"{ratio:.2f}",
                str(found.calls), str(case.asked), "yes" if found.fixed else "no",
            )  # fmt: skip
    Console().print(table)
    return 0 if kept else 1


def _measure(config: Settings, given: Provider, case: Case) -> Measured:
    environment = {
        "CVA_LLM_BASE_URL": given.url,
        "CVA_LLM_MODEL": "judge-1",
        "CVA_LLM_CONCURRENCY": "1000",
        "CVA_LLM_PRICES": json.dumps({"judge-1": {"input": 0, "output": 0}}),
        "CVA_FAIL_FAST": "false",
    }
    keys = {key for key in os.environ if key.endswith("_API_KEY")}
    with (
        temporary(config) as url,
        stack.running(settings_on(config, url), environment={**environment, **dict.fromkeys(keys, "")}) as api,
        Client(api.url, api.token) as client,
    ):
        run_id = client.enqueue({"kind": "files", "files": dict(case.files)}, case.rules)["id"]
        until(lambda: client.run(run_id)["status"] == "completed", _DEADLINE, lambda: "the run did not end", every=0.1)
        before = _asked(given)
        began = time.monotonic()
        remediation = client.remediate(run_id)["id"]
        until(
            lambda: client.patch(remediation) is not None,
            _DEADLINE,
            lambda: f"the remediation did not end: {client.remediation(remediation)}",
            every=0.05,
        )
        seconds = time.monotonic() - began
        fixes = client.fixes(remediation)
    fixed = bool(fixes) and all(fix["status"] == "verified" for fix in fixes)
    return Measured(seconds, _asked(given) - before, fixed)


def _asked(given: Provider) -> int:
    return sum(request.role == "remediation" for request in given.requests)
