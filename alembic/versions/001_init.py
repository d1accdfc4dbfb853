"""Repositories, constitutions, runs and what they leave behind, the ledger, tokens."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from alembic import op

revision = "001_init"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repo_connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("clone_url", sa.Text(), nullable=False),
        sa.Column("default_branch", sa.Text(), server_default="main", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("repo_connections_pkey")),
    )
    op.create_index("repo_connections_created_at_idx", "repo_connections", ["created_at", "id"], unique=False)
    op.create_index("repo_connections_full_name_key", "repo_connections", ["full_name"], unique=True)
    op.create_table(
        "repo_branches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("monitored", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_commit", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repo_connections.id"], name=op.f("repo_branches_repo_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("repo_branches_pkey")),
        sa.UniqueConstraint("repo_id", "name", name=op.f("repo_branches_repo_id_name_key")),
    )
    op.create_table(
        "constitution_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(repo_id IS NULL) = (version IS NULL)", name=op.f("constitution_versions_version_check")),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repo_connections.id"],
            name=op.f("constitution_versions_repo_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("constitution_versions_pkey")),
        sa.UniqueConstraint("repo_id", "version", name=op.f("constitution_versions_repo_id_version_key")),
    )
    op.create_table(
        "criteria",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("constitution_version_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("category IN ('security', 'functionality', 'style')", name=op.f("criteria_category_check")),
        sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low')", name=op.f("criteria_severity_check")),
        sa.ForeignKeyConstraint(
            ["constitution_version_id"],
            ["constitution_versions.id"],
            name=op.f("criteria_constitution_version_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("criteria_pkey")),
        sa.UniqueConstraint(
            "constitution_version_id",
            "method",
            "key",
            name=op.f("criteria_constitution_version_id_method_key_key"),
        ),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("format IN ('zip', 'tar.gz', 'files')", name=op.f("uploads_format_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("uploads_pkey")),
    )
    op.create_index("uploads_created_at_idx", "uploads", ["created_at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("tribunal", sa.Text(), nullable=True),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source", pg.JSONB(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("repo_id", sa.Uuid(), nullable=True),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("commit_sha", sa.Text(), nullable=True),
        sa.Column("snapshot_digest", sa.Text(), nullable=True),
        sa.Column("constitution_version_id", sa.Uuid(), nullable=True),
        sa.Column("mode", sa.Text(), server_default="full", nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("remediate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("labels", pg.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_sha256", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name=op.f("runs_finished_check"),
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'completed' THEN verdict IN ('PASS', 'FAIL', 'VETO', 'PARTIAL') WHEN 'failed' THEN verdict = 'ERROR' ELSE verdict IS NULL END",
            name=op.f("runs_verdict_goes_with_status_check"),
        ),
        sa.CheckConstraint("mode IN ('full', 'diff')", name=op.f("runs_mode_check")),
        sa.CheckConstraint(
            "source_kind IN ('git', 'upload', 'files', 'repository', 'path')",
            name=op.f("runs_source_kind_check"),
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("runs_status_check"),
        ),
        sa.CheckConstraint("tribunal IN ('static', 'llm')", name=op.f("runs_tribunal_check")),
        sa.CheckConstraint("verdict IN ('PASS', 'FAIL', 'VETO', 'PARTIAL', 'ERROR')", name=op.f("runs_verdict_check")),
        sa.ForeignKeyConstraint(
            ["constitution_version_id"],
            ["constitution_versions.id"],
            name=op.f("runs_constitution_version_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repo_connections.id"], name=op.f("runs_repo_id_fkey"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["retry_of"], ["runs.id"], name=op.f("runs_retry_of_fkey"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("runs_upload_id_fkey"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("runs_pkey")),
    )
    op.create_index("runs_created_at_id_idx", "runs", ["created_at", "id"], unique=False)
    op.create_index(
        "runs_idempotency_key",
        "runs",
        ["created_by", "idempotency_key"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index("runs_repo_created_at_idx", "runs", ["repo_full_name", "branch", "created_at", "id"], unique=False)
    op.create_index("runs_constitution_version_id_idx", "runs", ["constitution_version_id"], unique=False)
    for column in ("repo_id", "upload_id", "retry_of"):
        present = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"runs_{column}_idx", "runs", [column], unique=False, postgresql_where=present)
    op.create_index(
        "runs_verdict_idx",
        "runs",
        ["verdict", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("verdict IS NOT NULL"),
    )
    op.create_index(
        "runs_unfinished_idx",
        "runs",
        ["lease_until", "not_before"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "run_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", pg.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "xact",
            sa.BigInteger(),
            server_default=sa.text("pg_current_xact_id()::text::bigint"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("run_events_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("run_events_pkey")),
        sa.UniqueConstraint("run_id", "seq", name=op.f("run_events_run_id_seq_key")),
    )
    op.create_index("run_events_created_at_idx", "run_events", ["created_at"], unique=False)
    op.create_index("run_events_xact_id_idx", "run_events", ["xact", "id"], unique=False)
    op.create_table(
        "criterion_results",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "category IN ('security', 'functionality', 'style')",
            name=op.f("criterion_results_category_check"),
        ),
        sa.CheckConstraint("outcome IN ('PASS', 'FAIL', 'UNDECIDED')", name=op.f("criterion_results_outcome_check")),
        sa.CheckConstraint(
            "severity IN ('critical', 'high', 'medium', 'low')", name=op.f("criterion_results_severity_check")
        ),
        sa.ForeignKeyConstraint(
            ["criterion_id"],
            ["criteria.id"],
            name=op.f("criterion_results_criterion_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("criterion_results_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("criterion_results_pkey")),
        sa.UniqueConstraint("run_id", "key", name=op.f("criterion_results_run_id_key_key")),
    )
    op.create_index("criterion_results_criterion_id_idx", "criterion_results", ["criterion_id"], unique=False)
    op.create_table(
        "opinions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vote", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("evidence", pg.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.CheckConstraint("role IN ('architect', 'security', 'user_proxy')", name=op.f("opinions_role_check")),
        sa.CheckConstraint("vote IN ('PASS', 'FAIL', 'ABSTAIN')", name=op.f("opinions_vote_check")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("opinions_confidence_check")),
        sa.CheckConstraint("score BETWEEN 1 AND 10", name=op.f("opinions_score_check")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("opinions_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("opinions_pkey")),
        sa.UniqueConstraint("run_id", "key", "role", "round", name=op.f("opinions_run_id_key_role_round_key")),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("analyzer", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("start_line", sa.Integer(), nullable=False),
        sa.Column("end_line", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.CheckConstraint("category IN ('security', 'functionality', 'style')", name=op.f("findings_category_check")),
        sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low')", name=op.f("findings_severity_check")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("findings_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("findings_pkey")),
    )
    op.create_index("findings_fingerprint_idx", "findings", ["fingerprint"], unique=False)
    op.create_index("findings_run_id_idx", "findings", ["run_id"], unique=False)
    op.create_table(
        "llm_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("response", pg.JSONB(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("reserved_usd", sa.Numeric(precision=14, scale=6), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Numeric(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('reserved', 'completed', 'failed')", name=op.f("llm_calls_state_check")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("llm_calls_run_id_fkey"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("llm_calls_pkey")),
    )
    op.create_index(
        "llm_calls_completed_key",
        "llm_calls",
        ["key"],
        unique=True,
        postgresql_where=sa.text("state = 'completed'"),
    )
    op.create_index("llm_calls_created_at_idx", "llm_calls", ["created_at"], unique=False)
    op.create_index(
        "llm_calls_reserved_key",
        "llm_calls",
        ["key"],
        unique=True,
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_index("llm_calls_run_id_idx", "llm_calls", ["run_id"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("artifacts_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("artifacts_pkey")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("scopes", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "scopes <@ ARRAY['runs:read', 'runs:write', 'remediation:approve', 'admin']::text[]",
            name=op.f("api_tokens_scopes_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("api_tokens_pkey")),
    )
    op.create_index("api_tokens_token_sha256_key", "api_tokens", ["token_sha256"], unique=True)
    op.create_index(
        "api_tokens_user_name_created_at_idx", "api_tokens", ["user_name", "created_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("api_tokens")
    op.drop_table("artifacts")
    op.drop_table("llm_calls")
    op.drop_table("findings")
    op.drop_table("opinions")
    op.drop_table("criterion_results")
    op.drop_table("run_events")
    op.drop_table("runs")
    op.drop_table("uploads")
    op.drop_table("criteria")
    op.drop_table("constitution_versions")
    op.drop_table("repo_branches")
    op.drop_table("repo_connections")
