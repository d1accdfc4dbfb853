"""The queue's side of verification: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core.queue.app import app
from worker.core.queue.jobs import ReadConstitution, VerifyRun
from worker.runtime import work_items
from worker.runtime.resources import Resources
from worker.verification import attempt, preview


@app.task(name=VerifyRun.NAME, queue=VerifyRun.QUEUE, pass_context=True)
async def verify_run(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]
    await attempt.verify_run(uuid.UUID(run_id), resources)


@app.task(name=ReadConstitution.NAME, queue=ReadConstitution.QUEUE, pass_context=True)
async def read_constitution(context: JobContext, subject: str) -> None:
    resources: Resources = context.additional_context["resources"]

    async def read(item: work_items.Item) -> None:
        await preview.read(item.subject, resources)

    await work_items.expect(resources, ReadConstitution.NAME, subject)
    await work_items.perform(resources, ReadConstitution.NAME, subject, read, max_failures=2)
