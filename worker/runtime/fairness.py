"""Whose turn it is: the order of tenants, as read from the database and counted on from there.

By priority first; among equals the tenant with the least at work for what it has waiting, so that a flood of one is
hardly anybody else's delay: shares are inversely proportional to what waits, and who has nothing at work is never
behind who has (weighted fair queueing; Demers, Keshav, Shenker, SIGCOMM 1989). Then in turn: whose next run has waited
longest, where what came before the tenant's last turn counts from that turn.
"""

import heapq
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Tenant:
    """A tenant that has a run waiting. `waiting` is counted so far as it matters; `priority` is that of its next run;
    `since`, in seconds by the database's clock, is when that came, or when the tenant last had its turn."""

    name: str
    priority: int
    running: int
    waiting: int
    since: float

    @property
    def share(self) -> int:
        return self.running * self.waiting


class Order:
    """The tenants in their order as it was read; times in seconds, `read_at` and `valid_until` by a clock of the
    caller's.

    Processes that read at the same time would all serve the same tenant next. What happened within the time that an
    order holds is as good as simultaneous: there the turns are drawn by lot.
    """

    def __init__(self, tenants: Iterable[Tenant], *, read_at: float, valid_until: float) -> None:
        self.read_at = read_at
        self.valid_until = valid_until
        self._heap: list[tuple[tuple[int, int, float], int, Tenant]] = []
        self._added = 0
        for tenant in tenants:
            self._add(tenant, random.uniform(0, valid_until - read_at))  # noqa: S311  a lot, no secret
        self.was_empty = not self._heap

    def __bool__(self) -> bool:
        return bool(self._heap)

    def take(self) -> Tenant | None:
        """The tenant whose turn it is, which is counted as served; None when there is none."""
        if not self._heap:
            return None
        _, _, tenant = heapq.heappop(self._heap)
        self._add(replace(tenant, running=tenant.running + 1, since=math.inf))
        return tenant

    def drop(self, name: str) -> None:
        """The tenant has nothing more to take up."""
        self._heap = [entry for entry in self._heap if entry[2].name != name]
        heapq.heapify(self._heap)

    def _add(self, tenant: Tenant, blur: float = 0.0) -> None:
        self._added += 1
        place = (-tenant.priority, tenant.share, tenant.since + blur)
        heapq.heappush(self._heap, (place, self._added, tenant))
