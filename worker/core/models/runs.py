"""Runs, what happened to them, what they found, what was said of them, and what they leave behind."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from worker.core.models.base import Base, Created, Id, Serial, one_of
from worker.core.vocabulary import (
    Category,
    JudgeRole,
    Outcome,
    RunMode,
    RunStatus,
    Severity,
    SourceKind,
    TribunalMode,
    Verdict,
    Vote,
)


class Upload(Base):
    """An archive, or the `files` of a run as JSON: stored whole, so that any worker can take the run up."""

    __tablename__ = "uploads"
    __table_args__ = (
        CheckConstraint("format IN ('zip', 'tar.gz', 'files')", name="format"),
        Index("uploads_created_at_idx", "created_at"),
        Index("uploads_created_by_idx", "created_by"),
    )

    id: Mapped[Id]
    format: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    created_by: Mapped[str | None]
    created_at: Mapped[Created]


class Run(Base):
    """One verification of one snapshot against one constitution version. This row is the truth; the queue
    only delivers.

    `attempt` is the fence and `lease_until` the lease of the attempt's holder. `failures` counts the attempts
    that were spent: one handed back by a drain is not. `event_seq` numbers the run's events without gaps.
    `analyzers` says of each that had something to read whether it read all of it. `patch` is applied to what the source
    names before anything is verified: it is how a remediation has its fixes judged.
    """

    __tablename__ = "runs"
    __table_args__ = (
        one_of("status", RunStatus),
        one_of("verdict", Verdict),
        one_of("mode", RunMode),
        one_of("source_kind", SourceKind),
        one_of("tribunal", TribunalMode),
        CheckConstraint(
            "CASE status WHEN 'completed' THEN verdict IN ('PASS', 'FAIL', 'VETO', 'PARTIAL')"
            " WHEN 'failed' THEN verdict = 'ERROR' ELSE verdict IS NULL END",
            name="verdict_goes_with_status",
        ),
        CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="finished"
        ),
        Index("runs_created_at_id_idx", "created_at", "id"),
        Index("runs_status_created_at_idx", "status", "created_at", "id"),
        Index("runs_branch_created_at_idx", "branch", "created_at", "id", postgresql_where=text("branch IS NOT NULL")),
        Index("runs_repo_created_at_idx", "repo_full_name", "branch", "created_at", "id"),
        Index("runs_verdict_idx", "verdict", "created_at", "id", postgresql_where=text("verdict IS NOT NULL")),
        Index("runs_constitution_version_id_idx", "constitution_version_id"),
        # Who may see a run is its repository's member or, without one, who made it: api/access.py.
        Index(
            "runs_repo_id_created_at_idx", "repo_id", "created_at", "id", postgresql_where=text("repo_id IS NOT NULL")
        ),
        Index(
            "runs_created_by_created_at_idx",
            "created_by",
            "created_at",
            "id",
            postgresql_where=text("repo_id IS NULL AND created_by IS NOT NULL"),
        ),
        Index(
            "runs_repo_id_finished_at_idx",
            "repo_id",
            "finished_at",
            postgresql_where=text("repo_id IS NOT NULL AND finished_at IS NOT NULL"),
        ),
        Index(
            "runs_created_by_finished_at_idx",
            "created_by",
            "finished_at",
            postgresql_where=text("repo_id IS NULL AND created_by IS NOT NULL AND finished_at IS NOT NULL"),
        ),
        Index(
            "runs_repo_id_unfinished_idx",
            "repo_id",
            postgresql_where=text("repo_id IS NOT NULL AND finished_at IS NULL"),
        ),
        Index("runs_upload_id_idx", "upload_id", postgresql_where=text("upload_id IS NOT NULL")),
        Index("runs_retry_of_idx", "retry_of", postgresql_where=text("retry_of IS NOT NULL")),
        Index(
            "runs_tenant_queued_idx",
            "tenant",
            text("priority DESC"),
            "created_at",
            "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("runs_tenant_running_idx", "tenant", postgresql_where=text("status = 'running'")),
        Index(
            "runs_tenant_started_at_idx",
            "tenant",
            "started_at",
            postgresql_where=text("started_at IS NOT NULL"),
        ),
        Index(
            "runs_idempotency_key",
            "created_by",
            "idempotency_key",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    status: Mapped[str] = mapped_column(server_default="queued")
    verdict: Mapped[str | None]
    score: Mapped[float | None]
    tribunal: Mapped[str | None]

    source_kind: Mapped[str]
    source: Mapped[dict[str, Any]]
    upload_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("uploads.id", ondelete="SET NULL"))
    repo_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("repo_connections.id", ondelete="SET NULL"))
    repo_full_name: Mapped[str | None]
    branch: Mapped[str | None]
    commit_sha: Mapped[str | None]
    snapshot_digest: Mapped[str | None]
    files_seen: Mapped[int | None]
    files_total: Mapped[int | None]
    analyzers: Mapped[dict[str, Any] | None]
    constitution_version_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("constitution_versions.id", ondelete="SET NULL")
    )
    mode: Mapped[str] = mapped_column(server_default="full")
    base: Mapped[str | None]
    remediate: Mapped[bool] = mapped_column(server_default=text("false"))
    callback_url: Mapped[str | None]
    labels: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    retry_of: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    patch: Mapped[str | None] = mapped_column(deferred=True)

    created_by: Mapped[str | None]
    request_id: Mapped[str | None]
    traceparent: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    request_sha256: Mapped[str | None]

    priority: Mapped[int] = mapped_column(server_default="0")
    tenant: Mapped[str] = mapped_column(
        Computed("COALESCE(created_by, split_part(repo_full_name, '/', 1), '')", persisted=True)
    )
    attempt: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    holder: Mapped[str | None]
    not_before: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    event_seq: Mapped[int] = mapped_column(server_default="0")
    step: Mapped[str | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]

    created_at: Mapped[Created]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunEvent(Base):
    """Append-only. `seq` orders one run's events; (`xact`, `id`) orders all of them by commit."""

    __tablename__ = "run_events"
    __table_args__ = (
        UniqueConstraint("run_id", "seq"),
        Index("run_events_xact_id_idx", "xact", "id"),
        Index("run_events_created_at_idx", "created_at"),
    )

    id: Mapped[Serial]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    seq: Mapped[int]
    type: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    xact: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    created_at: Mapped[Created]


class CriterionResult(Base):
    __tablename__ = "criterion_results"
    __table_args__ = (
        UniqueConstraint("run_id", "key"),
        Index("criterion_results_criterion_id_idx", "criterion_id"),
        one_of("outcome", Outcome),
        one_of("category", Category),
        one_of("severity", Severity),
    )

    id: Mapped[Id]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    criterion_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("criteria.id", ondelete="SET NULL"))
    key: Mapped[str]
    category: Mapped[str]
    severity: Mapped[str]
    outcome: Mapped[str]
    score: Mapped[float | None]
    reason: Mapped[str]
    vetoed: Mapped[bool] = mapped_column(server_default=text("false"))
    evidence: Mapped[list[Any] | None]


class Opinion(Base):
    """One judge's answer on one criterion in one round."""

    __tablename__ = "opinions"
    __table_args__ = (
        UniqueConstraint("run_id", "key", "role", "round"),
        one_of("role", JudgeRole),
        one_of("vote", Vote),
        CheckConstraint("score BETWEEN 1 AND 10", name="score"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    )

    id: Mapped[Id]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    key: Mapped[str]
    role: Mapped[str]
    round: Mapped[int] = mapped_column(server_default="1")
    model: Mapped[str]
    vote: Mapped[str]
    score: Mapped[int | None]
    confidence: Mapped[float | None]
    rationale: Mapped[str]
    evidence: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))


class Finding(Base):
    """One static-analysis result. `verified` says that its place resolves in the snapshot."""

    __tablename__ = "findings"
    __table_args__ = (
        one_of("severity", Severity),
        one_of("category", Category),
        Index("findings_run_id_idx", "run_id"),
        Index("findings_fingerprint_idx", "fingerprint"),
    )

    id: Mapped[Id]
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    analyzer: Mapped[str]
    rule_id: Mapped[str]
    category: Mapped[str]
    severity: Mapped[str]
    confidence: Mapped[float]
    message: Mapped[str]
    path: Mapped[str]
    start_line: Mapped[int]
    end_line: Mapped[int]
    quote: Mapped[str]
    fingerprint: Mapped[str]
    verified: Mapped[bool]
    precise: Mapped[bool] = mapped_column(server_default=text("false"))


class Artifact(Base):
    __tablename__ = "artifacts"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Created]
