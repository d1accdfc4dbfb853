"""Whose turn it is: the order of tenants, as read from the database and counted on from there.

By priority first; among equals the tenant with the least at work for what it has waiting, so that a flood of one is
hardly anybody else's delay: shares are inversely proportional to what waits, and who has nothing at work is never
behind who has (weighted fair queueing; Demers, Keshav, Shenker, SIGCOMM 1989). Then in turn: whose next run has waited
longest, where what came before the tenant's last turn counts from that turn.
"""

import heapq
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
    """The tenants in their order as it was read; `read_at` and `valid_until` in seconds by a clock of the caller's.

    `taken` counts the turns that were given. Processes that read at the same time would all serve the same tenants. So
    each draws by lot among the next `spread` of the same priority and share: as many as all others will serve while the
    order holds.
    """

    def __init__(self, tenants: Iterable[Tenant], *, read_at: float, valid_until: float, spread: int = 0) -> None:
        self.read_at = read_at
        self.valid_until = valid_until
        self.taken = 0
        self._heap: list[tuple[tuple[int, int, float], int, Tenant]] = []
        for place, tenant in enumerate(sorted(tenants, key=_turn)):
            lot = random.uniform(0, spread) if place < spread else place  # noqa: S311  no secret
            self._heap.append(((-tenant.priority, tenant.share, lot), place, tenant))
        heapq.heapify(self._heap)
        self.was_empty = not self._heap
        self._next = len(self._heap) + spread
        self._gone: set[str] = set()

    def __bool__(self) -> bool:
        while self._heap and self._heap[0][2].name in self._gone:
            heapq.heappop(self._heap)
        return bool(self._heap)

    def take(self) -> Tenant | None:
        """The tenant whose turn it is, which is counted as served; None when there is none."""
        if not self:
            return None
        self.taken += 1
        self._next += 1
        _, _, tenant = self._heap[0]
        served = replace(tenant, running=tenant.running + 1)
        # After all others of the same share.
        heapq.heapreplace(self._heap, ((-served.priority, served.share, float(self._next)), self._next, served))
        return tenant

    def drop(self, name: str) -> None:
        """The tenant has nothing more to take up."""
        self._gone.add(name)


def _turn(tenant: Tenant) -> tuple[int, int, float]:
    return -tenant.priority, tenant.share, tenant.since
