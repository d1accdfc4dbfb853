"""What an operator needs of the queue: how much waits and for how long, failed jobs and trying them again, pausing."""

from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.http import errors
from api.http.pagination import Page
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.queue.jobs import ITEMS, QUEUES, subject_of
from worker.core.vocabulary import Scope

operations = Operations("queue")

JobStatus = Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]
# One that is being aborted is shown among all, and cannot be asked for.
_STATUSES: tuple[str, ...] = (*get_args(JobStatus), "aborting")
_SILENT_SECONDS = 60
# Ids are bigints.
_AFTER_ALL = (1 << 63) - 1


class QueueView(BaseModel):
    """Jobs of one queue. `waiting` are due, `scheduled` come later; each number is counted up to 10,000. Times in
    seconds."""

    name: str
    paused: bool
    paused_by: str | None
    waiting: int
    scheduled: int
    doing: int
    failed: int
    oldest_seconds: float | None = Field(
        description="how long one of the hundred due jobs that came first has waited, at most"
    )


class Overview(BaseModel):
    """`workers` have written their heartbeat within the last minute, `silent_workers` have not. Runs are counted up to
    10,000."""

    queues: list[QueueView]
    runs_queued: int
    runs_running: int
    oldest_queued_seconds: float | None
    workers: int
    silent_workers: int


class JobView(BaseModel):
    id: int
    queue: str
    task: str
    status: str
    priority: int
    attempts: int = Field(description="how often the queue has delivered it")
    arguments: dict[str, Any]
    worker_id: int | None
    scheduled_at: datetime | None
    created_at: datetime | None


class JobList(Page[JobView]):
    """Jobs, newest first. Those that succeeded are deleted at once."""


class JobQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    queue: Literal["verification", "monitoring"] | None = None
    status: JobStatus | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, pattern=r"^[1-9][0-9]{0,17}$", description="`next_cursor` of the page before")


COUNT_CAP = 10_000
"""What waits is counted so far: more is many, whatever the number."""

_MANY = "SELECT count(*) FROM (SELECT FROM {} LIMIT :counted) AS counted"
_WAITING = "procrastinate_jobs j WHERE j.queue_name = '{queue}' AND j.status = 'todo'"
_DUE = f"{_WAITING} AND coalesce(j.scheduled_at <= now(), true)"
# Each count is a look into an index. The names stand in the text: as parameters, what is rare would be planned as what
# is frequent.
_QUEUE = f"""(
    SELECT q.name, p.queue IS NOT NULL AS paused, p.paused_by,
        ({_MANY.format(_DUE)}) AS waiting,
        ({_MANY.format(f"{_WAITING} AND j.scheduled_at > now()")}) AS scheduled,
        ({_MANY.format("procrastinate_jobs j WHERE j.queue_name = '{queue}' AND j.status = 'doing'")}) AS doing,
        ({_MANY.format("procrastinate_jobs j WHERE j.queue_name = '{queue}' AND j.status IN ('failed', 'aborted')")})
            AS failed,
        -- Of the first that came; one that was to wait, or is tried again, counts from when it was due.
        (SELECT max(extract(epoch FROM now() - since))::float8 FROM (
            SELECT coalesce(
                j.scheduled_at, (SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)) AS since
            FROM {_DUE} ORDER BY j.id LIMIT 100) AS first) AS oldest_seconds
    FROM (VALUES ('{{queue}}')) AS q (name) LEFT JOIN queue_pauses p ON p.queue = q.name
)"""  # noqa: S608  our own words
_QUEUES = text(" UNION ALL ".join(_QUEUE.format(queue=name) for name in QUEUES))
# In an order that an index has: what is unfinished is little among all runs there ever were.
_REST = text(
    f"""
    SELECT
        ({_MANY.format("runs WHERE status = 'queued' ORDER BY created_at, id")}) AS runs_queued,
        ({_MANY.format("runs WHERE status = 'running' ORDER BY created_at, id")}) AS runs_running,
        (SELECT extract(epoch FROM now() - min(created_at))::float8 FROM runs WHERE status = 'queued')
            AS oldest_queued_seconds,
        (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :silent))
            AS workers,
        (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat <= now() - make_interval(secs => :silent))
            AS silent_workers
    """  # noqa: S608  our own words
)


@operations.add("GET", "/api/queue", scope=Scope.ADMIN, answers={200: Answer(Overview)})
async def overview(call: Call) -> Response:
    """How much waits, for how long, and who is there to do it"""
    async with call.state.db.transaction() as session:
        return json_response(await read_overview(session))


async def read_overview(session: AsyncSession) -> Overview:
    """The queues, the unfinished runs and the workers at this moment."""
    queues = await session.execute(_QUEUES, {"counted": COUNT_CAP})
    rest = (await session.execute(_REST, {"silent": _SILENT_SECONDS, "counted": COUNT_CAP})).mappings().one()
    views = sorted((QueueView(**row) for row in queues.mappings()), key=attrgetter("name"))
    return Overview(queues=views, **rest)


_JOB = """
    SELECT j.id, j.queue_name AS queue, j.task_name AS task, j.status::text AS status, j.priority, j.attempts,
        j.args AS arguments, j.worker_id, j.scheduled_at,
        (SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) AS created_at
    FROM procrastinate_jobs j
"""
# One look into invariant_jobs_idx each; as parameters, what is rare would be planned as what is frequent.
_JOBS_OF = """(
    {job} WHERE j.queue_name = '{queue}' AND j.status = '{status}' AND j.id < :before ORDER BY j.id DESC LIMIT :limit
)"""


@cache
def _list(queues: tuple[str, ...], statuses: tuple[str, ...]) -> TextClause:
    parts = (_JOBS_OF.format(job=_JOB, queue=queue, status=status) for queue in queues for status in statuses)
    return text(f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS jobs ORDER BY id DESC LIMIT :limit")  # noqa: S608  our own words


_ONE = text(_JOB + " WHERE j.id = :id AND j.queue_name = ANY(:queues)")
_LOCKED = text(_JOB + " WHERE j.id = :id AND j.queue_name = ANY(:queues) FOR UPDATE OF j")


@operations.add("GET", "/api/jobs", scope=Scope.ADMIN, answers={200: Answer(JobList)}, problems=(errors.Forbidden,))
async def list_jobs(call: Call, query: JobQuery) -> Response:
    """List the queue's jobs"""
    queues: tuple[str, ...] = (query.queue,) if query.queue else QUEUES
    statuses = (query.status,) if query.status else _STATUSES
    values = {"before": _AFTER_ALL if query.cursor is None else int(query.cursor), "limit": query.limit + 1}
    async with call.state.db.transaction() as session:
        rows = (await session.execute(_list(queues, statuses), values)).all()
    cursor = str(rows[query.limit - 1].id) if len(rows) > query.limit else None
    return json_response(JobList(items=[_view(row) for row in rows[: query.limit]], next_cursor=cursor))


def _view(row: Row[Any]) -> JobView:
    return JobView(**row._mapping)


_AGAIN = text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)")
_ITEM_AGAIN = text(
    """
    UPDATE work_items SET status = 'queued', failures = 0, not_before = NULL, finished_at = NULL
    WHERE kind = :kind AND subject = :subject AND status = 'failed'
    """
)


@operations.add(
    "POST",
    "/api/jobs/{job_id}/retry",
    scope=Scope.ADMIN,
    answers={200: Answer(JobView)},
    problems=(errors.Forbidden, errors.NotFound, errors.Conflict),
)
async def retry_job(call: Call, job_id: int) -> Response:
    """Try a failed job again; a callback that was given up begins anew"""
    values = {"id": job_id, "queues": list(QUEUES)}
    if not 0 < job_id < 1 << 63:
        raise errors.NotFound(f"There is no job {job_id}.")
    async with call.state.db.transaction() as session:
        row = (await session.execute(_LOCKED, values)).one_or_none()
        if row is None:
            raise errors.NotFound(f"There is no job {job_id}.")
        if row.status != "failed":
            raise errors.Conflict(f"The job is {row.status}; only a failed one can be tried again.")
        await session.execute(_AGAIN, {"id": job_id})
        if row.task in ITEMS:
            await session.execute(_ITEM_AGAIN, {"kind": row.task, "subject": subject_of(row.arguments)})
        await call.audit(session, f"job:{job_id}", task=row.task)
        found = (await session.execute(_ONE, values)).one()
    return json_response(_view(found))


class Pause(BaseModel):
    queue: str
    paused: bool


_PAUSE = text("INSERT INTO queue_pauses (queue, paused_by) VALUES (:queue, :by) ON CONFLICT DO NOTHING")
_RESUME = text("DELETE FROM queue_pauses WHERE queue = :queue")


def _known(name: str) -> str:
    if name not in QUEUES:
        raise errors.NotFound(f"There is no queue {name[:64]!a}; there are {', '.join(QUEUES)}.")
    return name


@operations.add(
    "POST",
    "/api/queue/{name}/pause",
    scope=Scope.ADMIN,
    answers={200: Answer(Pause)},
    problems=(errors.Forbidden, errors.NotFound),
)
async def pause_queue(call: Call, name: str) -> Response:
    """Have workers leave a queue alone, within five seconds; what is at work goes on"""
    async with call.state.db.transaction() as session:
        await session.execute(_PAUSE, {"queue": _known(name), "by": call.principal.name})
        await call.audit(session, f"queue:{name}")
    return json_response(Pause(queue=name, paused=True))


@operations.add(
    "POST",
    "/api/queue/{name}/resume",
    scope=Scope.ADMIN,
    answers={200: Answer(Pause)},
    problems=(errors.Forbidden, errors.NotFound),
)
async def resume_queue(call: Call, name: str) -> Response:
    """Have workers serve a paused queue again, within five seconds"""
    async with call.state.db.transaction() as session:
        await session.execute(_RESUME, {"queue": _known(name)})
        await call.audit(session, f"queue:{name}")
    return json_response(Pause(queue=name, paused=False))
