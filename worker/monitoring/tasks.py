"""The queue's side of monitoring: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core.queue.app import app
from worker.core.queue.jobs import DeliverCallback
from worker.monitoring import callbacks
from worker.runtime import work_items
from worker.runtime.resources import Resources


@app.task(name=DeliverCallback.NAME, queue=DeliverCallback.QUEUE, pass_context=True)
async def deliver_callback(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]

    async def deliver(item: work_items.Item) -> None:
        await callbacks.deliver(uuid.UUID(item.subject), resources)

    await work_items.expect(resources, DeliverCallback.NAME, run_id)
    # Up to 4, 8, 16, 32 s and so on: a receiver that is being deployed is back by then.
    await work_items.perform(resources, DeliverCallback.NAME, run_id, deliver, max_failures=8)
