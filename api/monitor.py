"""Monitored commits: announce one, and see what became of them."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy import select
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.pagination import Page, PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from api.http.values import is_a_number
from api.limits.holdings import make_room
from worker.core.models import MonitorJob, RepoConnection
from worker.core.monitoring import announce
from worker.core.monitoring.announce import Commit, pull_request_branch
from worker.core.untrusted.source import GitRef
from worker.core.vocabulary import Forge, MonitorStatus, Scope, SkipCause

operations = Operations("monitoring")

_Number = Annotated[int, Field(strict=False, ge=1, lt=1 << 31), BeforeValidator(is_a_number)]
Sha = Annotated[str, Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$", description="in full")]


class CommitRequest(BaseModel):
    """A commit that was pushed. With a `pull_request` it is compared with `base`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["branch"],
                    "properties": {"branch": {"type": "string"}, "pull_request": {"type": "null"}},
                },
                {
                    "required": ["pull_request", "base"],
                    "properties": {
                        "branch": {"type": "null"},
                        "pull_request": {"type": "integer"},
                        "base": {"type": "string"},
                    },
                },
            ],
        },
    )

    repository_id: uuid.UUID
    commit: Sha
    branch: GitRef | None = None
    before: Sha | None = Field(None, description="what the branch was before")
    pull_request: _Number | None = None
    base: GitRef | None = Field(None, description="what it is compared with; without it all of it is verified")

    @model_validator(mode="after")
    def _fits_together(self) -> "CommitRequest":
        if (self.branch is None) == (self.pull_request is None):
            raise ValueError("give either branch or pull_request")
        if self.pull_request is not None and self.base is None:
            raise ValueError("a pull request needs a base")
        return self


class MonitorQuery(PageQuery):
    repository_id: uuid.UUID | None = None
    branch: str | None = Field(None, max_length=255, pattern=r"^[^\x00]*$")
    status: MonitorStatus | None = None


class MonitorJobView(BaseModel):
    """A commit of a monitored branch; `run_id` is its newest run, `reason` says why it has none."""

    id: uuid.UUID
    repository_id: uuid.UUID
    branch: str
    commit: str
    base: str | None
    pull_request: int | None
    event: str
    status: MonitorStatus
    cause: SkipCause | None
    reason: str | None
    run_id: uuid.UUID | None
    requested_by: str | None
    created_at: datetime


class MonitorJobList(Page[MonitorJobView]):
    """Commits, newest first."""


def _view(row: MonitorJob) -> MonitorJobView:
    values = {
        name: getattr(row, name) for name in MonitorJobView.model_fields if name not in ("repository_id", "commit")
    }
    return MonitorJobView(repository_id=row.repo_id, commit=row.commit_sha, **values)


@operations.add(
    "POST",
    "/api/monitor/enqueue",
    scope=Scope.RUNS_WRITE,
    answers={
        202: Answer(MonitorJobView, description="It has a run, unless a newer one came before it"),
        200: Answer(MonitorJobView, description="It was announced before"),
    },
    problems=(errors.NotFound, errors.Conflict),
)
async def announce_commit(call: Call, body: CommitRequest) -> Response:
    """Have a commit of a connected repository verified: once, however often it is announced

    A newer commit of the same branch supersedes those that still wait.
    """
    branch = body.branch if body.pull_request is None else pull_request_branch(body.pull_request)
    assert branch is not None
    commit = Commit(
        branch,
        body.commit,
        announce.BY_API,
        before=body.before,
        base=body.base,
        pull_request=body.pull_request,
        requested_by=call.principal.name,
    )
    async with call.state.db.transaction() as session:
        repository = await access.find_repository(session, call.principal, body.repository_id, access.WRITE, lock=True)
        if repository.forge == Forge.GITHUB:
            raise errors.Conflict("GitHub itself tells of this repository's commits; they are verified as they come.")
        await make_room(session, call.principal, call.state.settings, runs=1)
        done = await announce.announce(session, repository, commit)
        if done.job.cause == SkipCause.NO_CONSTITUTION:
            raise errors.Conflict("The repository has no constitution yet; PUT it to the repository first.")
        if not done.known:
            await call.audit(session, f"repository:{repository.id}", branch=branch, commit=body.commit)
        await session.refresh(done.job)
        return json_response(_view(done.job), 200 if done.known else 202)


@operations.add("GET", "/api/monitor/jobs", scope=Scope.RUNS_READ, answers={200: Answer(MonitorJobList)})
async def list_commits(call: Call, query: MonitorQuery) -> Response:
    """Commits of the repositories that one may see, and what became of them"""
    theirs = select(RepoConnection.id).where(access.repositories(call.principal))
    wanted = select(MonitorJob).where(MonitorJob.repo_id.in_(theirs))
    if query.repository_id is not None:
        wanted = wanted.where(MonitorJob.repo_id == query.repository_id)
    if query.branch is not None:
        wanted = wanted.where(MonitorJob.branch == query.branch)
    if query.status is not None:
        wanted = wanted.where(MonitorJob.status == query.status.value)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, MonitorJob.created_at, MonitorJob.id)
    return json_response(MonitorJobList(items=[_view(row) for row in rows], next_cursor=cursor))
