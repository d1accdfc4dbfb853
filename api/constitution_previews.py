"""What would be read from a constitution that somebody writes: owed to a worker, whose answer is awaited."""

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.ids import sha256
from worker.core.models import ConstitutionPreview
from worker.core.queue import work_items
from worker.core.queue.jobs import ReadConstitution
from worker.core.untrusted.source import Text
from worker.core.vocabulary import Category, CriterionKind, Scope, Severity

operations = Operations("repositories")

# A worker reads it within some tens of milliseconds, where one is there.
_READ_SECONDS = 8.0
_LOOK_SECONDS = 0.04


class PreviewRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    content: Text = Field(min_length=1, max_length=200_000, description="Markdown or plain text")


class PreviewCriterion(BaseModel):
    """`static`: analyzers and search can decide it, without a model."""

    key: str
    statement: str
    category: Category
    severity: Severity
    kind: CriterionKind
    line: int
    static: bool


class PreviewLine(BaseModel):
    """What became of a line; `requires`: it has the words of a requirement, and became nothing."""

    line: int
    text: str
    became: Literal["criterion", "part", "not read"]
    why: str | None
    requires: bool


class PreviewView(BaseModel):
    """What rules read from the text; a model may read more. `problem`: why no run could be made of it."""

    method: str
    problem: str | None
    criteria: list[PreviewCriterion]
    lines: list[PreviewLine]


@operations.add(
    "POST",
    "/api/constitutions/preview",
    scope=Scope.RUNS_READ,
    answers={200: Answer(PreviewView)},
    problems=(errors.Unavailable,),
)
async def preview_constitution(call: Call, body: PreviewRequest) -> Response:
    """Which criteria would be read from a constitution, and which of them static analysis can decide"""
    digest = sha256(body.content.encode())
    async with call.state.db.transaction() as session:
        reading = await _reading(session, digest)
        if reading is None:
            asked = insert(ConstitutionPreview).values(sha256=digest, content=body.content)
            await session.execute(asked.on_conflict_do_nothing())
            await work_items.wake(session, ReadConstitution(digest))
    return json_response(PreviewView.model_validate(reading or await _awaited(call, digest)))


async def _reading(session: AsyncSession, digest: str) -> dict[str, Any] | None:
    return await session.scalar(select(ConstitutionPreview.reading).where(ConstitutionPreview.sha256 == digest))


async def _awaited(call: Call, digest: str) -> dict[str, Any]:
    """What a worker reads. Raises Unavailable where none does in time."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                async with call.state.db.transaction() as session:
                    reading = await _reading(session, digest)
                if reading is not None:
                    return reading
    except TimeoutError:
        raise errors.Unavailable("No worker has read the constitution in time; ask again.") from None
