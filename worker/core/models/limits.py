"""What users use at this moment, counted for all replicas. Unlogged: after a crash everybody begins anew."""

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Created, Id


class RequestWindow(Base):
    """Requests granted to a subject (`user:…`, `token:…`) in the minute that began at `began`."""

    __tablename__ = "request_windows"
    __table_args__ = (Index("request_windows_began_idx", "began"), {"prefixes": ["UNLOGGED"]})

    subject: Mapped[str] = mapped_column(primary_key=True)
    began: Mapped[datetime]
    granted: Mapped[int]


class OpenStream(Base):
    """A stream that a replica holds open for a user; it counts until `until`, and is prolonged before."""

    __tablename__ = "open_streams"
    __table_args__ = (Index("open_streams_subject_idx", "subject"), {"prefixes": ["UNLOGGED"]})

    id: Mapped[Id]
    subject: Mapped[str]
    until: Mapped[datetime]


class UploadPart(Base):
    """A piece of an upload on its way into `uploads`, gone in the transaction that brought it."""

    __tablename__ = "upload_parts"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012  SQLAlchemy's own attribute

    upload_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]
    created_at: Mapped[Created]
