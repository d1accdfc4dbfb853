"""The queue's side of verification: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core.queue.app import app
from worker.core.queue.jobs import VerifyRun
from worker.runtime.resources import Resources
from worker.verification import attempt


@app.task(name=VerifyRun.NAME, queue=VerifyRun.QUEUE, pass_context=True)
async def verify_run(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]
    await attempt.verify_run(uuid.UUID(run_id), resources)
