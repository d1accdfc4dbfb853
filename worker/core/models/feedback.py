"""What people say of results: wrong, or accepted."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Created, Id, one_of
from worker.core.vocabulary import FeedbackMark, FeedbackSubject


class Feedback(Base):
    """A person's word on one criterion's result or one finding of a run.

    `fingerprints` name the places it is about; an accepted one is suppressed in later runs of which
    worker.core.runs.feedback says that they are `applies_to`. Null applies to nothing. `scope` is what workers of
    the revision before go by: they find none of the marks that are made now.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        one_of("subject", FeedbackSubject),
        one_of("mark", FeedbackMark),
        CheckConstraint("(subject = 'criterion') = (key IS NOT NULL)", name="key"),
        Index("feedback_run_id_idx", "run_id"),
        Index("feedback_scope_idx", "scope", "mark"),
        Index("feedback_accepted_idx", "applies_to", postgresql_where=text("mark = 'accepted'")),
    )

    id: Mapped[Id]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    scope: Mapped[str]
    applies_to: Mapped[str | None]
    subject: Mapped[str]
    mark: Mapped[str]
    key: Mapped[str | None]
    outcome: Mapped[str | None]
    fingerprints: Mapped[list[str]]
    note: Mapped[str | None]
    created_by: Mapped[str | None]
    created_at: Mapped[Created]
