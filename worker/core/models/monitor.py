"""Commits of monitored branches, and the webhook deliveries that were taken."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Created, Id, one_of
from worker.core.vocabulary import MonitorStatus


class MonitorJob(Base):
    """One row per branch and commit: a commit is verified once, however often it is announced."""

    __tablename__ = "monitor_jobs"
    __table_args__ = (
        UniqueConstraint("repo_id", "branch", "commit_sha"),
        one_of("status", MonitorStatus),
        Index("monitor_jobs_created_at_idx", "created_at", "id"),
        Index("monitor_jobs_run_id_idx", "run_id"),
    )

    id: Mapped[Id]
    repo_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("repo_connections.id", ondelete="CASCADE"))
    branch: Mapped[str]
    commit_sha: Mapped[str]
    event: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="queued")
    reason: Mapped[str | None]
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    created_at: Mapped[Created]


class WebhookDelivery(Base):
    __tablename__ = "webhook_deliveries"

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    received_at: Mapped[Created]
    processed_at: Mapped[datetime | None]
