"""Steps and waits as a person sees them, with a terminal and without."""

import io
from typing import Any

from rich.console import Console

from client.http import Event
from invariant.progress import describe, progress


def event(kind: str, **data: Any) -> Event:
    return Event("1", kind, data)


def step(name: str, number: int, **more: Any) -> Event:
    return event("step", step=name, number=number, of=9, **more)


LIMITED = event(
    "requeued", reason="provider_rate_limited", provider="openai", until="2026-11-26T13:31:05+01:00", delay_seconds=3
)
RUN = (
    event("queued"),
    event("claimed", attempt=1),
    step("snapshot", 1),
    step("judging", 4),
    step("judging", 4, criteria_judged=2, criteria=8),
    LIMITED,
    event("claimed", attempt=2),
    step("snapshot", 1),
    step("judging", 4),
    step("something new", 8),
    event("completed", verdict="PASS"),
)


def written(*, terminal: bool) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=80, force_terminal=terminal)
    with progress(console) as view:
        for each in RUN:
            view.show(each)
            if terminal:
                view._progress.refresh()
    return buffer.getvalue()


def test_without_a_terminal_each_step_and_each_wait_is_a_line() -> None:
    assert written(terminal=False).splitlines() == [
        "step 1 of 9: taking a snapshot",
        "step 4 of 9: the judges judge",
        "waiting for openai until 12:31:05 UTC (rate limited)",
        "step 1 of 9: taking a snapshot",
        "step 4 of 9: the judges judge",
        "step 8 of 9: something new",
    ]


def test_in_a_terminal_the_bar_says_what_is_waited_for() -> None:
    text = written(terminal=True)
    assert "waiting for openai until 12:31:05 UTC (rate limited)" in text
    assert "the judges judge: 2 of 8 criteria" in text


def test_waits_that_are_nobodys() -> None:
    assert describe(event("requeued", reason="lease lapsed")) == "waiting again: lease lapsed"
    assert describe(event("requeued", reason="provider_unavailable", provider="acme", until=None)) == (
        "waiting for acme (unavailable)"
    )


def test_names_of_strangers_send_nothing_to_the_terminal() -> None:
    hostile = event("requeued", reason="\x1b[2J", provider="\x1b]0;title\x07", until=None)
    words = describe(hostile)
    assert words is not None
    assert "\x1b" not in words
    assert "\x07" not in words
