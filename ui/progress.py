"""How far a run is, from its events."""

from dataclasses import dataclass, field
from typing import Any, Literal

from client.http import FINAL, Event

STEPS = {
    "snapshot": "Take a snapshot",
    "criteria": "Read the constitution",
    "analysis": "Analyse the code",
    "scouting": "Scouts read every line",
    "judging": "Judges answer",
    "debate": "Judges hear each other",
    "consensus": "Form a consensus",
    "recording": "Write the verdict",
}
_REASONS = {"provider_rate_limited": "rate limited", "provider_unavailable": "unavailable"}
State = Literal["done", "now", "next", "skipped"]


@dataclass
class Progress:
    """What the events so far have told."""

    status: str = "queued"
    step: str | None = None
    attempt: int = 0
    waiting: str | None = None
    until: str | None = None
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def add(self, event: Event) -> None:
        data = event.data
        if event.type == "claimed":
            self.status, self.attempt = "running", int(data.get("attempt") or 1)
            # A new attempt begins from the beginning.
            self.step, self.seen, self.waiting, self.until = None, [], None, None
            self.counts.clear()
        elif event.type == "step":
            self.status, self.waiting, self.until = "running", None, None
            self._step(data)
        elif event.type in FINAL:
            self.status = event.type
        elif event.type == "requeued":
            self.status, self.waiting, self.until = "queued", _waiting(data), data.get("until")

    def _step(self, data: dict[str, Any]) -> None:
        step = data.get("step")
        if step not in STEPS:
            return
        self.step = step
        if step not in self.seen:
            self.seen.append(step)
        for name, value in data.items():
            of = data.get(name.removesuffix("_judged").removesuffix("_read"))
            if name.endswith(("_judged", "_read")) and isinstance(value, int) and isinstance(of, int):
                self.counts[step] = (value, of)

    @property
    def steps(self) -> list[tuple[str, State, tuple[int, int] | None]]:
        """Each step's title, its state, and how much of it is done where that is counted."""
        order = list(STEPS)
        here = order.index(self.step) if self.step else -1
        return [
            (title, self._state(name, place, here), self.counts.get(name))
            for place, (name, title) in enumerate(STEPS.items())
        ]

    def _state(self, name: str, place: int, here: int) -> State:
        if self.status in FINAL or place < here:
            return "done" if name in self.seen else "skipped"
        if place == here:
            return "now"
        return "next"

    @property
    def sentence(self) -> str:
        """For those who hear the page."""
        if self.status == "queued":
            return self.waiting or "The run waits for a worker."
        if self.status in FINAL:
            return f"The run is {self.status}."
        title = STEPS[self.step] if self.step else "The run begins"
        count = self.counts.get(self.step or "")
        return f"{title}: {count[0]} of {count[1]}." if count else f"{title}."


def _waiting(data: dict[str, Any]) -> str:
    reason = str(data.get("reason") or "")
    reason = _REASONS.get(reason, reason.replace("_", " "))
    provider = data.get("provider")
    return f"It waits again: {reason}." if provider is None else f"It waits for {provider} ({reason})."
