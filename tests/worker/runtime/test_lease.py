"""Leases of work that goes on while other things go wrong."""

import asyncio
import contextlib

from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import column, new_run
from worker.core.runs import lifecycle
from worker.runtime import lease


async def test_a_lease_is_renewed_while_every_connection_is_taken(url: str) -> None:
    async with resources(url, CVA_LEASE_SECONDS=2) as found, contextlib.AsyncExitStack() as taken:
        run_id = await new_run(found)
        claim = await found.dispatch.claim_next(run_id)
        assert claim is not None
        before = await column(found, run_id, "lease_until")
        for _ in range(8):
            await taken.enter_async_context(found.db.single_statement())
            session = await taken.enter_async_context(found.db.transaction())
            await session.connection()
        # Longer than the lease, and longer than a connection is waited for.
        held = await lease.hold(
            run_id, asyncio.sleep(4, "done"), found, renew=lambda c: lifecycle.renew(c, claim, lease=2)
        )
        assert held == "done"
        await taken.aclose()
        assert (await column(found, run_id, "lease_until") - before).total_seconds() >= 2
