"""What a remediation needs beside revision 004: iterations, the order and the proof of fixes, patterns that age."""

from alembic import op

revision = "014_remediation"
down_revision = "013_scale"
branch_labels = None
depends_on = None

STATUSES = ("queued", "running", "awaiting_approval", "completed", "failed", "stopped", "rolled_back")
ADDED_STATUSES = ("verifying", "aborted")
ADDED = {
    "runs": {"patch": "text"},
    "findings": {"precise": "boolean NOT NULL DEFAULT false"},
    "work_items": {"again": "boolean NOT NULL DEFAULT false"},
    "remediation_runs": {
        "iteration": "integer NOT NULL DEFAULT 0",
        "stop_requested_by": "text",
        "patch": "text",
        "mailbox": "text",
        "notes": "jsonb NOT NULL DEFAULT '[]'",
    },
    "remediation_issues": {
        "iteration": "integer NOT NULL DEFAULT 1",
        "fixable": "boolean NOT NULL DEFAULT true",
    },
    "remediation_patterns": {
        "owner": "text NOT NULL DEFAULT ''",
        "kept_weight": "double precision NOT NULL DEFAULT 0",
        "reverted_weight": "double precision NOT NULL DEFAULT 0",
        "weighed_at": "timestamptz NOT NULL DEFAULT now()",
    },
    "remediation_fixes": {
        "iteration": "integer NOT NULL DEFAULT 1",
        "position": "integer NOT NULL DEFAULT 0",
        "key": "text",
        "origin": "text NOT NULL DEFAULT 'model'"
        " CONSTRAINT remediation_fixes_origin_check CHECK (origin IN ('tool', 'pattern', 'model'))",
        "summary": "text NOT NULL DEFAULT ''",
        "reasons": "jsonb NOT NULL DEFAULT '[]'",
        "outcome": "text",
        "applied_at": "timestamptz",
    },
}
# The work item holds them now, as for all work that is no run. No code has ever read them.
LEFT_TO_WORK_ITEMS = {
    "attempt": "integer NOT NULL DEFAULT 0",
    "failures": "integer NOT NULL DEFAULT 0",
    "lease_until": "timestamptz",
    "holder": "text",
    "not_before": "timestamptz",
}
# Of tables in which nothing was written before.
INDEXES = {
    "remediation_runs_unfinished_key": "CREATE UNIQUE INDEX {} ON remediation_runs (run_id)"
    " WHERE status IN ('queued', 'running', 'awaiting_approval', 'verifying')",
    "remediation_runs_unmade_idx": "CREATE INDEX {} ON remediation_runs (id) WHERE patch IS NULL",
    "remediation_fixes_key": "CREATE UNIQUE INDEX {} ON remediation_fixes (remediation_run_id, iteration, key)",
    "remediation_fixes_applied_at_idx": "CREATE INDEX {} ON remediation_fixes (applied_at)"
    " WHERE applied_at IS NOT NULL",
}


def _add(table: str, columns: dict[str, str]) -> None:
    op.execute(f"ALTER TABLE {table} " + ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in columns.items()))


def _drop(table: str, columns: dict[str, str]) -> None:
    op.execute(f"ALTER TABLE {table} " + ", ".join(f"DROP COLUMN {name}" for name in columns))


def _allow(statuses: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{status}'" for status in statuses)
    op.execute("ALTER TABLE remediation_runs DROP CONSTRAINT remediation_runs_status_check")
    op.execute(
        f"ALTER TABLE remediation_runs ADD CONSTRAINT remediation_runs_status_check CHECK (status IN ({listed}))"
    )


def upgrade() -> None:
    for table, columns in ADDED.items():
        _add(table, columns)
    _drop("remediation_runs", LEFT_TO_WORK_ITEMS)
    _allow((*STATUSES, *ADDED_STATUSES))
    for name, definition in INDEXES.items():
        op.execute(definition.format(name))
    # A pattern is a line of somebody's code: it serves whose it is.
    op.execute("ALTER TABLE remediation_patterns DROP CONSTRAINT remediation_patterns_rule_fingerprint_key")
    op.execute(
        "ALTER TABLE remediation_patterns ADD CONSTRAINT remediation_patterns_owner_rule_fingerprint_key"
        " UNIQUE (owner, rule, fingerprint)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE remediation_patterns DROP CONSTRAINT remediation_patterns_owner_rule_fingerprint_key")
    op.execute("DELETE FROM remediation_patterns")
    op.execute(
        "ALTER TABLE remediation_patterns ADD CONSTRAINT remediation_patterns_rule_fingerprint_key"
        " UNIQUE (rule, fingerprint)"
    )
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.execute("UPDATE remediation_runs SET status = 'stopped' WHERE status IN ('verifying', 'aborted')")
    _allow(STATUSES)
    _add("remediation_runs", LEFT_TO_WORK_ITEMS)
    for table, columns in reversed(ADDED.items()):
        _drop(table, columns)
