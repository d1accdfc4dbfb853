"""A fix in a terminal: what it is for, what it changes, and what proves it."""

from typing import Any

from rich.console import Console
from rich.text import Text

from invariant.printable import printable

_STATUSES = {
    "verified": ("✓ proven", "green"),
    "proposed": ("? waits for you", "yellow"),
    "rejected": ("· rejected", "dim"),
    "reverted": ("✗ taken back", "red"),
    "failed": ("✗ not fixed", "red"),
}
_LINES = {"+": "green", "-": "red", "@": "cyan"}


def show(console: Console, fix: dict[str, Any], patch: str) -> None:
    """The fix with its diff."""
    word, colour = _STATUSES.get(fix["status"], (fix["status"], ""))
    if fix["status"] == "proposed" and fix["needs"] == "MANUAL":
        word, colour = "· only a suggestion", "yellow"
    subject, _, why = fix["summary"].partition("\n")
    console.print(Text.assemble("\n", (word, colour), "  ", printable(subject)), soft_wrap=True)
    for line in (why, fix["outcome"] or "", *fix["reasons"]):
        if line:
            console.print(Text(f"  {printable(line)}", style="dim"), soft_wrap=True)
    if patch:
        console.print(Text(f"  {_proof(fix)}", style="dim"), soft_wrap=True)
        diff(console, patch)


def _proof(fix: dict[str, Any]) -> str:
    proof = fix["proof"]
    tests = (
        "the repository's tests were not run"
        if proof.get("tests", "not run") == "not run"
        else f"tests {proof['tests']}"
    )
    return printable(f"Proof: {proof.get('told', '')}; {tests}. {fix['origin']}, confidence {fix['confidence']:.2f}")


def diff(console: Console, patch: str) -> None:
    """A unified diff in its colours, without the lines that only git reads."""
    for line in printable(patch).rstrip("\n").split("\n"):
        if line.startswith(("diff --git", "index ")):
            continue
        style = "bold" if line.startswith(("--- ", "+++ ")) else _LINES.get(line[:1], "")
        console.print(Text(f"    {line}", style=style), soft_wrap=True)
