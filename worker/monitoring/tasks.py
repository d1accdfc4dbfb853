"""The queue's side of monitoring: thin, an id comes in."""

import uuid

from procrastinate import JobContext, RetryStrategy

from worker.core.jobs import DeliverCallback
from worker.core.queue import app
from worker.core.resources import Resources
from worker.monitoring import callbacks

# 4, 16, 64, 256 s: a receiver that is being deployed is back by then, and so is the database.
_RETRY = RetryStrategy(max_attempts=5, exponential_wait=4)


@app.task(name=DeliverCallback.NAME, queue=DeliverCallback.QUEUE, pass_context=True, retry=_RETRY)
async def deliver_callback(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]
    await callbacks.deliver(uuid.UUID(run_id), resources)
