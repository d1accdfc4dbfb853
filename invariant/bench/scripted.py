"""`python -m invariant.bench.scripted URL`: a worker process whose runs do nothing but what every run writes.

All else is the product's: the supervisor with its queue worker, the reaper, the chores, the roll-ups.
"""

import asyncio
import gc
import logging
import os
import sys
import uuid

import structlog
import uvloop
from procrastinate import JobContext

from worker import isolated
from worker.core.analytics import run_metrics
from worker.core.db.database import Database
from worker.core.queue.app import app
from worker.core.queue.jobs import QUEUES, VerifyRun
from worker.core.runs import events, lifecycle
from worker.core.settings import Settings
from worker.core.vocabulary import RunStatus, Verdict
from worker.runtime.resources import Resources
from worker.supervisor import Supervisor

# With the one that claims and the one that ends it, and the one of its acceptance, a run has nine events.
_STEPS = 6
_CONNECTIONS = 5


@app.task(name=VerifyRun.NAME, queue=VerifyRun.QUEUE, pass_context=True)
async def scripted(context: JobContext, run_id: str) -> None:
    """A run without work."""
    resources: Resources = context.additional_context["resources"]
    claim = await resources.dispatch.claim_next(uuid.UUID(run_id))
    if claim is None:
        return
    for number in range(_STEPS):
        told = {"step": "analysis", "number": number, "of": _STEPS}
        async with resources.db.single_statement() as connection:
            await events.append(connection, claim.run_id, "step", told, attempt=claim.attempt, step="analysis")
    async with resources.db.transaction() as session:
        if await lifecycle.finish(session, claim, status=RunStatus.COMPLETED, verdict=Verdict.PASS, score=8.0):
            await run_metrics.write(session, claim.run_id)


async def _serve(url: str) -> None:
    db = Database(url, application="invariant-bench-worker", pool_size=_CONNECTIONS)
    settings = Settings.model_validate({"DATABASE_URL": url, "CVA_ROLLUP_SECONDS": 10})
    resources = Resources(settings, db, f"bench-{os.getpid()}", isolation=isolated.isolation())
    await Supervisor(resources, QUEUES).run()
    await db.dispose()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    # As the worker's own process does.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1]))
