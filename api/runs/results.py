"""What a finished run leaves behind: verdict, report, SARIF, criteria, artifacts, ledger."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, union
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.models import Artifact, LlmCall, LlmUse
from worker.core.version import VERDICT_FORMAT
from worker.core.vocabulary import RunStatus, Scope, Verdict

operations = Operations("runs")


class CriteriaDocument(BaseModel):
    model_config = ConfigDict(extra="allow")

    constitution_sha256: str
    method: str
    criteria: list[dict[str, Any]]


class VerdictDocument(BaseModel):
    """verdict.json; a run that failed has a verdict of ERROR and the reason, and nothing else."""

    model_config = ConfigDict(extra="allow")

    format: str
    verdict: Verdict
    score: float | None
    reason: str


class CallView(BaseModel):
    """One line of the ledger. `reused`: the answer was there already, and nothing was paid for it."""

    id: uuid.UUID
    state: str
    role: str
    purpose: str
    reused: bool
    provider: str
    model: str
    outcome: str | None
    error: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    latency_ms: int | None
    created_at: datetime


_CALL_COLUMNS = [name for name in CallView.model_fields if name != "reused"]


class CallList(BaseModel):
    items: list[CallView]
    next_cursor: None = None


async def _artifact(call: Call, run_id: uuid.UUID, name: str) -> Response:
    its = (Artifact.run_id == run_id, Artifact.name == name)
    async with call.state.db.transaction() as session:
        run = await access.find_run(session, call.principal, run_id)
        found = (await session.execute(select(Artifact.sha256, Artifact.media_type).where(*its))).one_or_none()
        if found is None:
            if RunStatus(run.status).is_final:
                raise errors.NotFound(f"The run is {run.status} and left no {name}.")
            raise errors.Conflict(f"The run is {run.status}; {name} is there when it has completed.")
        etag = f'"{found.sha256}"'
        # It never changes, but it may be removed, and a token may lose its right to see it.
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if call.request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        # Megabytes, which are read for those alone who have not got them yet.
        content = await session.scalar(select(Artifact.content).where(*its, Artifact.sha256 == found.sha256))
        if content is None:
            raise errors.NotFound(f"The run's {name} was removed at this moment.")
    return Response(content, media_type=found.media_type, headers=headers)


_ARTIFACT_PROBLEMS = (errors.NotFound, errors.Conflict)


@operations.add(
    "GET",
    "/api/runs/{run_id}/verdict",
    scope=Scope.RUNS_READ,
    answers={200: Answer(VerdictDocument)},
    problems=_ARTIFACT_PROBLEMS,
)
async def get_verdict(call: Call, run_id: uuid.UUID) -> Response:
    """The verdict with opinions and evidence"""
    async with call.state.db.transaction() as session:
        run = await access.find_run(session, call.principal, run_id)
    if run.status == RunStatus.FAILED:
        reason = f"{run.error_code}: {run.error_message}"
        return json_response(VerdictDocument(format=VERDICT_FORMAT, verdict=Verdict.ERROR, score=None, reason=reason))
    return await _artifact(call, run_id, "verdict.json")


@operations.add(
    "GET",
    "/api/runs/{run_id}/report",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="text/markdown")},
    problems=_ARTIFACT_PROBLEMS,
)
async def get_report(call: Call, run_id: uuid.UUID) -> Response:
    """The report, in Markdown"""
    return await _artifact(call, run_id, "REPORT.md")


@operations.add(
    "GET",
    "/api/runs/{run_id}/sarif",
    scope=Scope.RUNS_READ,
    answers={200: Answer(media_type="application/sarif+json")},
    problems=_ARTIFACT_PROBLEMS,
)
async def get_sarif(call: Call, run_id: uuid.UUID) -> Response:
    """The verdict as SARIF 2.1.0"""
    return await _artifact(call, run_id, "verdict.sarif")


@operations.add(
    "GET",
    "/api/runs/{run_id}/criteria",
    scope=Scope.RUNS_READ,
    answers={200: Answer(CriteriaDocument)},
    problems=_ARTIFACT_PROBLEMS,
)
async def get_criteria(call: Call, run_id: uuid.UUID) -> Response:
    """The criteria that were read from the constitution"""
    return await _artifact(call, run_id, "criteria.json")


@operations.add(
    "GET",
    "/api/runs/{run_id}/artifacts/{name}",
    scope=Scope.RUNS_READ,
    answers={
        200: Answer(media_type="application/json"),
    },
    problems=_ARTIFACT_PROBLEMS,
)
async def get_artifact(
    call: Call, run_id: uuid.UUID, name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
) -> Response:
    """An artifact by its name"""
    return await _artifact(call, run_id, name)


@operations.add(
    "GET",
    "/api/runs/{run_id}/calls",
    scope=Scope.RUNS_READ,
    answers={200: Answer(CallList)},
    problems=(errors.NotFound,),
)
async def list_calls(call: Call, run_id: uuid.UUID) -> Response:
    """The LLM calls that the run rests on: tokens, cost, latency, and which were reused"""
    async with call.state.db.transaction() as session:
        await access.find_run(session, call.principal, run_id)
        used = select(LlmUse).where(LlmUse.run_id == run_id).subquery()
        # Made for it, or used by it: each by its own index, which one condition would not use.
        of_run = union(select(LlmCall.id).where(LlmCall.run_id == run_id), select(used.c.call_id)).subquery()
        rows = await session.execute(
            select(LlmCall, func.coalesce(used.c.reused, False))
            .join(of_run, of_run.c.id == LlmCall.id)
            .outerjoin(used, used.c.call_id == LlmCall.id)
            .order_by(LlmCall.created_at, LlmCall.id)
        )
        items = [
            CallView.model_validate({**{name: getattr(row, name) for name in _CALL_COLUMNS}, "reused": reused})
            for row, reused in rows
        ]
    return json_response(CallList(items=items))
