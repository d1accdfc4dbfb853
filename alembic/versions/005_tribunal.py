"""Uses of the ledger, budgets, providers' state, and feedback."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from alembic import op

revision = "005_tribunal"
down_revision = "004_remediation_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("llm_calls", sa.Column("attempt", sa.Integer(), nullable=True))
    op.add_column("llm_calls", sa.Column("purpose", sa.Text(), server_default="judge", nullable=False))
    op.create_table(
        "llm_uses",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("reused", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["llm_calls.id"], name=op.f("llm_uses_call_id_fkey"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("llm_uses_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "call_id", name=op.f("llm_uses_pkey")),
    )
    op.create_index("llm_uses_call_id_idx", "llm_uses", ["call_id"], unique=False)
    op.create_table(
        "llm_budgets",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("spent_usd", sa.Numeric(precision=14, scale=6), server_default="0", nullable=False),
        sa.Column("reserved_usd", sa.Numeric(precision=14, scale=6), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("spent_usd >= 0 AND reserved_usd >= 0", name=op.f("llm_budgets_not_negative_check")),
        sa.PrimaryKeyConstraint("scope", name=op.f("llm_budgets_pkey")),
    )
    op.create_table(
        "llm_providers",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limited_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tokens", sa.Double(), nullable=True),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("provider", name=op.f("llm_providers_pkey")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("fingerprints", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(subject = 'criterion') = (key IS NOT NULL)", name=op.f("feedback_key_check")),
        sa.CheckConstraint("mark IN ('wrong', 'accepted')", name=op.f("feedback_mark_check")),
        sa.CheckConstraint("subject IN ('criterion', 'finding')", name=op.f("feedback_subject_check")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("feedback_run_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("feedback_pkey")),
    )
    op.create_index("feedback_run_id_idx", "feedback", ["run_id"], unique=False)
    op.create_index("feedback_scope_idx", "feedback", ["scope", "mark"], unique=False)


def downgrade() -> None:
    op.drop_table("feedback")
    op.drop_table("llm_providers")
    op.drop_table("llm_budgets")
    op.drop_table("llm_uses")
    op.drop_column("llm_calls", "purpose")
    op.drop_column("llm_calls", "attempt")
