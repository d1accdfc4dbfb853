"""Remediation: runs, issues, root causes, fixes, learned patterns, and what keeps them safe."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Count, Created, Dollars, Id, Serial, one_of
from worker.core.vocabulary import Category, FixAction, FixOrigin, FixStatus, IssueOrigin, RemediationStatus, Severity


class RemediationRun(Base):
    """What is done about one run's issues. Who works on it says its work item; this row says how far it has come.

    `verification_run_id` is the run that judges what was applied last. `patch` and `mailbox` are what is kept, against
    the snapshot of `run_id`; None while they are not made.
    """

    __tablename__ = "remediation_runs"
    __table_args__ = (
        one_of("status", RemediationStatus),
        Index("remediation_runs_run_id_idx", "run_id"),
        Index("remediation_runs_verification_run_id_idx", "verification_run_id"),
        Index("remediation_runs_created_at_idx", "created_at", "id"),
        # Those that somebody has yet to work on.
        Index("remediation_runs_unmade_idx", "id", postgresql_where=text("patch IS NULL")),
        # One at a time for each run.
        Index(
            "remediation_runs_unfinished_key",
            "run_id",
            unique=True,
            postgresql_where=text("status IN ('queued', 'running', 'awaiting_approval', 'verifying')"),
        ),
    )

    id: Mapped[Id]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(server_default="queued")
    iteration: Mapped[Count]
    stop_requested_at: Mapped[datetime | None]
    stop_requested_by: Mapped[str | None]
    verification_run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    branch: Mapped[str | None]
    pull_request_url: Mapped[str | None]
    patch: Mapped[str | None] = mapped_column(deferred=True)
    mailbox: Mapped[str | None] = mapped_column(deferred=True)
    commits: Mapped[list[Any] | None] = mapped_column(deferred=True)
    """Of a repository that GitHub's App connected: what each fix writes, for whoever brings it to a branch."""
    head_sha: Mapped[str | None]
    """What was brought to `branch` last."""
    notes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    cost_usd: Mapped[Dollars]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    created_by: Mapped[str | None]
    created_at: Mapped[Created]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RootCause(Base):
    __tablename__ = "remediation_root_causes"
    __table_args__ = (UniqueConstraint("remediation_run_id", "position"),)

    id: Mapped[Id]
    remediation_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("remediation_runs.id", ondelete="CASCADE"))
    position: Mapped[int]
    summary: Mapped[str]
    rationale: Mapped[str]
    confidence: Mapped[float]
    created_at: Mapped[Created]


class RemediationIssue(Base):
    __tablename__ = "remediation_issues"
    __table_args__ = (
        one_of("origin", IssueOrigin),
        one_of("category", Category),
        one_of("severity", Severity),
        Index("remediation_issues_remediation_run_id_idx", "remediation_run_id"),
    )

    id: Mapped[Id]
    remediation_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("remediation_runs.id", ondelete="CASCADE"))
    root_cause_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("remediation_root_causes.id", ondelete="SET NULL")
    )
    origin: Mapped[str]
    key: Mapped[str]
    category: Mapped[str]
    severity: Mapped[str]
    is_primary: Mapped[bool] = mapped_column(server_default=text("false"))
    iteration: Mapped[int] = mapped_column(server_default="1")
    fixable: Mapped[bool] = mapped_column(server_default=text("true"))
    message: Mapped[str]
    evidence: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    created_at: Mapped[Created]


class FixPattern(Base):
    """An edit that proved itself, for whose code it was: a repository's id, or a tenant without one.

    The weights are the counts, halved every ninety days since `weighed_at`.
    """

    __tablename__ = "remediation_patterns"
    __table_args__ = (UniqueConstraint("owner", "rule", "fingerprint"),)

    id: Mapped[Id]
    owner: Mapped[str] = mapped_column(server_default="")
    rule: Mapped[str]
    fingerprint: Mapped[str]
    template: Mapped[dict[str, Any]]
    applied: Mapped[Count]
    kept: Mapped[Count]
    reverted: Mapped[Count]
    kept_weight: Mapped[float] = mapped_column(server_default="0")
    reverted_weight: Mapped[float] = mapped_column(server_default="0")
    weighed_at: Mapped[Created]
    created_at: Mapped[Created]


class Fix(Base):
    """One change, as a unified diff against the snapshot with the fixes of lower `position` applied.

    `key` names what it is for within its iteration: proposing it twice is proposing it once. `reasons` are policy's,
    for its action; `outcome` says in one sentence why it is what its status says.
    """

    __tablename__ = "remediation_fixes"
    __table_args__ = (
        one_of("action", FixAction),
        one_of("status", FixStatus),
        one_of("category", Category),
        one_of("origin", FixOrigin),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        Index("remediation_fixes_remediation_run_id_idx", "remediation_run_id"),
        Index("remediation_fixes_key", "remediation_run_id", "iteration", "key", unique=True),
        Index("remediation_fixes_applied_at_idx", "applied_at", postgresql_where=text("applied_at IS NOT NULL")),
    )

    id: Mapped[Id]
    remediation_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("remediation_runs.id", ondelete="CASCADE"))
    root_cause_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("remediation_root_causes.id", ondelete="SET NULL")
    )
    pattern_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("remediation_patterns.id", ondelete="SET NULL"))
    iteration: Mapped[int] = mapped_column(server_default="1")
    position: Mapped[Count]
    key: Mapped[str | None]
    origin: Mapped[str] = mapped_column(server_default="model")
    category: Mapped[str]
    is_breaking: Mapped[bool] = mapped_column(server_default=text("false"))
    summary: Mapped[str] = mapped_column(server_default="")
    reasons: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    outcome: Mapped[str | None]
    action: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="proposed")
    confidence: Mapped[float]
    patch: Mapped[str]
    files_changed: Mapped[Count]
    lines_changed: Mapped[Count]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    proof: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]


class FileBackup(Base):
    """The bytes before a fix: a rollback is byte-identical or it is an error."""

    __tablename__ = "remediation_file_backups"
    __table_args__ = (UniqueConstraint("fix_id", "path"),)

    id: Mapped[Id]
    fix_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("remediation_fixes.id", ondelete="CASCADE"))
    path: Mapped[str]
    existed: Mapped[bool]
    sha256: Mapped[str | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[Created]


class AuditEntry(Base):
    """Append-only, enforced by a trigger: no foreign key, so that nothing it tells of can take it along."""

    __tablename__ = "remediation_audit_log"
    __table_args__ = (Index("remediation_audit_log_remediation_run_id_idx", "remediation_run_id", "id"),)

    id: Mapped[Serial]
    remediation_run_id: Mapped[uuid.UUID | None]
    fix_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    action: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]


class KillSwitch(Base):
    """One row. Engaged, it stops every remediation at its next step."""

    __tablename__ = "remediation_kill_switch"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default="1")
    engaged: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str | None]
    changed_by: Mapped[str | None]
    changed_at: Mapped[Created]
