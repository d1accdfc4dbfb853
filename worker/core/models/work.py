"""Work that is no run, under the same rules: an attempt is the fence, a lease says who holds it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Count, Created


class WorkItem(Base):
    """One piece of work, named by its `kind` and what it is about. A recurring one is queued again at each end.

    `again`: somebody woke it while it was at work, so that it is queued once more when it is done.
    """

    __tablename__ = "work_items"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="status"),
        CheckConstraint("(status IN ('done', 'failed')) = (finished_at IS NOT NULL)", name="finished"),
        Index(
            "work_items_unfinished_idx",
            "kind",
            "not_before",
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
        Index("work_items_finished_at_idx", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(server_default="queued")
    attempt: Mapped[Count]
    failures: Mapped[Count]
    again: Mapped[bool] = mapped_column(server_default=text("false"))
    holder: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]


class QueuePause(Base):
    """A queue that workers leave alone until it is resumed."""

    __tablename__ = "queue_pauses"

    queue: Mapped[str] = mapped_column(primary_key=True)
    paused_by: Mapped[str | None]
    created_at: Mapped[Created]
