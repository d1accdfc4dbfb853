"""The audit log: who changed what, when, from where. A line is written in the transaction of what it tells of, and the
database lets nobody change or remove one.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SERVICE = "service"
"""The actor where the service token asked for it, for nobody in particular."""


@dataclass(frozen=True)
class Line:
    """`operation` is the OpenAPI document's name of what was asked for, or `github.` and what GitHub told of.
    `subject`: what it was done to, as `kind:id`. `address`: from where; behind a proxy the proxy's."""

    actor: str
    operation: str
    subject: str | None = None
    token_id: uuid.UUID | None = None
    request_id: str | None = None
    address: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """By the names of the columns, `data` as JSON."""
        return {**self.__dict__, "data": json.dumps(dict(self.data), default=str)}


_WRITE = text(
    """
    INSERT INTO audit_log (actor, operation, subject, token_id, request_id, address, data)
    VALUES (:actor, :operation, :subject, :token_id, :request_id, :address, CAST(:data AS jsonb))
    """
)


async def write(session: AsyncSession, line: Line) -> None:
    """Write the line, in the transaction of what it tells of."""
    await session.execute(_WRITE, line.values)
