"""What is done to both sides, each under load. A scenario returns when the harm is over and everything it took away
is back; what is measured before and after stands in `measure`.

Every sleep here is the harm itself, how long it lasts or how often it strikes; nothing is waited for by it.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psycopg

from invariant.chaos.rig import Rig

Harm = Callable[[Rig, float], None]
"""Gets the rig and by how much the times are shortened (1: not at all)."""


_ZOMBIE_LEASE_SECONDS = 2
_SHORT_LEASE = {"CVA_LEASE_SECONDS": str(_ZOMBIE_LEASE_SECONDS)}


@dataclass(frozen=True)
class Scenario:
    """`settings` are the product's; `wanted` is the least rate after over the rate before, by the project's aims."""

    name: str
    harm: Harm
    wanted: float
    settings: Mapping[str, str] = field(default_factory=dict)
    through_proxy: bool = False


def _stop_postgres(seconds: float) -> Harm:
    def harm(rig: Rig, scale: float) -> None:
        rig.server.stop("immediate")
        time.sleep(seconds * scale)
        rig.server.start()

    return harm


def _terminate_backends(rig: Rig, scale: float) -> None:
    for _ in range(max(3, round(30 * scale))):
        with contextlib.suppress(psycopg.Error), psycopg.connect(rig.server.url(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        time.sleep(1)


def _kill_one(rig: Rig, scale: float) -> None:
    for side in rig.sides:
        side.workers.end(side.workers.running[0], signal.SIGKILL)
    time.sleep(5 * scale)
    for side in rig.sides:
        side.workers.start()


def _kill_repeatedly(rig: Rig, scale: float) -> None:
    for _ in range(max(3, round(20 * scale))):
        for side in rig.sides:
            side.workers.end(side.workers.running[0], signal.SIGKILL)
            side.workers.start()
        time.sleep(3)


def _use_up_slots(rig: Rig, scale: float) -> None:
    deadline = time.monotonic() + 30 * scale
    with contextlib.ExitStack() as held:
        while time.monotonic() < deadline:
            try:
                held.enter_context(psycopg.connect(rig.server.url(), autocommit=True))
            except psycopg.OperationalError:
                # All are taken. One that somebody lets go is taken next.
                time.sleep(0.1)


def _zombies(rig: Rig, scale: float) -> None:
    """Stopped for twice its lease, and let go on."""
    for number in range(max(3, round(20 * scale))):
        stopped = [side.workers.running[number % len(side.workers.running)] for side in rig.sides]
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        time.sleep(2 * _ZOMBIE_LEASE_SECONDS)
        for process in stopped:
            process.send_signal(signal.SIGCONT)
        # Awake for a moment: long enough to try to write, too short to catch up.
        time.sleep(0.5)


def _half_open(rig: Rig, scale: float) -> None:
    rig.proxy.cut()
    time.sleep(60 * scale)
    rig.proxy.restore()


def _deploy(rig: Rig, scale: float) -> None:
    """One worker after the other: a new one serves before an old one is asked to go."""
    for _ in range(max(2, round(50 * scale))):
        for side in rig.sides:
            old = side.workers.running[0]
            side.workers.start_and_serve()
            side.workers.end(old, signal.SIGTERM)


SCENARIOS = (
    Scenario("Postgres stopped for 3 s", _stop_postgres(3), 0.99),
    Scenario("Postgres stopped for 30 s", _stop_postgres(30), 0.99),
    Scenario("Postgres stopped for 2 min", _stop_postgres(120), 0.99),
    Scenario("all backends terminated every second for 30 s", _terminate_backends, 0.99),
    Scenario("one of two workers killed", _kill_one, 0.95),
    Scenario("a worker killed every 3 s for 60 s", _kill_repeatedly, 0.95, {"CVA_MAX_ATTEMPTS": "100"}),
    Scenario("connection slots used up for 30 s", _use_up_slots, 0.99),
    Scenario(
        "20 zombies: stopped for longer than the lease",
        _zombies,
        0.95,
        {"CVA_LEASE_SECONDS": str(_ZOMBIE_LEASE_SECONDS)},
    ),
    Scenario("network half-open for 60 s", _half_open, 0.99, through_proxy=True),
    Scenario("50 rolling deploys", _deploy, 0.95),
)
