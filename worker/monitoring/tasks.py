"""The queue's side of monitoring: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core import work
from worker.core.queue.app import app
from worker.core.queue.jobs import DeliverCallback
from worker.core.resources import Resources
from worker.monitoring import callbacks


@app.task(name=DeliverCallback.NAME, queue=DeliverCallback.QUEUE, pass_context=True)
async def deliver_callback(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]

    async def deliver(item: work.Item) -> None:
        await callbacks.deliver(uuid.UUID(item.subject), resources)

    await work.expect(resources, DeliverCallback.NAME, run_id)
    # Up to 4, 8, 16, 32 s and so on: a receiver that is being deployed is back by then.
    await work.perform(resources, DeliverCallback.NAME, run_id, deliver, max_failures=8)
