"""A repository is removed at once, and what hangs on it lets go by and by; runs go when they are old, the figures stay."""

from alembic import op

revision = "012_removal"
down_revision = "011_limits"
branch_labels = None
depends_on = None

INDEXES = {
    "repo_connections_owner_connected_key": "UNIQUE INDEX CONCURRENTLY {} ON repo_connections (created_by, full_name)"
    " NULLS NOT DISTINCT WHERE removed_at IS NULL",
    "repo_connections_removed_at_idx": "INDEX CONCURRENTLY {} ON repo_connections (removed_at)"
    " WHERE removed_at IS NOT NULL",
    "monitor_jobs_run_id_idx": "INDEX CONCURRENTLY {} ON monitor_jobs (run_id)",
    "remediation_runs_verification_run_id_idx": "INDEX CONCURRENTLY {} ON remediation_runs (verification_run_id)",
}


def upgrade() -> None:
    op.execute("ALTER TABLE repo_connections ADD COLUMN IF NOT EXISTS removed_at timestamptz")
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, index in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE {index.format(name)}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS repo_connections_owner_full_name_key")
        op.execute("SET lock_timeout = '10s'")
    op.execute("ALTER TABLE analytics_run_metrics DROP CONSTRAINT IF EXISTS analytics_run_metrics_run_id_fkey")


def downgrade() -> None:
    op.execute("DELETE FROM analytics_run_metrics m WHERE NOT EXISTS (SELECT FROM runs r WHERE r.id = m.run_id)")
    op.create_foreign_key(
        "analytics_run_metrics_run_id_fkey", "analytics_run_metrics", "runs", ["run_id"], ["id"], ondelete="CASCADE"
    )
    # Who removed a repository wanted it gone; the older revision knows no other way.
    op.execute("DELETE FROM repo_connections WHERE removed_at IS NOT NULL")
    op.create_index(
        "repo_connections_owner_full_name_key",
        "repo_connections",
        ["created_by", "full_name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.drop_column("repo_connections", "removed_at")
