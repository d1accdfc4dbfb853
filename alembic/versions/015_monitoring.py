"""Connected repositories: what GitHub says of them, what it told us, whom we tell, and who changed what."""

from alembic import op
from worker.core.db import indexes

revision = "015_monitoring"
down_revision = "014_remediation"
branch_labels = None
depends_on = None

ADDED = {
    "repo_connections": {
        "forge": "text NOT NULL DEFAULT 'git' CONSTRAINT repo_connections_forge_check CHECK (forge IN ('git', 'github'))",
        "forge_id": "bigint",
        "installation_id": "bigint",
        "settings": "jsonb NOT NULL DEFAULT '{}'",
        "looked_at": "timestamptz",
        "suspended_at": "timestamptz",
    },
    "repo_branches": {"etag": "text"},
    "remediation_runs": {"commits": "jsonb", "head_sha": "text"},
    "monitor_jobs": {
        "before_sha": "text",
        "base": "text",
        "pull_request": "integer",
        "check_run_id": "bigint",
        "requested_by": "text",
        "constitution_version_id": "uuid",
        "target": "text",
        "told": "text",
        "cause": "text CONSTRAINT monitor_jobs_cause_check"
        " CHECK (cause IN ('superseded', 'withdrawn', 'no_constitution'))",
    },
    "webhook_deliveries": {
        "subject": "text",
        "action": "text",
        "facts": "jsonb NOT NULL DEFAULT '{}'",
        "outcome": "text",
    },
}
LARGE_INDEXES = {
    "runs_repo_id_unfinished_idx": "INDEX CONCURRENTLY {} ON runs (repo_id)"
    " WHERE repo_id IS NOT NULL AND finished_at IS NULL",
    "monitor_jobs_branch_idx": "INDEX CONCURRENTLY {} ON monitor_jobs (repo_id, branch, created_at, id)",
    "monitor_jobs_repo_id_created_at_idx": "INDEX CONCURRENTLY {} ON monitor_jobs (repo_id, created_at, id)",
}
# Of tables that hold as many rows as there are repositories, or none yet.
INDEXES = {
    "repo_connections_forge_id_key": "UNIQUE INDEX IF NOT EXISTS {} ON repo_connections (forge, forge_id)"
    " WHERE forge_id IS NOT NULL AND removed_at IS NULL",
    "repo_connections_looked_at_idx": "INDEX IF NOT EXISTS {} ON repo_connections (looked_at NULLS FIRST)"
    " WHERE removed_at IS NULL",
    "webhook_deliveries_unprocessed_idx": "INDEX IF NOT EXISTS {} ON webhook_deliveries (subject, received_at)"
    " WHERE processed_at IS NULL",
    "webhook_deliveries_received_at_idx": "INDEX IF NOT EXISTS {} ON webhook_deliveries (received_at)",
}
TABLES = (
    """
    CREATE TABLE IF NOT EXISTS callbacks (
        id uuid CONSTRAINT callbacks_pkey PRIMARY KEY,
        event text NOT NULL,
        run_id uuid CONSTRAINT callbacks_run_id_fkey REFERENCES runs (id) ON DELETE CASCADE,
        remediation_run_id uuid CONSTRAINT callbacks_remediation_run_id_fkey
            REFERENCES remediation_runs (id) ON DELETE CASCADE,
        repo_id uuid CONSTRAINT callbacks_repo_id_fkey REFERENCES repo_connections (id) ON DELETE CASCADE,
        created_by text,
        url text NOT NULL,
        format text NOT NULL DEFAULT 'json' CONSTRAINT callbacks_format_check CHECK (format IN ('json', 'slack')),
        body jsonb NOT NULL,
        status text NOT NULL DEFAULT 'waiting'
            CONSTRAINT callbacks_status_check CHECK (status IN ('waiting', 'delivered', 'failed', 'refused')),
        attempts integer NOT NULL DEFAULT 0,
        answered integer,
        error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS callbacks_event_key ON callbacks (event, coalesce(remediation_run_id, run_id), md5(url))"
    " WHERE coalesce(remediation_run_id, run_id) IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS callbacks_created_at_idx ON callbacks (created_at, id)",
    "CREATE INDEX IF NOT EXISTS callbacks_run_id_idx ON callbacks (run_id) WHERE run_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS callbacks_remediation_run_id_idx ON callbacks (remediation_run_id)"
    " WHERE remediation_run_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS callbacks_repo_id_idx ON callbacks (repo_id) WHERE repo_id IS NOT NULL",
    """
    CREATE TABLE IF NOT EXISTS audit_log (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_log_pkey PRIMARY KEY,
        actor text NOT NULL,
        token_id uuid,
        operation text NOT NULL,
        subject text,
        request_id text,
        address text,
        data jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX IF NOT EXISTS audit_log_created_at_idx ON audit_log (created_at, id)",
    "CREATE INDEX IF NOT EXISTS audit_log_actor_idx ON audit_log (actor, created_at, id)",
    "CREATE INDEX IF NOT EXISTS audit_log_subject_idx ON audit_log (subject, created_at, id) WHERE subject IS NOT NULL",
    """
    CREATE OR REPLACE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$
    """,
    """
    CREATE OR REPLACE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
    """,
)


def upgrade() -> None:
    for table, columns in ADDED.items():
        op.execute(
            f"ALTER TABLE {table} "
            + ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in columns.items())
        )
    for statement in TABLES:
        op.execute(statement)
    for name, definition in INDEXES.items():
        op.execute(f"CREATE {definition.format(name)}")
    # What stands above is committed here: begun again, all of it may be there already.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        indexes.build(op.get_bind(), LARGE_INDEXES)
        op.execute("SET lock_timeout = '10s'")


def downgrade() -> None:
    op.execute("DROP TABLE audit_log, callbacks")
    op.execute("DROP FUNCTION audit_log_is_append_only")
    for name in (*INDEXES, *LARGE_INDEXES):
        op.execute(f"DROP INDEX {name}")
    for table, columns in ADDED.items():
        op.execute(f"ALTER TABLE {table} " + ", ".join(f"DROP COLUMN {name}" for name in columns))
