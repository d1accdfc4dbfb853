"""What each user may use: requests, streams, runs that wait, bytes of uploads, dollars of a day."""

import sqlalchemy as sa

from alembic import op

revision = "011_limits"
down_revision = "010_access"
branch_labels = None
depends_on = None

_RESERVE = "uuid, text, uuid, int, text, text, text, text, text, numeric, numeric, numeric"

# Takes the user's turn, which lasts until the transaction ends, and says what the user holds then: who asks next waits,
# and sees what came of it. In a function each statement sees what was committed before it.
HOLDINGS = """
CREATE FUNCTION user_holdings(p_user text, OUT waiting bigint, OUT bytes bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_user, 78));
    SELECT count(*) INTO waiting FROM runs WHERE tenant = p_user AND status = 'queued' AND created_by = p_user;
    SELECT coalesce(sum(size), 0) INTO bytes FROM uploads WHERE created_by = p_user;
END
$$
"""

# True when the stream may be open: it then counts until p_seconds are over.
OPEN_STREAM = """
CREATE FUNCTION open_stream(p_id uuid, p_subject text, p_most int, p_seconds float8) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_subject, 79));
    DELETE FROM open_streams WHERE subject = p_subject AND until < clock_timestamp();
    IF (SELECT count(*) FROM open_streams WHERE subject = p_subject) >= p_most THEN
        RETURN false;
    END IF;
    INSERT INTO open_streams (id, subject, until)
    VALUES (p_id, p_subject, clock_timestamp() + make_interval(secs => p_seconds));
    RETURN true;
END
$$
"""

# As in revision 005, with a budget of the run's user between the run's and the day's: the row that most calls share
# comes last. The older function stays for code that is older.
RESERVE = """
CREATE FUNCTION llm_reserve(
    p_id uuid, p_key text, p_run uuid, p_attempt int, p_role text, p_purpose text, p_provider text, p_model text,
    p_prompt_version text, p_cost numeric, p_run_limit numeric, p_day_limit numeric, p_user_limit numeric
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_day text := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD');
    v_user text;
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
    SELECT created_by INTO v_user FROM runs WHERE id = p_run;
    FOR v_scope, v_limit IN
        SELECT scope, cap FROM (VALUES
            (1, 'run:' || p_run, p_run_limit),
            (2, 'user:' || v_day || ':' || v_user, p_user_limit),
            (3, 'day:' || v_day, p_day_limit)
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


def upgrade() -> None:
    op.create_table(
        "request_windows",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("request_windows_pkey")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("request_windows_began_idx", "request_windows", ["began"])
    op.create_table(
        "open_streams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("open_streams_pkey")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("open_streams_subject_idx", "open_streams", ["subject"])
    op.create_table(
        "upload_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "number", name=op.f("upload_parts_pkey")),
        prefixes=["UNLOGGED"],
    )
    op.execute(HOLDINGS)
    op.execute(OPEN_STREAM)
    op.execute(RESERVE)
    with op.get_context().autocommit_block():
        op.create_index(
            "uploads_created_by_idx", "uploads", ["created_by"], postgresql_concurrently=True, if_not_exists=True
        )


def downgrade() -> None:
    op.drop_index("uploads_created_by_idx", "uploads")
    op.execute(f"DROP FUNCTION llm_reserve({_RESERVE}, numeric)")
    op.execute("DROP FUNCTION open_stream(uuid, text, int, float8)")
    op.execute("DROP FUNCTION user_holdings(text)")
    op.drop_table("upload_parts")
    op.drop_table("open_streams")
    op.drop_table("request_windows")
