"""What dashboards read. Metrics are written with the verdict; buckets are recomputed from dirty marks."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Count, Created, Dollars, Id, Serial, one_of
from worker.core.vocabulary import RunMode, TribunalMode, Verdict


class RunMetrics(Base):
    """One row per finished run, written in the verdict's transaction. Durations in seconds."""

    __tablename__ = "analytics_run_metrics"
    __table_args__ = (
        one_of("verdict", Verdict),
        one_of("mode", RunMode),
        one_of("tribunal", TribunalMode),
        Index("analytics_run_metrics_repo_finished_idx", "repo_full_name", "finished_at"),
        Index("analytics_run_metrics_finished_idx", "finished_at"),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    repo_full_name: Mapped[str | None]
    branch: Mapped[str | None]
    event: Mapped[str]
    mode: Mapped[str]
    tribunal: Mapped[str | None]
    verdict: Mapped[str]
    score: Mapped[float | None]
    attempts: Mapped[int]
    queue_seconds: Mapped[float]
    work_seconds: Mapped[float]
    llm_seconds: Mapped[float] = mapped_column(server_default="0")
    llm_calls: Mapped[Count]
    llm_calls_reused: Mapped[Count]
    prompt_tokens: Mapped[Count]
    completion_tokens: Mapped[Count]
    cost_usd: Mapped[Dollars]
    usage: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'::jsonb"), comment="tokens, cost, calls by role and model"
    )
    judges: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'::jsonb"), comment="score, confidence, veto, abstentions by role"
    )
    findings_critical: Mapped[Count]
    findings_high: Mapped[Count]
    findings_medium: Mapped[Count]
    findings_low: Mapped[Count]
    criteria_passed: Mapped[Count]
    criteria_failed: Mapped[Count]
    criteria_undecided: Mapped[Count]
    files_seen: Mapped[Count]
    files_total: Mapped[Count]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class DirtyMark(Base):
    """«This repository's hour must be recomputed.» Append-only: a mark is deleted by the job that saw it."""

    __tablename__ = "analytics_dirty_marks"

    id: Mapped[Serial]
    repo_full_name: Mapped[str | None]
    hour: Mapped[datetime]
    created_at: Mapped[Created]


class HourlyBucket(Base):
    __tablename__ = "analytics_hourly_buckets"
    __table_args__ = (
        Index(
            "analytics_hourly_buckets_key",
            "repo_full_name",
            "hour",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("analytics_hourly_buckets_hour_idx", "hour"),
    )

    id: Mapped[Id]
    repo_full_name: Mapped[str | None]
    hour: Mapped[datetime]
    figures: Mapped[dict[str, Any]]
    updated_at: Mapped[Created]


class DailyRollup(Base):
    """One UTC day of one repository, or of all of them where `repo_full_name` is null."""

    __tablename__ = "analytics_daily_rollups"
    __table_args__ = (
        Index(
            "analytics_daily_rollups_key",
            "repo_full_name",
            "day",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("analytics_daily_rollups_day_idx", "day"),
    )

    id: Mapped[Id]
    repo_full_name: Mapped[str | None]
    day: Mapped[date]
    figures: Mapped[dict[str, Any]]
    updated_at: Mapped[Created]


class RulePerformance(Base):
    """Passes, failures and undecided of one criterion or static rule on one UTC day."""

    __tablename__ = "analytics_rule_performance"
    __table_args__ = (
        Index(
            "analytics_rule_performance_key",
            "repo_full_name",
            "day",
            "kind",
            "rule",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("kind IN ('criterion', 'static')", name="kind"),
    )

    id: Mapped[Id]
    repo_full_name: Mapped[str | None]
    day: Mapped[date]
    kind: Mapped[str]
    rule: Mapped[str]
    passed: Mapped[Count]
    failed: Mapped[Count]
    undecided: Mapped[Count]
    updated_at: Mapped[Created]
