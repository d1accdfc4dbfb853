"""Which run is next. A job in the queue is a ticket: it says that there is a run to take up, and this says which.

By priority first; among equals the tenant with the least at work for what it has waiting, so that a flood of one is
hardly anybody else's delay: shares are inversely proportional to what waits, and who has nothing at work is never
behind who has (weighted fair queueing; Demers, Keshav, Shenker, SIGCOMM 1989). Then in turn; of a tenant's runs the
oldest. A tenant is the user who asked, or the owner of the repository where nobody is named.
"""

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.core.db.database import Database
from worker.core.runs import lifecycle
from worker.core.runs.lifecycle import Claim

_CANDIDATES = 8
# What waits is counted so far.
_COUNTED = 250
# "inv_repo" in ASCII: claims take turns where repositories have a limit, so that none of them is passed.
_LOCK = int.from_bytes(b"inv_repo")

# The recursion walks from tenant to tenant through the index, however many runs each has waiting.
_FAIR = """
    WITH RECURSIVE tenants AS (
        (SELECT tenant FROM runs WHERE status = 'queued' ORDER BY tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant FROM runs r WHERE r.status = 'queued' AND r.tenant > t.tenant
                ORDER BY r.tenant LIMIT 1)
        FROM tenants t WHERE t.tenant IS NOT NULL
    ), service AS MATERIALIZED (
        SELECT tenant,
            (SELECT count(*) FROM runs r WHERE r.status = 'running' AND r.tenant = t.tenant)
            * (SELECT count(*) FROM (
                SELECT FROM runs r WHERE r.status = 'queued' AND r.tenant = t.tenant
                ORDER BY priority DESC, created_at, id LIMIT :counted) AS waiting) AS share,
            (SELECT max(started_at) FROM runs r WHERE r.tenant = t.tenant AND r.started_at IS NOT NULL) AS served_at
        FROM tenants t WHERE tenant IS NOT NULL
    ), {full_up}
    SELECT head.id
    FROM service t
    CROSS JOIN LATERAL (
        SELECT id, priority, created_at FROM runs r
        WHERE r.status = 'queued' AND r.tenant = t.tenant AND coalesce(r.not_before <= clock_timestamp(), true)
            AND {has_room}
        ORDER BY priority DESC, created_at, id LIMIT :candidates
    ) head
    ORDER BY head.priority DESC, t.share, t.served_at NULLS FIRST, head.created_at, head.id
    LIMIT :candidates
"""
_NEXT = text(_FAIR.format(full_up=lifecycle.FULL_UP, has_room=lifecycle.HAS_ROOM))


async def claim_next(db: Database, hint: uuid.UUID, *, holder: str, lease: float, repo_limit: int = 0) -> Claim | None:
    """Take the run whose turn it is; None when there is none that may be taken up now.

    `hint` is the run that the ticket was made for: it is taken when its holder was lost. `repo_limit`: so many runs of
    one repository at once, 0 without a limit. `lease` in seconds.
    """
    if repo_limit:
        async with db.transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return await _claim(await session.connection(), hint, holder=holder, lease=lease, repo_limit=repo_limit)
    async with db.single_statement() as connection:
        return await _claim(connection, hint, holder=holder, lease=lease, repo_limit=0)


async def _claim(
    connection: AsyncConnection, hint: uuid.UUID, *, holder: str, lease: float, repo_limit: int
) -> Claim | None:
    values = {"repo_limit": repo_limit, "candidates": _CANDIDATES, "counted": _COUNTED}
    while rows := (await connection.execute(_NEXT, values)).all():
        # Others choose at the same time, and the same: each takes the first that is still there. Who finds none left
        # looks again: meanwhile a run may have come whose ticket took one of these.
        for row in rows:
            claim = await lifecycle.claim(connection, row.id, holder=holder, lease=lease)
            if claim is not None:
                return claim
    return await lifecycle.claim_lost(connection, hint, holder=holder, lease=lease)
