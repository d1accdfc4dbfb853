"""The queue's side of monitoring: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core.queue.app import app
from worker.core.queue.jobs import DeliverCallback, SendCallback
from worker.monitoring import callbacks
from worker.runtime import work_items
from worker.runtime.resources import Resources

# 5, 10, 20 s and so on up to three hours, with full jitter: about a day in all, as Standard Webhooks advise.
_ATTEMPTS = 27
_FIRST_SECONDS = 5.0
_MOST_SECONDS = 10_800.0


@app.task(name=DeliverCallback.NAME, queue=DeliverCallback.QUEUE, pass_context=True)
async def deliver_callback(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]

    async def owe(item: work_items.Item) -> None:
        await callbacks.owe(uuid.UUID(item.subject), resources)

    await work_items.expect(resources, DeliverCallback.NAME, run_id)
    await work_items.perform(resources, DeliverCallback.NAME, run_id, owe, max_failures=8)


@app.task(name=SendCallback.NAME, queue=SendCallback.QUEUE, pass_context=True)
async def send_callback(context: JobContext, subject: str) -> None:
    resources: Resources = context.additional_context["resources"]
    callback_id = uuid.UUID(subject)

    async def send(item: work_items.Item) -> None:
        await callbacks.send(uuid.UUID(item.subject), resources)

    await work_items.expect(resources, SendCallback.NAME, subject)
    try:
        await work_items.perform(
            resources,
            SendCallback.NAME,
            subject,
            send,
            max_failures=_ATTEMPTS,
            backoff=_FIRST_SECONDS,
            most=_MOST_SECONDS,
        )
    except work_items.GaveUp:
        await callbacks.give_up(callback_id, resources)
        raise
