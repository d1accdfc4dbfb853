"""The queue's side of remediation: thin, an id comes in."""

import uuid

from procrastinate import JobContext

from worker.core.queue.app import app
from worker.core.queue.jobs import FollowRun, Remediate
from worker.remediation import following
from worker.remediation.remediate import remediate as go_on
from worker.runtime import work_items
from worker.runtime.resources import Resources


@app.task(name=Remediate.NAME, queue=Remediate.QUEUE, pass_context=True)
async def remediate(context: JobContext, remediation_id: str) -> None:
    resources: Resources = context.additional_context["resources"]
    await go_on(uuid.UUID(remediation_id), resources)


@app.task(name=FollowRun.NAME, queue=FollowRun.QUEUE, pass_context=True)
async def follow_run(context: JobContext, run_id: str) -> None:
    resources: Resources = context.additional_context["resources"]

    async def follow(item: work_items.Item) -> None:
        await following.follow(uuid.UUID(item.subject), resources)

    await work_items.expect(resources, FollowRun.NAME, run_id)
    await work_items.perform(resources, FollowRun.NAME, run_id, follow, max_failures=8)
