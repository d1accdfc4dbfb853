"""`python -m invariant.bench.drain KIND URL COUNT`: a worker process that drains COUNT empty jobs and says how
fast. `bare` is procrastinate alone; `held` claims and finishes a run around each job, as the product does."""

import asyncio
import gc
import logging
import sys
import time
import uuid

import uvloop
from procrastinate import JobContext
from procrastinate.worker import Worker

from worker import isolated
from worker.core.db.database import Database
from worker.core.queue import app as queue
from worker.core.runs import lifecycle
from worker.core.settings import Settings
from worker.core.vocabulary import RunStatus
from worker.runtime.connector import connector
from worker.runtime.resources import Resources

QUEUE = "bench"
BARE = "bench.bare"
HELD = "bench.held"
CONCURRENCY = 10


@queue.app.task(name=BARE, queue=QUEUE)
async def bare(run_id: str) -> None:
    """Nothing at all."""


@queue.app.task(name=HELD, queue=QUEUE, pass_context=True)
async def held(context: JobContext, run_id: str) -> None:
    """Claim and finish a run, with no work between."""
    resources: Resources = context.additional_context["resources"]
    claim = await resources.dispatch.claim_next(uuid.UUID(run_id))
    if claim is not None:
        async with resources.db.single_statement() as connection:
            await lifecycle.finish(connection, claim, status=RunStatus.CANCELLED)


async def drain(url: str, count: int) -> float:
    """Jobs per second, from the worker's start until the queue is empty."""
    db = Database(url, application="invariant-bench-drain", pool_size=CONCURRENCY)
    app = queue.app.with_connector(connector(db, application="invariant-bench", pool_size=CONCURRENCY))
    async with app.open_async():
        worker = Worker(
            app=app,
            queues=[QUEUE],
            concurrency=CONCURRENCY,
            wait=False,
            install_signal_handlers=False,
            delete_jobs="successful",
            additional_context={"resources": Resources(Settings(), db, "bench", isolation=isolated.isolation())},
        )
        began = time.perf_counter()
        await worker.run()
        seconds = time.perf_counter() - began
    await db.dispose()
    return count / seconds


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    # As the worker's own process does.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(f"{runner.run(drain(sys.argv[1], int(sys.argv[2])))}\n")
