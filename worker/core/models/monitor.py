"""Commits of monitored branches, the webhook deliveries that were taken, and the callbacks that are sent."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Count, Created, Id, one_of
from worker.core.vocabulary import CallbackFormat, CallbackStatus, MonitorStatus, SkipCause


class MonitorJob(Base):
    """One row per branch and commit: a commit is verified once, however often it is announced.

    The branch of a pull request is `pull/<number>`. `before_sha` is what the branch was before, `base` what the commit
    is compared with; `run_id` is the newest run of it, `check_run_id` the check that tells of that run.
    """

    __tablename__ = "monitor_jobs"
    __table_args__ = (
        UniqueConstraint("repo_id", "branch", "commit_sha"),
        one_of("status", MonitorStatus),
        one_of("cause", SkipCause),
        Index("monitor_jobs_created_at_idx", "created_at", "id"),
        Index("monitor_jobs_run_id_idx", "run_id"),
        Index("monitor_jobs_repo_id_created_at_idx", "repo_id", "created_at", "id"),
        Index("monitor_jobs_branch_idx", "repo_id", "branch", "created_at", "id"),
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
    before_sha: Mapped[str | None]
    base: Mapped[str | None]
    pull_request: Mapped[int | None]
    check_run_id: Mapped[int | None] = mapped_column(BigInteger)
    requested_by: Mapped[str | None]
    constitution_version_id: Mapped[uuid.UUID | None]
    """What its runs are judged by; nothing refers to it, and without it the repository's newest counts."""
    target: Mapped[str | None]
    """The branch that a pull request, or a merge queue's group, is to be merged into."""
    told: Mapped[str | None]
    """The status that its check was last brought to."""
    cause: Mapped[str | None]
    """Why it is not verified, or no more; `reason` says it in words."""


class WebhookDelivery(Base):
    """One delivery by its forge's id for it. `facts` are what is used of its payload; those of one `subject` are taken
    in the order in which they came; `outcome` says what came of it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "webhook_deliveries_unprocessed_idx",
            "subject",
            "received_at",
            postgresql_where=text("processed_at IS NULL"),
        ),
        Index("webhook_deliveries_received_at_idx", "received_at"),
    )

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    received_at: Mapped[Created]
    processed_at: Mapped[datetime | None]
    subject: Mapped[str | None]
    action: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    outcome: Mapped[str | None]


class Callback(Base):
    """One message to one address, and how its delivery goes. `answered` is the HTTP status of the last attempt."""

    __tablename__ = "callbacks"
    __table_args__ = (
        one_of("format", CallbackFormat),
        one_of("status", CallbackStatus),
        Index(
            "callbacks_event_key",
            "event",
            func.coalesce(text("remediation_run_id"), text("run_id")),
            func.md5(text("url")),
            unique=True,
            postgresql_where=text("coalesce(remediation_run_id, run_id) IS NOT NULL"),
        ),
        Index("callbacks_created_at_idx", "created_at", "id"),
        Index("callbacks_run_id_idx", "run_id", postgresql_where=text("run_id IS NOT NULL")),
        Index(
            "callbacks_remediation_run_id_idx",
            "remediation_run_id",
            postgresql_where=text("remediation_run_id IS NOT NULL"),
        ),
        Index("callbacks_repo_id_idx", "repo_id", postgresql_where=text("repo_id IS NOT NULL")),
    )

    id: Mapped[Id]
    event: Mapped[str]
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    remediation_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("remediation_runs.id", ondelete="CASCADE"))
    repo_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("repo_connections.id", ondelete="CASCADE"))
    created_by: Mapped[str | None]
    url: Mapped[str]
    format: Mapped[str] = mapped_column(server_default="json")
    body: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[Count]
    answered: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[Created]
    ended_at: Mapped[datetime | None]
