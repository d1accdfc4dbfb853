"""What a person sees in the terminal: progress on standard error, the verdict as a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from client.http import Event

_COLOURS = {"PASS": "green", "FAIL": "red", "VETO": "bold red", "PARTIAL": "yellow", "ERROR": "magenta"}
_OUTCOMES = {"PASS": ("✓ passed", "green"), "FAIL": ("✗ failed", "red"), "UNDECIDED": ("? undecided", "yellow")}
_SAYS = {
    "snapshot": "taking a snapshot",
    "criteria": "reading the constitution",
    "analysis": "running static analysis",
    "judging": "the judges judge",
    "consensus": "forming the consensus",
    "recording": "writing the verdict",
}
_JUDGES = ("architect", "security", "user_proxy")


class Bar:
    """One run's progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("queued", total=6)

    def show(self, event: Event) -> None:
        if event.type == "step":
            step, number = event.data["step"], event.data["number"]
            self._progress.update(self._task, completed=number - 1, description=_SAYS.get(step, step))
        elif event.type == "requeued":
            self._progress.update(self._task, completed=0, description=f"waiting again: {event.data['reason']}")
        elif event.type in ("completed", "failed", "cancelled"):
            self._progress.update(self._task, completed=6, description=event.type)


@contextmanager
def progress(console: Console) -> Iterator[Bar]:
    """A live bar; plain lines are left out where there is no terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=32),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        yield Bar(bar)


def verdict(console: Console, document: dict[str, Any]) -> None:
    """The verdict as a table of criteria, and why in one line."""
    word = document["verdict"]
    if "criteria" in document:
        console.print(_criteria(document["criteria"]))
    score = document.get("score")
    line = Text.assemble(
        (word, _COLOURS[word]), "  ", document["reason"], f"  Score {score:.1f} of 10." if score is not None else ""
    )
    tribunal = document.get("tribunal", {})
    if tribunal.get("mode") == "static":
        line.append(f"\nStatic mode: {tribunal['why']} Only what verified findings decide was decided.", style="dim")
    console.print(Panel(line, border_style=_COLOURS[word], expand=False))
    for note in document.get("notes", ()):
        console.print(f"[dim]note: {escape(note)}[/dim]")


def _criteria(criteria: list[dict[str, Any]]) -> Table:
    table = Table(title="Criteria", title_justify="left", show_lines=False)
    table.add_column("criterion", ratio=3)
    table.add_column("severity")
    table.add_column("outcome", no_wrap=True)
    table.add_column("evidence", ratio=2)
    order = {"FAIL": 0, "UNDECIDED": 1, "PASS": 2}
    ranks = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    for item in sorted(criteria, key=lambda c: (order[c["outcome"]], ranks[c["severity"]])):
        label, colour = _OUTCOMES[item["outcome"]]
        table.add_row(
            Text(item["statement"]), item["severity"], Text(label, style=colour), Text(_evidence(item), overflow="fold")
        )
    return table


def _evidence(item: dict[str, Any]) -> str:
    places = [
        f"{found['path']}:{found['start_line']}"
        for opinion in item["opinions"]
        for found in opinion["evidence"]
        if found["verified"]
    ]
    unique = list(dict.fromkeys(places))
    if unique:
        return unique[0] + (f" (+{len(unique) - 1})" if len(unique) > 1 else "")
    if item["outcome"] == "PASS":
        searched = next((o["absence"] for o in item["opinions"] if o["absence"]), None)
        return f"none by {searched}" if searched else ""
    return ""
