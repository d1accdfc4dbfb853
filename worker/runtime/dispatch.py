"""Which run is next. A job in the queue is a ticket: it says that there is a run to take up, and this says which.

The order of tenants is read from all that waits and is at work, which takes the longer the more tenants there are. So
it holds a while, longer where it costs more, and meanwhile this process counts on from it. A tenant is the user who
asked, or the owner of the repository where nobody is named; of a tenant's runs the oldest of the highest priority is
next.
"""

import asyncio
import time
import uuid

from sqlalchemy import text

from worker.core.db.database import Database
from worker.core.runs import lifecycle
from worker.core.runs.lifecycle import Claim
from worker.core.telemetry import logs
from worker.runtime.fairness import Order, Tenant

log = logs.get(__name__)

# What waits is counted so far.
WAITING_CAP = 250
# How many times as long as the reading took, in seconds, an order holds; and how long at most.
_HOLDS = 25
_HOLDS_AT_MOST = 2.0
# An order by which so many tenants in a row had nothing is read again.
_MISSES = 8

# The recursion walks from tenant to tenant through runs_tenant_queued_idx, however many runs each has waiting.
_READ = """
    WITH RECURSIVE tenants AS (
        (SELECT tenant FROM runs WHERE status = 'queued' ORDER BY tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant FROM runs r WHERE r.status = 'queued' AND r.tenant > t.tenant
                ORDER BY r.tenant LIMIT 1)
        FROM tenants t WHERE t.tenant IS NOT NULL
    ), at_work AS (
        SELECT tenant, count(*) AS running FROM runs WHERE status = 'running' GROUP BY tenant
    ), {full_up}
    SELECT t.tenant, head.priority, coalesce(w.running, 0) AS running,
        -- Who has nothing at work has no share yet, and the largest for what waits once it has.
        CASE WHEN w.running > 0 THEN (SELECT count(*) FROM (
            SELECT FROM runs r WHERE r.status = 'queued' AND r.tenant = t.tenant
            ORDER BY priority DESC, created_at, id LIMIT :counted) AS waiting) ELSE :counted END AS waiting,
        extract(epoch FROM greatest(head.created_at, (
            SELECT max(started_at) FROM runs r WHERE r.tenant = t.tenant AND r.started_at IS NOT NULL
        )))::float8 AS since, (SELECT count(DISTINCT holder) FROM runs WHERE status = 'running') AS processes
    FROM tenants t LEFT JOIN at_work w USING (tenant)
    CROSS JOIN LATERAL (
        SELECT priority, created_at FROM runs r
        WHERE r.status = 'queued' AND r.tenant = t.tenant AND coalesce(r.not_before <= clock_timestamp(), true)
            AND {has_room}
        ORDER BY priority DESC, created_at, id LIMIT 1
    ) head
"""
READ_ORDER = text(_READ.format(full_up=lifecycle.FULL_UP, has_room=lifecycle.HAS_ROOM))


class Dispatch:
    """Gives out runs to one process.

    `lease` in seconds; `repo_limit`: so many runs of one repository at once, 0 without a limit; `holds`: an order is
    good for so many times as long as it took to read.
    """

    def __init__(self, db: Database, *, holder: str, lease: float, repo_limit: int = 0, holds: float = _HOLDS) -> None:
        self._db = db
        self._holder = holder
        self._lease = lease
        self._repo_limit = repo_limit
        self._holds = holds
        self._order = Order((), read_at=0.0, valid_until=0.0)
        self._reading = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None

    async def claim_next(self, hint: uuid.UUID) -> Claim | None:
        """Take the run whose turn it is; None when there is none that may be taken up now.

        `hint` is the run that the ticket was made for: it is taken when its holder was lost.
        """
        began = time.monotonic()
        order, contended = await self._present_order(), False
        while not order.was_empty or order.read_at < began:
            claim = await self._claim_by(order, wait=contended)
            if claim is not None:
                return claim
            # Others took it; meanwhile a run may have come whose ticket took one of these. What an order of this moment
            # knows of and nobody can take is locked: it is waited for.
            contended = not order or order.read_at >= began
            order = await self._order_since(began if order.read_at < began else time.monotonic())
        async with self._db.single_statement() as connection:
            return await lifecycle.claim_lapsed(connection, hint, holder=self._holder, lease=self._lease)

    async def _claim_by(self, order: Order, *, wait: bool) -> Claim | None:
        """None when the order is used up, or says too often what is so no more."""
        for _ in range(_MISSES):
            tenant = order.take()
            if tenant is None:
                return None
            claim = await self._claim(tenant, wait=wait)
            if claim is not None:
                return claim
            order.drop(tenant.name)
        return None

    async def _present_order(self) -> Order:
        now, order = time.monotonic(), self._order
        if not order or now >= order.valid_until:
            return await self._order_since(now)
        if now >= (order.read_at + order.valid_until) / 2 and not self._reading.locked():
            # Ahead of time, so that nobody waits for it.
            self._ahead = asyncio.create_task(self._read_ahead(now))
        return order

    async def _read_ahead(self, moment: float) -> None:
        try:
            await self._order_since(moment)
        except Exception as error:
            # Who needs the order when this one holds no longer meets the same, and says what it means.
            log.debug("the order was not read", error=str(error))

    async def _order_since(self, moment: float) -> Order:
        """One that was read at that moment or later; those who ask at the same time read once."""
        async with self._reading:
            if self._order.read_at < moment:
                read_at = time.monotonic()
                async with self._db.single_statement() as connection:
                    values = {"repo_limit": self._repo_limit, "counted": WAITING_CAP}
                    rows = (await connection.execute(READ_ORDER, values)).all()
                now = time.monotonic()
                holds = min(_HOLDS_AT_MOST, self._holds * (now - read_at))
                tenants = [Tenant(row.tenant, row.priority, row.running, row.waiting, row.since) for row in rows]
                # What the others will serve meanwhile, if they do as much as this process did by the order before.
                others = max(0, rows[0].processes - 1) * self._order.taken if rows else 0
                self._order = Order(tenants, read_at=read_at, valid_until=now + holds, spread=others)
            return self._order

    async def _claim(self, tenant: Tenant, *, wait: bool) -> Claim | None:
        """Of the priority for which it is the tenant's turn: what else the tenant has waiting has another."""
        if self._repo_limit:
            return await self._claim_with_room(tenant, wait=wait)
        async with self._db.single_statement() as connection:
            return await lifecycle.claim_next(
                connection,
                tenant.name,
                priority=tenant.priority,
                holder=self._holder,
                lease=self._lease,
                wait=wait,
            )

    async def _claim_with_room(self, tenant: Tenant, *, wait: bool) -> Claim | None:
        while True:
            async with self._db.transaction() as session:
                candidate = await lifecycle.next_with_room(
                    session, tenant.name, priority=tenant.priority, repo_limit=self._repo_limit, wait=wait
                )
                if candidate is None:
                    return None
                claim = await lifecycle.claim_with_room(
                    session, candidate, holder=self._holder, lease=self._lease, repo_limit=self._repo_limit
                )
            if claim is not None:
                return claim
