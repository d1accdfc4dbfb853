"""How far a run is: a live bar in a terminal, a line for each step elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from client.http import FINAL, Event
from invariant.printable import cleaned

_STEPS = {
    "snapshot": "taking a snapshot",
    "criteria": "reading the constitution",
    "analysis": "running static analysis",
    "scouting": "scouts read the code",
    "judging": "the judges judge",
    "debate": "the judges debate",
    "consensus": "forming the consensus",
    "recording": "writing the verdict",
}
_WAITS = {"provider_rate_limited": "rate limited", "provider_unavailable": "unavailable"}
# Wide enough for the longest wait beside the rest of the bar's line in 80 columns.
_BAR_WIDTH = 12


class View(Protocol):
    """Shows a run's events as they come."""

    def show(self, event: Event) -> None: ...


def describe(event: Event) -> str | None:
    """What a person is told of the event in one line; None for what concerns machines alone."""
    data = cleaned(event.data)
    if event.type == "step":
        words = _STEPS.get(data["step"], data["step"])
        if "criteria_judged" in data:
            words = f"{words}: {data['criteria_judged']} of {data['criteria']} criteria"
        elif "pieces_read" in data:
            words = f"{words}: {data['pieces_read']} of {data['pieces']} pieces"
        return str(words)
    if event.type == "requeued":
        return _waiting(data)
    return event.type if event.type in FINAL else None


def _waiting(data: dict[str, str | None]) -> str:
    reason = _WAITS.get(data["reason"] or "", data["reason"])
    provider, until = data.get("provider"), data.get("until")
    if provider is None:
        return f"waiting again: {reason}"
    if until is None:
        return f"waiting for {provider} ({reason})"
    return f"waiting for {provider} until {datetime.fromisoformat(until).astimezone(UTC):%H:%M:%S} UTC ({reason})"


class Bar:
    """One line that changes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        # Of how many steps, the first of them says.
        self._task = progress.add_task("queued", total=None)

    def show(self, event: Event) -> None:
        words = describe(event)
        if words is None:
            return
        if event.type == "step":
            number, of = event.data["number"], event.data["of"]
            self._progress.update(self._task, completed=number - 1, total=of, description=words)
        elif event.type == "requeued":
            self._progress.update(self._task, completed=0, description=words)
        else:
            total = self._progress.tasks[0].total or 1
            self._progress.update(self._task, completed=total, total=total, description=words)


class Lines:
    """A line for each step as it begins, and for each wait."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step: str | None = None

    def show(self, event: Event) -> None:
        step = event.data.get("step") if event.type == "step" else None
        words = describe(event)
        # How far the judges are comes as the same step again and again.
        if words is None or event.type in FINAL or (step is not None and step == self._step):
            return
        self._step = step
        place = f"step {event.data['number']} of {event.data['of']}: " if step is not None else ""
        self._console.print(Text(f"{place}{words}"), soft_wrap=True)


@contextmanager
def progress(console: Console) -> Iterator[View]:
    """What shows a run's events for as long as the block lasts."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(bar_width=_BAR_WIDTH),
        TimeElapsedColumn(),
        console=console,
    ) as bar:
        yield Bar(bar)
