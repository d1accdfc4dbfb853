"""One metrics row per run, and the buckets, rollups and dirty marks made from them."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from alembic import op

revision = "003_analytics_tables"
down_revision = "002_monitor_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analytics_run_metrics",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("tribunal", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queue_seconds", sa.Double(), nullable=False),
        sa.Column("work_seconds", sa.Double(), nullable=False),
        sa.Column("llm_seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("llm_calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("llm_calls_reused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=6), server_default="0", nullable=False),
        sa.Column(
            "usage",
            pg.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="tokens, cost, calls by role and model",
        ),
        sa.Column(
            "judges",
            pg.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="score, confidence, veto, abstentions by role",
        ),
        sa.Column("findings_critical", sa.Integer(), server_default="0", nullable=False),
        sa.Column("findings_high", sa.Integer(), server_default="0", nullable=False),
        sa.Column("findings_medium", sa.Integer(), server_default="0", nullable=False),
        sa.Column("findings_low", sa.Integer(), server_default="0", nullable=False),
        sa.Column("criteria_passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("criteria_failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("criteria_undecided", sa.Integer(), server_default="0", nullable=False),
        sa.Column("files_seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("files_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mode IN ('full', 'diff')", name=op.f("analytics_run_metrics_mode_check")),
        sa.CheckConstraint("tribunal IN ('static', 'llm')", name=op.f("analytics_run_metrics_tribunal_check")),
        sa.CheckConstraint(
            "verdict IN ('PASS', 'FAIL', 'VETO', 'PARTIAL', 'ERROR')",
            name=op.f("analytics_run_metrics_verdict_check"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("analytics_run_metrics_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("analytics_run_metrics_pkey")),
    )
    op.create_index("analytics_run_metrics_finished_idx", "analytics_run_metrics", ["finished_at"], unique=False)
    op.create_index(
        "analytics_run_metrics_repo_finished_idx",
        "analytics_run_metrics",
        ["repo_full_name", "finished_at"],
        unique=False,
    )
    op.create_table(
        "analytics_dirty_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_dirty_marks_pkey")),
    )
    op.create_table(
        "analytics_hourly_buckets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures", pg.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_hourly_buckets_pkey")),
    )
    op.create_index("analytics_hourly_buckets_hour_idx", "analytics_hourly_buckets", ["hour"], unique=False)
    op.create_index(
        "analytics_hourly_buckets_key",
        "analytics_hourly_buckets",
        ["repo_full_name", "hour"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "analytics_daily_rollups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figures", pg.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_daily_rollups_pkey")),
    )
    op.create_index("analytics_daily_rollups_day_idx", "analytics_daily_rollups", ["day"], unique=False)
    op.create_index(
        "analytics_daily_rollups_key",
        "analytics_daily_rollups",
        ["repo_full_name", "day"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "analytics_rule_performance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("undecided", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('criterion', 'static')", name=op.f("analytics_rule_performance_kind_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_rule_performance_pkey")),
    )
    op.create_index(
        "analytics_rule_performance_key",
        "analytics_rule_performance",
        ["repo_full_name", "day", "kind", "rule"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_table("analytics_rule_performance")
    op.drop_table("analytics_daily_rollups")
    op.drop_table("analytics_hourly_buckets")
    op.drop_table("analytics_dirty_marks")
    op.drop_table("analytics_run_metrics")
