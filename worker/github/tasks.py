"""The queue's side of GitHub: thin, a subject comes in."""

import uuid
from collections.abc import Awaitable, Callable

from procrastinate import JobContext

from worker.core.github import deliveries
from worker.core.queue.app import app
from worker.core.queue.jobs import ItemJob, LookAtRepository, OpenPullRequest, ReportCheck, TakeDeliveries
from worker.core.telemetry import logs
from worker.github import looking, pull_requests, reporting, taking
from worker.runtime import work_items
from worker.runtime.resources import Resources

log = logs.get(__name__)

# What fails for a reason of ours is tried for about half an hour; while GitHub is away nothing counts as a failure.
_MAX_FAILURES = 10


async def _perform(
    context: JobContext, job: type[ItemJob], subject: str, do: Callable[[work_items.Item, Resources], Awaitable[object]]
) -> str:
    resources: Resources = context.additional_context["resources"]

    async def perform(item: work_items.Item) -> None:
        log.info("github", kind=item.kind, subject=item.subject, outcome=await do(item, resources))

    return await work_items.perform(resources, job.NAME, subject, perform, max_failures=_MAX_FAILURES)


async def _expected(
    context: JobContext, job: type[ItemJob], subject: str, do: Callable[[work_items.Item, Resources], Awaitable[object]]
) -> None:
    await work_items.expect(context.additional_context["resources"], job.NAME, subject)
    await _perform(context, job, subject, do)


@app.task(name=TakeDeliveries.NAME, queue=TakeDeliveries.QUEUE, pass_context=True)
async def take_deliveries(context: JobContext, subject: str) -> None:
    resources: Resources = context.additional_context["resources"]
    ended = "done"
    # Once more after each: what came while the last look was taken knew of one that is at work.
    while ended == "done":
        async with resources.db.single_statement() as connection:
            await deliveries.owe(connection, subject)
        ended = await _perform(context, TakeDeliveries, subject, taking.take)


@app.task(name=LookAtRepository.NAME, queue=LookAtRepository.QUEUE, pass_context=True)
async def look_at_repository(context: JobContext, subject: str) -> None:
    await _expected(context, LookAtRepository, subject, looking.look)


@app.task(name=ReportCheck.NAME, queue=ReportCheck.QUEUE, pass_context=True)
async def report_check(context: JobContext, subject: str) -> None:
    async def report(item: work_items.Item, resources: Resources) -> str:
        return await reporting.report(uuid.UUID(item.subject), resources)

    await _expected(context, ReportCheck, subject, report)


@app.task(name=OpenPullRequest.NAME, queue=OpenPullRequest.QUEUE, pass_context=True)
async def open_pull_request(context: JobContext, subject: str) -> None:
    async def propose(item: work_items.Item, resources: Resources) -> str:
        return await pull_requests.open_one(uuid.UUID(item.subject), resources)

    await _expected(context, OpenPullRequest, subject, propose)
