"""A repository is removed at once, and what hangs on it lets go by and by; runs go when they are old, the figures stay."""

from alembic import op
from worker.core.db import indexes

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

# A run that somebody deletes is gone from the figures; one that the upkeep removes when it is old stays in them, and says
# so by this setting of its transaction. The reference would have deleted both.
FORGET = """
CREATE OR REPLACE FUNCTION analytics_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('invariant.figures', true), '') <> 'kept' THEN
        DELETE FROM analytics_run_metrics m USING removed r WHERE m.run_id = r.id;
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE TRIGGER analytics_removed AFTER DELETE ON runs REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION analytics_forget()
"""

# Locked before it is asked again whether a run has come that refers to them: in a function each statement sees what was
# committed before it.
REMOVE_CONSTITUTIONS = """
CREATE OR REPLACE FUNCTION remove_constitutions(p_seconds float8, p_batch int) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_ids uuid[];
    v_count bigint;
BEGIN
    SELECT array_agg(id) INTO v_ids FROM (
        SELECT v.id FROM constitution_versions v
        WHERE v.repo_id IS NULL AND v.created_at < now() - make_interval(secs => p_seconds)
            AND NOT EXISTS (SELECT FROM runs r WHERE r.constitution_version_id = v.id)
        LIMIT p_batch FOR UPDATE SKIP LOCKED) AS unused;
    DELETE FROM constitution_versions v
    WHERE v.id = ANY(v_ids) AND NOT EXISTS (SELECT FROM runs r WHERE r.constitution_version_id = v.id);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$
"""


def upgrade() -> None:
    # In the order in which a verdict's transaction takes them; who waits holds up everybody, so not for long.
    op.execute("SET lock_timeout = '3s'")
    op.execute("LOCK TABLE runs, analytics_run_metrics IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE analytics_run_metrics DROP CONSTRAINT IF EXISTS analytics_run_metrics_run_id_fkey")
    op.execute(FORGET)
    op.execute("DROP TRIGGER IF EXISTS analytics_removed ON runs")
    op.execute(TRIGGER)
    op.execute(REMOVE_CONSTITUTIONS)
    op.execute("ALTER TABLE repo_connections ADD COLUMN IF NOT EXISTS removed_at timestamptz")
    # What stands above is committed here: begun again, all of it may be there already.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        indexes.build(op.get_bind(), INDEXES)
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS repo_connections_owner_full_name_key")
        op.execute("SET lock_timeout = '10s'")


def downgrade() -> None:
    op.execute("DROP TRIGGER analytics_removed ON runs")
    op.execute("DROP FUNCTION analytics_forget()")
    op.execute("DROP FUNCTION remove_constitutions(float8, int)")
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
