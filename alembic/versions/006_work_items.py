"""Work that is no run, paused queues, the order in which tenants are served, and the trace a run belongs to."""

import sqlalchemy as sa

from alembic import op

revision = "006_work_items"
down_revision = "005_tribunal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_items",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name=op.f("work_items_status_check")),
        sa.CheckConstraint(
            "(status IN ('done', 'failed')) = (finished_at IS NOT NULL)", name=op.f("work_items_finished_check")
        ),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("work_items_pkey")),
    )
    op.create_index(
        "work_items_unfinished_idx",
        "work_items",
        ["kind", "not_before"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(
        "work_items_finished_at_idx",
        "work_items",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    # Callbacks that are on their way: what is owed is a row from now on.
    op.execute(
        "INSERT INTO work_items (kind, subject) SELECT DISTINCT task_name, args->>'run_id' FROM procrastinate_jobs"
        " WHERE task_name = 'monitoring.deliver_callback' AND status IN ('todo', 'doing')"
    )
    op.create_table(
        "queue_pauses",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("queue_pauses_pkey")),
    )
    op.add_column(
        "runs",
        sa.Column(
            "tenant",
            sa.Text(),
            sa.Computed("COALESCE(created_by, split_part(repo_full_name, '/', 1), '')", persisted=True),
            nullable=False,
        ),
    )
    op.add_column("runs", sa.Column("traceparent", sa.Text(), nullable=True))
    op.create_index(
        "runs_tenant_queued_idx",
        "runs",
        ["tenant", sa.text("priority DESC"), "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "runs_tenant_running_idx",
        "runs",
        ["tenant"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "runs_tenant_started_at_idx",
        "runs",
        ["tenant", "started_at"],
        unique=False,
        postgresql_where=sa.text("started_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("runs_tenant_started_at_idx", table_name="runs")
    op.drop_index("runs_tenant_running_idx", table_name="runs")
    op.drop_index("runs_tenant_queued_idx", table_name="runs")
    op.drop_column("runs", "traceparent")
    op.drop_column("runs", "tenant")
    op.drop_table("queue_pauses")
    op.drop_table("work_items")
