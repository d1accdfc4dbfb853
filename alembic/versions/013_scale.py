"""What is asked often is in an index, whatever else there is; what is written often finds room where it stands."""

from alembic import op
from worker.core.db import indexes

revision = "013_scale"
down_revision = "012_removal"
branch_labels = None
depends_on = None

INDEXES = {
    # Lists by status or by branch, and what an operator asks of the queue.
    "runs_status_created_at_idx": "INDEX CONCURRENTLY {} ON runs (status, created_at, id)",
    "runs_branch_created_at_idx": "INDEX CONCURRENTLY {} ON runs (branch, created_at, id) WHERE branch IS NOT NULL",
    # Beside procrastinate's own, which know a job that waits alone.
    "invariant_jobs_idx": "INDEX CONCURRENTLY {} ON procrastinate_jobs (queue_name, status, id)",
    "invariant_scheduled_jobs_idx": "INDEX CONCURRENTLY {} ON procrastinate_jobs (queue_name, scheduled_at)"
    " WHERE status = 'todo' AND scheduled_at IS NOT NULL",
}
# A lease is renewed, and a step told, in the row's own page, without touching an index. Of a large table a fifth, the
# default, would be dead rows before anybody tidied up.
STORAGE = {
    "runs": "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
    "run_events": "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05",
    "procrastinate_jobs": "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02",
    "procrastinate_events": "autovacuum_vacuum_scale_factor = 0.02",
    "work_items": "fillfactor = 50",
    "llm_budgets": "fillfactor = 50",
}


def upgrade() -> None:
    for table, parameters in STORAGE.items():
        op.execute(f"ALTER TABLE {table} SET ({parameters})")
    # What stands above is committed here: begun again, all of it may be there already.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        indexes.build(op.get_bind(), INDEXES)
        # It held the lease, which changes all the time; what is running is found by its status.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS runs_unfinished_idx")
        op.execute("SET lock_timeout = '10s'")


def downgrade() -> None:
    op.execute(
        "CREATE INDEX runs_unfinished_idx ON runs (lease_until, not_before) WHERE status IN ('queued', 'running')"
    )
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    for table, parameters in STORAGE.items():
        names = ", ".join(parameter.split(" = ")[0] for parameter in parameters.split(", "))
        op.execute(f"ALTER TABLE {table} RESET ({names})")
