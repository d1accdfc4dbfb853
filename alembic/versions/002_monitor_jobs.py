"""procrastinate's own schema, and the commits of monitored branches.

The schema is taken verbatim from the installed package, and only from the release this revision was written
for: a newer release changes a new database here and an old one in a revision of its own, never both.
"""

import hashlib

import sqlalchemy as sa
from procrastinate.schema import SchemaManager

from alembic import op

revision = "002_monitor_jobs"
down_revision = "001_init"
branch_labels = None
depends_on = None

# procrastinate 3.10.0
SCHEMA_SHA256 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


def upgrade() -> None:
    schema = SchemaManager.get_schema()
    if hashlib.sha256(schema.encode()).hexdigest() != SCHEMA_SHA256:
        raise RuntimeError(
            "The installed procrastinate brings another schema than 3.10.0: install the locked release, "
            "or add a revision that applies the release's own migrations."
        )
    # The driver itself, without parameters: the script has several statements, and its % and : are its own.
    op.get_bind().connection.cursor().execute(schema)
    op.create_table(
        "monitor_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("repo_id", sa.Uuid(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("commit_sha", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'enqueued', 'skipped', 'failed')", name=op.f("monitor_jobs_status_check")
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repo_connections.id"], name=op.f("monitor_jobs_repo_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("monitor_jobs_run_id_fkey"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("monitor_jobs_pkey")),
        sa.UniqueConstraint("repo_id", "branch", "commit_sha", name=op.f("monitor_jobs_repo_id_branch_commit_sha_key")),
    )
    op.create_index("monitor_jobs_created_at_idx", "monitor_jobs", ["created_at", "id"], unique=False)
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("webhook_deliveries_pkey")),
    )


def downgrade() -> None:
    for table in ("periodic_defers", "events", "jobs", "workers"):
        op.execute(f"DROP TABLE procrastinate_{table} CASCADE")
    op.execute(
        """
        DO $$ DECLARE routine regprocedure; BEGIN
            FOR routine IN SELECT oid FROM pg_proc
                WHERE starts_with(proname, 'procrastinate_') AND pronamespace = current_schema()::regnamespace
            LOOP EXECUTE 'DROP FUNCTION ' || routine || ' CASCADE'; END LOOP;
        END $$
        """
    )
    for kind in ("job_to_defer_v1", "job_event_type", "job_status"):
        op.execute(f"DROP TYPE procrastinate_{kind}")
    op.drop_table("webhook_deliveries")
    op.drop_table("monitor_jobs")
