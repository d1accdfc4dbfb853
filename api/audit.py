"""The audit log, for administrators."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.responses import Response

from api.analytics.answering import as_table, wants_csv
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from api.runs.schemas import Instant
from worker.core.models import AuditLine
from worker.core.vocabulary import Scope

operations = Operations("audit")

_CSV = "text/csv"


class AuditQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before")
    actor: str | None = Field(None, max_length=256, pattern=r"^[\x21-\x7e]+$")
    subject: str | None = Field(None, max_length=256, pattern=r"^[\x21-\x7e]+$", description="`kind:id`")
    operation: str | None = Field(None, max_length=64, pattern=r"^[a-z_.]+$")
    since: Instant | None = Field(None, description="at or after")
    until: Instant | None = Field(None, description="before")


class AuditLineView(BaseModel):
    """Who did what, to what, when, from where. `operation` is the name that this document has for it, or begins with
    `github.` for what GitHub told of."""

    id: int
    created_at: datetime
    actor: str
    token_id: uuid.UUID | None
    operation: str
    subject: str | None
    request_id: str | None
    address: str | None
    data: dict[str, Any]


class AuditLog(BaseModel):
    """Lines, newest first."""

    items: list[AuditLineView]
    next_cursor: str | None = None


@operations.add(
    "GET",
    "/api/audit",
    scope=Scope.ADMIN,
    answers={200: Answer(AuditLog, also=(_CSV,))},
    problems=(errors.Forbidden,),
)
async def read_audit_log(call: Call, query: AuditQuery) -> Response:
    """Who changed what, when, from where; as CSV where that is asked for"""
    wanted = select(AuditLine).order_by(AuditLine.id.desc()).limit(query.limit + 1)
    if query.cursor is not None:
        wanted = wanted.where(AuditLine.id < int(query.cursor))
    for column, value in (
        (AuditLine.actor, query.actor),
        (AuditLine.subject, query.subject),
        (AuditLine.operation, query.operation),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if query.since is not None:
        wanted = wanted.where(AuditLine.created_at >= query.since)
    if query.until is not None:
        wanted = wanted.where(AuditLine.created_at < query.until)
    async with call.state.db.transaction() as session:
        rows = (await session.scalars(wanted)).all()
        items = [AuditLineView.model_validate(row, from_attributes=True) for row in rows[: query.limit]]
    cursor = str(items[-1].id) if len(rows) > query.limit else None
    if wants_csv(call.request):
        table = as_table([item.model_dump() for item in items], [*AuditLineView.model_fields])
        return Response(table, media_type=f"{_CSV}; charset=utf-8", headers={"Next-Cursor": cursor or ""})
    return json_response(AuditLog(items=items, next_cursor=cursor))
