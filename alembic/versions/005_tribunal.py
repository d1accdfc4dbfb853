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
    op.execute(RESERVE)


# All or nothing in one statement, so that no lock outlasts it. Each statement of a volatile function sees what was
# committed before it (PostgreSQL, «Function Volatility Categories»): an insert that waited for the call's completion
# is followed by a look that finds it.
RESERVE = """
CREATE FUNCTION llm_reserve(
    p_id uuid, p_key text, p_run uuid, p_attempt int, p_role text, p_purpose text, p_provider text, p_model text,
    p_prompt_version text, p_cost numeric, p_run_limit numeric, p_day_limit numeric
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_scope text;
    v_limit numeric;
    v_taken text[] := '{}';
    v_spent numeric;
BEGIN
    INSERT INTO llm_calls (id, key, run_id, attempt, state, role, purpose, provider, model, prompt_version,
                           reserved_usd, created_at)
    VALUES (p_id, p_key, p_run, p_attempt, 'reserved', p_role, p_purpose, p_provider, p_model, p_prompt_version,
            p_cost, clock_timestamp())
    ON CONFLICT (key) WHERE state = 'reserved' DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'busy';
    END IF;
    IF EXISTS (SELECT FROM llm_calls WHERE key = p_key AND state = 'completed') THEN
        DELETE FROM llm_calls WHERE id = p_id;
        RETURN 'completed';
    END IF;
    FOR v_scope, v_limit IN
        SELECT scope, cap FROM (VALUES
            (1, 'run:' || p_run, p_run_limit),
            (2, 'day:' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), p_day_limit)
        ) AS budget (place, scope, cap)
        WHERE scope IS NOT NULL ORDER BY place
    LOOP
        INSERT INTO llm_budgets AS b (scope, reserved_usd) SELECT v_scope, p_cost WHERE p_cost <= v_limit
        ON CONFLICT (scope) DO UPDATE SET reserved_usd = b.reserved_usd + excluded.reserved_usd
        WHERE b.spent_usd + b.reserved_usd + excluded.reserved_usd <= v_limit;
        IF NOT FOUND THEN
            DELETE FROM llm_calls WHERE id = p_id;
            UPDATE llm_budgets SET reserved_usd = reserved_usd - p_cost WHERE scope = ANY (v_taken);
            SELECT spent_usd INTO v_spent FROM llm_budgets WHERE scope = v_scope;
            IF coalesce(v_spent, 0) + p_cost > v_limit THEN
                RETURN 'over ' || split_part(v_scope, ':', 1);
            END IF;
            RETURN 'full';
        END IF;
        v_taken := v_taken || v_scope;
    END LOOP;
    RETURN 'reserved';
END
$$
"""


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION llm_reserve(uuid, text, uuid, int, text, text, text, text, text, numeric, numeric, numeric)"
    )
    op.drop_table("feedback")
    op.drop_table("llm_providers")
    op.drop_table("llm_budgets")
    op.drop_table("llm_uses")
    op.drop_column("llm_calls", "purpose")
    op.drop_column("llm_calls", "attempt")
