"""Remediation runs, issues, root causes, fixes, patterns, and what keeps them safe."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from alembic import op

revision = "004_remediation_tables"
down_revision = "003_analytics_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "remediation_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verification_run_id", sa.Uuid(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("pull_request_url", sa.Text(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=6), server_default="0", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'awaiting_approval', 'completed', 'failed', 'stopped', 'rolled_back')",
            name=op.f("remediation_runs_status_check"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("remediation_runs_run_id_fkey"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["verification_run_id"],
            ["runs.id"],
            name=op.f("remediation_runs_verification_run_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_runs_pkey")),
    )
    op.create_index("remediation_runs_created_at_idx", "remediation_runs", ["created_at", "id"], unique=False)
    op.create_index("remediation_runs_run_id_idx", "remediation_runs", ["run_id"], unique=False)
    op.create_table(
        "remediation_root_causes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("remediation_run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["remediation_run_id"],
            ["remediation_runs.id"],
            name=op.f("remediation_root_causes_remediation_run_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_root_causes_pkey")),
        sa.UniqueConstraint(
            "remediation_run_id",
            "position",
            name=op.f("remediation_root_causes_remediation_run_id_position_key"),
        ),
    )
    op.create_table(
        "remediation_issues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("remediation_run_id", sa.Uuid(), nullable=False),
        sa.Column("root_cause_id", sa.Uuid(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("evidence", pg.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "category IN ('security', 'functionality', 'style')",
            name=op.f("remediation_issues_category_check"),
        ),
        sa.CheckConstraint("origin IN ('criterion', 'finding')", name=op.f("remediation_issues_origin_check")),
        sa.CheckConstraint(
            "severity IN ('critical', 'high', 'medium', 'low')",
            name=op.f("remediation_issues_severity_check"),
        ),
        sa.ForeignKeyConstraint(
            ["remediation_run_id"],
            ["remediation_runs.id"],
            name=op.f("remediation_issues_remediation_run_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["root_cause_id"],
            ["remediation_root_causes.id"],
            name=op.f("remediation_issues_root_cause_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_issues_pkey")),
    )
    op.create_index(
        "remediation_issues_remediation_run_id_idx",
        "remediation_issues",
        ["remediation_run_id"],
        unique=False,
    )
    op.create_table(
        "remediation_patterns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("template", pg.JSONB(), nullable=False),
        sa.Column("applied", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kept", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reverted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_patterns_pkey")),
        sa.UniqueConstraint("rule", "fingerprint", name=op.f("remediation_patterns_rule_fingerprint_key")),
    )
    op.create_table(
        "remediation_fixes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("remediation_run_id", sa.Uuid(), nullable=False),
        sa.Column("root_cause_id", sa.Uuid(), nullable=True),
        sa.Column("pattern_id", sa.Uuid(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("is_breaking", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("patch", sa.Text(), nullable=False),
        sa.Column("files_changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lines_changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", pg.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "action IN ('AUTO', 'REVIEW', 'CONFIRM', 'MANUAL')", name=op.f("remediation_fixes_action_check")
        ),
        sa.CheckConstraint(
            "category IN ('security', 'functionality', 'style')",
            name=op.f("remediation_fixes_category_check"),
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected', 'applied', 'verified', 'reverted', 'failed')",
            name=op.f("remediation_fixes_status_check"),
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("remediation_fixes_confidence_check")),
        sa.ForeignKeyConstraint(
            ["pattern_id"],
            ["remediation_patterns.id"],
            name=op.f("remediation_fixes_pattern_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["remediation_run_id"],
            ["remediation_runs.id"],
            name=op.f("remediation_fixes_remediation_run_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["root_cause_id"],
            ["remediation_root_causes.id"],
            name=op.f("remediation_fixes_root_cause_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_fixes_pkey")),
    )
    op.create_index(
        "remediation_fixes_remediation_run_id_idx", "remediation_fixes", ["remediation_run_id"], unique=False
    )
    op.create_table(
        "remediation_file_backups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fix_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("existed", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["fix_id"],
            ["remediation_fixes.id"],
            name=op.f("remediation_file_backups_fix_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_file_backups_pkey")),
        sa.UniqueConstraint("fix_id", "path", name=op.f("remediation_file_backups_fix_id_path_key")),
    )
    op.create_table(
        "remediation_audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("remediation_run_id", sa.Uuid(), nullable=True),
        sa.Column("fix_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("data", pg.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_audit_log_pkey")),
    )
    op.create_index(
        "remediation_audit_log_remediation_run_id_idx",
        "remediation_audit_log",
        ["remediation_run_id", "id"],
        unique=False,
    )
    op.create_table(
        "remediation_kill_switch",
        sa.Column("id", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("engaged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("remediation_kill_switch_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("remediation_kill_switch_pkey")),
    )
    op.execute(
        """
        CREATE FUNCTION remediation_audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'remediation_audit_log is append-only'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER remediation_audit_log_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON remediation_audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION remediation_audit_log_is_append_only()
        """
    )
    op.execute("INSERT INTO remediation_kill_switch DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("remediation_kill_switch")
    op.drop_table("remediation_audit_log")
    op.drop_table("remediation_file_backups")
    op.drop_table("remediation_fixes")
    op.drop_table("remediation_patterns")
    op.drop_table("remediation_issues")
    op.drop_table("remediation_root_causes")
    op.drop_table("remediation_runs")
    op.execute("DROP FUNCTION remediation_audit_log_is_append_only")
