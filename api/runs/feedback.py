"""What people say of a run's results: wrong, or right and accepted."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.ids import new_id
from worker.core.models import ConstitutionVersion, CriterionResult, Feedback, Finding, Opinion, Run
from worker.core.runs.feedback import applies_to
from worker.core.untrusted.source import Text
from worker.core.vocabulary import FeedbackMark, FeedbackSubject, Outcome, RunStatus, Scope, Vote

operations = Operations("runs")

_Note = Annotated[Text, Field(max_length=2000)]


class _Mark(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mark: FeedbackMark
    note: _Note | None = None


class CriterionFeedback(_Mark):
    """On a criterion's result."""

    subject: Literal["criterion"]
    key: Annotated[Text, Field(min_length=1, max_length=200)]


class FindingFeedback(_Mark):
    """On a finding of static analysis."""

    subject: Literal["finding"]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class FeedbackRequest(RootModel[Annotated[CriterionFeedback | FindingFeedback, Field(discriminator="subject")]]):
    """`wrong`: the result is not right. `accepted`: it is right and may stay; later runs suppress it, visibly."""


class FeedbackView(BaseModel):
    id: uuid.UUID
    run_id: uuid.UUID
    subject: FeedbackSubject
    mark: FeedbackMark
    key: str | None
    outcome: Outcome | None
    fingerprints: list[str]
    note: str | None
    created_by: str | None
    created_at: datetime


class FeedbackList(BaseModel):
    items: list[FeedbackView]
    next_cursor: None = None


@operations.add(
    "POST",
    "/api/runs/{run_id}/feedback",
    scope=Scope.RUNS_WRITE,
    answers={201: Answer(FeedbackView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def create_feedback(call: Call, run_id: uuid.UUID, body: FeedbackRequest) -> Response:
    """Mark a result as wrong or accepted

    What is accepted is suppressed in later runs of the repository by its fingerprint, and shown as such, with who
    accepted it and when; without a connected repository, in later runs of who made this one.
    """
    async with call.state.db.transaction() as session:
        run = await access.find_run(session, call.principal, run_id, access.WRITE)
        if run.status != RunStatus.COMPLETED:
            raise errors.Conflict(f"The run is {run.status}; there are no results to speak of.")
        same = await _applies_to(session, run)
        row = Feedback(
            id=new_id(),
            run_id=run_id,
            scope=same,
            applies_to=same,
            subject=body.root.subject,
            mark=body.root.mark.value,
            note=body.root.note,
            created_by=call.principal.name,
            fingerprints=[],
        )
        if isinstance(body.root, CriterionFeedback):
            await _on_criterion(session, run, row, body.root)
        else:
            await _on_finding(session, run, row, body.root)
        session.add(row)
        await session.flush()
        await session.refresh(row)
        await call.audit(session, f"run:{run_id}", feedback_id=row.id, mark=row.mark)
        found = FeedbackView.model_validate(row, from_attributes=True)
    return json_response(found, 201)


async def _applies_to(session: AsyncSession, run: Run) -> str:
    constitution = select(ConstitutionVersion.sha256).where(ConstitutionVersion.id == run.constitution_version_id)
    return applies_to(
        repo_id=run.repo_id,
        owner=run.created_by,
        url=run.source.get("url"),
        constitution_sha256=await session.scalar(constitution),
    )


async def _on_criterion(session: AsyncSession, run: Run, row: Feedback, body: CriterionFeedback) -> None:
    result = await session.scalar(
        select(CriterionResult).where(CriterionResult.run_id == run.id, CriterionResult.key == body.key)
    )
    if result is None:
        raise errors.NotFound("The run has no criterion of that key.")
    row.key, row.outcome = body.key, result.outcome
    failing = [result.evidence] if result.evidence is not None else await _cited(session, run, body.key)
    places = [item["place"] for evidence in failing for item in evidence if item.get("verified") and "place" in item]
    row.fingerprints = list(dict.fromkeys(places))
    if body.mark is FeedbackMark.ACCEPTED and result.outcome == Outcome.FAIL and not row.fingerprints:
        raise errors.Conflict("The criterion fails because something is absent; there is no place to accept.")


async def _cited(session: AsyncSession, run: Run, key: str) -> list[list[Any]]:
    """What the judges cite who fail the criterion: runs from before revision 009 keep it nowhere else."""
    rows = await session.scalars(
        select(Opinion.evidence)
        .where(Opinion.run_id == run.id, Opinion.key == key, Opinion.vote == Vote.FAIL.value)
        .order_by(Opinion.role, Opinion.round)
    )
    return list(rows)


async def _on_finding(session: AsyncSession, run: Run, row: Feedback, body: FindingFeedback) -> None:
    known = await session.scalar(
        select(Finding.id).where(Finding.run_id == run.id, Finding.fingerprint == body.fingerprint).limit(1)
    )
    if known is None:
        raise errors.NotFound("The run has no finding of that fingerprint.")
    row.fingerprints = [body.fingerprint]


@operations.add(
    "GET",
    "/api/runs/{run_id}/feedback",
    scope=Scope.RUNS_READ,
    answers={200: Answer(FeedbackList)},
    problems=(errors.NotFound,),
)
async def list_feedback(call: Call, run_id: uuid.UUID) -> Response:
    """What people said of the run's results"""
    async with call.state.db.transaction() as session:
        await access.find_run(session, call.principal, run_id)
        rows = await session.scalars(select(Feedback).where(Feedback.run_id == run_id).order_by(Feedback.created_at))
        items = [FeedbackView.model_validate(row, from_attributes=True) for row in rows]
    return json_response(FeedbackList(items=items))


@operations.add(
    "DELETE",
    "/api/runs/{run_id}/feedback/{feedback_id}",
    scope=Scope.RUNS_WRITE,
    answers={204: Answer(description="It is taken back")},
    problems=(errors.NotFound,),
)
async def delete_feedback(call: Call, run_id: uuid.UUID, feedback_id: uuid.UUID) -> Response:
    """Take a word back"""
    async with call.state.db.transaction() as session:
        await access.find_run(session, call.principal, run_id, access.WRITE)
        gone = await session.scalar(
            delete(Feedback).where(Feedback.id == feedback_id, Feedback.run_id == run_id).returning(Feedback.id)
        )
        if gone is None:
            raise errors.NotFound("The run has no such feedback.")
        await call.audit(session, f"run:{run_id}", feedback_id=feedback_id)
    return Response(status_code=204)
