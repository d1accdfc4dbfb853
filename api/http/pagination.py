"""Lists: newest first, `limit` and an opaque `cursor`, which holds where the page before ended."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PageQuery(BaseModel):
    """`limit` items after `cursor`."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, pattern=r"^[0-9]{16}[0-9a-f]{32}$", description="`next_cursor` of the page before")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = None


def encode(created_at: datetime, row_id: uuid.UUID) -> str:
    """Microseconds since 1970 in 16 digits, then the id in 32."""
    return f"{(created_at - _EPOCH) // timedelta(microseconds=1):016d}{row_id.hex}"


def decode(cursor: str) -> tuple[datetime, uuid.UUID]:
    """The place that a cursor of the right form holds; the form is checked with the query."""
    return _EPOCH + timedelta(microseconds=int(cursor[:16])), uuid.UUID(hex=cursor[16:])


def encode_name(name: str) -> str:
    """A name as it stands in the cursor of a list that is ordered by names: its UTF-8 in hexadecimal."""
    return name.encode().hex()


def decode_name(digits: str) -> str:
    """The name, or what is nearest to it that the database can compare."""
    return bytes.fromhex(digits).decode(errors="replace").replace("\0", "")


def beyond(
    asked: PageQuery, created_at: InstrumentedAttribute[datetime], row_id: InstrumentedAttribute[uuid.UUID]
) -> list[ColumnElement[bool]]:
    """That a row stands after the page before; nothing for the first page."""
    return [] if asked.cursor is None else [tuple_(created_at, row_id) < decode(asked.cursor)]


async def page(
    session: AsyncSession,
    query: Select[Any],
    asked: PageQuery,
    created_at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[uuid.UUID],
) -> tuple[Sequence[Any], str | None]:
    """One page of `query`, and the cursor of the next one, None at the end."""
    query = (
        query.where(*beyond(asked, created_at, row_id))
        .order_by(created_at.desc(), row_id.desc())
        .limit(asked.limit + 1)
    )
    rows = (await session.execute(query)).scalars().all()
    if len(rows) <= asked.limit:
        return rows, None
    last = rows[asked.limit - 1]
    return rows[: asked.limit], encode(getattr(last, created_at.key), getattr(last, row_id.key))
