"""Analytics that are sums of whole numbers: metrics, buckets of an hour, a day and a week, marks written by triggers.

The tables of revision 003 are made anew. What they held is derived from the runs again: every finished run is marked.
"""

from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from alembic import context, op

revision = "007_rollups"
down_revision = "006_work_items"
branch_labels = None
depends_on = None

DURATIONS = ("queue_seconds", "work_seconds", "llm_seconds")
FINDINGS = ("findings_critical", "findings_high", "findings_medium", "findings_low")
CRITERIA = ("criteria_passed", "criteria_failed", "criteria_undecided")
REMEDIATION = ("remediations", "fixes", "fixes_applied", "fixes_verified", "fixes_reverted", "fixes_failed")
JUDGE_COUNTS = ("opinions", "abstentions", "compared", "agreed", "vetoes", "calls")
JUDGE_SUMS = ("scores", "confidence_micro", "latency_ms", "prompt_tokens", "completion_tokens", "cost_nano")


def before() -> ModuleType:
    return context.script.get_revision("003_analytics_tables").module


def integers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in names]


def bigints(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in names]


def judges() -> list[sa.Column]:
    found = []
    for role in ("architect", "security", "user_proxy"):
        found += integers(*(f"{role}_{name}" for name in JUDGE_COUNTS))
        found += bigints(*(f"{role}_{name}" for name in JUDGE_SUMS))
    return found


def moment(name: str, *, now: bool = False) -> sa.Column:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=False)


def upgrade() -> None:
    op.add_column("runs", sa.Column("files_seen", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("files_total", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("analyzers", pg.JSONB(), nullable=True))
    op.execute(
        "UPDATE runs r SET files_seen = m.files_seen, files_total = m.files_total"
        " FROM analytics_run_metrics m WHERE m.run_id = r.id AND r.verdict <> 'ERROR'"
    )
    before().downgrade()
    op.add_column(
        "criterion_results", sa.Column("vetoed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.execute(VETOED)
    op.create_index("criteria_key_idx", "criteria", ["key"], unique=False)
    metrics()
    op.create_table(
        "analytics_dirty_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=True),
        moment("created_at", now=True),
        sa.CheckConstraint(
            "num_nonnulls(run_id, hour) = 1",
            name=op.f("analytics_dirty_marks_subject_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_dirty_marks_pkey")),
    )
    for subject, present in (("runs", "run_id IS NOT NULL"), ("hours", "run_id IS NULL")):
        op.create_index(
            f"analytics_dirty_marks_{subject}_idx",
            "analytics_dirty_marks",
            ["id"],
            unique=False,
            postgresql_where=sa.text(present),
        )
    for name in ("analytics_hourly_buckets", "analytics_daily_rollups", "analytics_weekly_rollups"):
        buckets(name)
    op.create_table(
        "analytics_rule_performance",
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        moment("starts_at"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        *integers("passed", "failed", "undecided"),
        *bigints("findings"),
        sa.Column("broken_by", pg.ARRAY(sa.Uuid()), server_default=sa.text("'{}'::uuid[]"), nullable=False),
        moment("updated_at", now=True),
        sa.CheckConstraint("span IN ('hour', 'day', 'week')", name=op.f("analytics_rule_performance_span_check")),
        sa.CheckConstraint(
            "kind IN ('criterion', 'static', 'analyzer')", name=op.f("analytics_rule_performance_kind_check")
        ),
    )
    op.create_index(
        "analytics_rule_performance_key",
        "analytics_rule_performance",
        ["span", "repo_full_name", "starts_at", "kind", "rule"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "analytics_state",
        sa.Column("id", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        moment("changed_at", now=True),
        sa.Column("days_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("weeks_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("analytics_state_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("analytics_state_pkey")),
    )
    op.execute("INSERT INTO analytics_state DEFAULT VALUES")
    op.execute(RUN_RULES)
    for statement in TRIGGERS:
        op.execute(statement)
    op.execute("INSERT INTO analytics_dirty_marks (run_id) SELECT id FROM runs WHERE verdict IS NOT NULL")


def metrics() -> None:
    op.create_table(
        "analytics_run_metrics",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("tribunal", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        moment("created_at"),
        moment("finished_at"),
        *(sa.Column(name, sa.Double(), server_default="0", nullable=False) for name in DURATIONS),
        *integers("llm_calls", "llm_calls_reused"),
        *bigints("prompt_tokens", "completion_tokens"),
        sa.Column("cost_usd", sa.Numeric(precision=18, scale=9), server_default="0", nullable=False),
        *integers(*FINDINGS, *CRITERIA, "files_seen", "files_total", *REMEDIATION),
        *judges(),
        sa.Column("usage", pg.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("rules", pg.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "judges", pg.JSONB(), nullable=True, comment="written by workers of the revision before, and not read"
        ),
        sa.CheckConstraint("mode IN ('full', 'diff')", name=op.f("analytics_run_metrics_mode_check")),
        sa.CheckConstraint("tribunal IN ('static', 'llm')", name=op.f("analytics_run_metrics_tribunal_check")),
        sa.CheckConstraint(
            "verdict IN ('PASS', 'FAIL', 'VETO', 'PARTIAL', 'ERROR')",
            name=op.f("analytics_run_metrics_verdict_check"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("analytics_run_metrics_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("analytics_run_metrics_pkey")),
    )
    op.create_index("analytics_run_metrics_finished_idx", "analytics_run_metrics", ["finished_at"], unique=False)
    op.create_index(
        "analytics_run_metrics_repo_finished_idx",
        "analytics_run_metrics",
        [sa.text("COALESCE(repo_full_name, ''::text)"), "finished_at"],
        unique=False,
    )


def buckets(name: str) -> None:
    op.create_table(
        name,
        sa.Column("repo_full_name", sa.Text(), nullable=True),
        moment("starts_at"),
        *integers("runs", "passed", "failed", "vetoed", "partial", "errors", "llm_runs", "diff_runs", "attempts"),
        *integers("scored"),
        *bigints("scores", "queue_us", "work_us", "llm_us"),
        *integers("llm_calls", "llm_calls_reused"),
        *bigints("prompt_tokens", "completion_tokens", "cost_nano"),
        *bigints(*FINDINGS),
        *integers(*CRITERIA),
        *bigints("files_seen", "files_total"),
        *integers(*REMEDIATION),
        *judges(),
        sa.Column("histogram", pg.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'::bigint[]"), nullable=False),
        moment("updated_at", now=True),
    )
    op.create_index(
        f"{name}_key", name, ["repo_full_name", "starts_at"], unique=True, postgresql_nulls_not_distinct=True
    )
    op.create_index(
        f"{name}_starts_at_idx",
        name,
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("repo_full_name IS NOT NULL"),
    )


# Verdicts from before there was the column: the security judge's last word, with the confidence that is the default.
VETOED = """
UPDATE criterion_results c SET vetoed = true
FROM (
    SELECT DISTINCT ON (o.run_id, o.key) o.run_id, o.key, o.vote, o.confidence, o.evidence
    FROM opinions o JOIN runs r ON r.id = o.run_id AND r.verdict = 'VETO'
    WHERE o.role = 'security' ORDER BY o.run_id, o.key, o.round DESC
) o
WHERE o.run_id = c.run_id AND o.key = c.key AND c.outcome <> 'PASS' AND o.vote = 'FAIL' AND o.confidence >= 0.8
    AND o.evidence @> '[{"verified": true}]'
"""

# What each run says of each rule. A static rule is known by its findings alone: how often it was kept is what its
# analyzer says of the other runs. So `passed` and `undecided` of a broken one say whether its analyzer did all its work
# in that run, to be taken from the analyzer's own.
RUN_RULES = """
CREATE VIEW analytics_run_rules AS
SELECT m.run_id, coalesce(m.repo_full_name, '') AS repo, m.finished_at, told.kind, told.rule,
    (told.said IN ('PASS', 'true') OR told.analyzer = 'true')::int AS passed,
    (told.said IN ('FAIL', 'false') OR told.kind = 'static')::int AS failed,
    (told.said = 'UNDECIDED' OR told.analyzer = 'false')::int AS undecided,
    CASE told.kind WHEN 'static' THEN told.said::bigint ELSE 0 END AS findings
FROM analytics_run_metrics m
CROSS JOIN jsonb_each_text(m.rules) AS entry (name, said)
CROSS JOIN LATERAL (
    SELECT split_part(entry.name, ':', 1) AS kind, substr(entry.name, strpos(entry.name, ':') + 1) AS rule, entry.said,
        CASE WHEN entry.name LIKE 'static:%' THEN coalesce(m.rules->>('analyzer:' || split_part(entry.name, ':', 2)), '')
            ELSE '' END AS analyzer
) AS told
"""

# What a run's row says of it that is counted. In one place, as the trigger compares the old with the new.
COUNTED = (
    "repo_full_name, branch, labels, mode, tribunal, verdict, score, attempt, created_at, started_at, finished_at,"
    " files_seen, files_total, analyzers"
)
OLD, NEW = (", ".join(f"{row}.{name.strip()}" for name in COUNTED.split(",")) for row in ("OLD", "NEW"))

# What a run leaves, and its metrics are made from.
LEFT_BY_RUNS = ("criterion_results", "opinions", "findings", "llm_uses")

# A run's metrics are written in the verdict's transaction. Whoever finishes a run without them, corrects it, or adds
# to its cost afterwards, leaves a mark; and so does whoever changes or deletes the metrics of a run.
TRIGGERS = (
    """
    CREATE FUNCTION analytics_mark_bucket() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO analytics_dirty_marks (repo_full_name, hour)
            VALUES (coalesce(OLD.repo_full_name, ''), date_trunc('hour', OLD.finished_at, 'UTC'));
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO analytics_dirty_marks (repo_full_name, hour)
            VALUES (coalesce(NEW.repo_full_name, ''), date_trunc('hour', NEW.finished_at, 'UTC'));
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER analytics_mark_bucket AFTER INSERT OR UPDATE OR DELETE ON analytics_run_metrics
    FOR EACH ROW EXECUTE FUNCTION analytics_mark_bucket()
    """,
    """
    CREATE FUNCTION analytics_mark_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO analytics_dirty_marks (run_id) VALUES (NEW.id);
        RETURN NULL;
    END
    $$
    """,
    f"""
    CREATE TRIGGER analytics_corrected AFTER UPDATE ON runs FOR EACH ROW
    WHEN (OLD.verdict IS NOT NULL AND ({OLD}) IS DISTINCT FROM ({NEW})) EXECUTE FUNCTION analytics_mark_run()
    """,
    """
    CREATE FUNCTION analytics_mark_unmeasured() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO analytics_dirty_marks (run_id)
        SELECT NEW.id WHERE NOT EXISTS (SELECT FROM analytics_run_metrics WHERE run_id = NEW.id);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE CONSTRAINT TRIGGER analytics_finished AFTER UPDATE ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.verdict IS NULL AND NEW.verdict IS NOT NULL) EXECUTE FUNCTION analytics_mark_unmeasured()
    """,
    """
    CREATE CONSTRAINT TRIGGER analytics_arrived AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.verdict IS NOT NULL) EXECUTE FUNCTION analytics_mark_unmeasured()
    """,
    """
    CREATE FUNCTION analytics_mark_measured(p_run uuid) RETURNS void LANGUAGE sql AS $$
        INSERT INTO analytics_dirty_marks (run_id) SELECT run_id FROM analytics_run_metrics WHERE run_id = p_run
    $$
    """,
    """
    CREATE FUNCTION analytics_mark_spender() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM analytics_mark_measured(NEW.run_id);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER analytics_settled AFTER UPDATE ON llm_calls FOR EACH ROW
    WHEN (NEW.run_id IS NOT NULL AND NEW.state <> 'reserved') EXECUTE FUNCTION analytics_mark_spender()
    """,
    """
    CREATE FUNCTION analytics_mark_altered() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO analytics_dirty_marks (run_id)
        SELECT DISTINCT m.run_id FROM altered a JOIN analytics_run_metrics m ON m.run_id = a.run_id;
        RETURN NULL;
    END
    $$
    """,
    *(
        f"""
        CREATE TRIGGER analytics_{action.lower()}d AFTER {action} ON {table} REFERENCING OLD TABLE AS altered
        FOR EACH STATEMENT EXECUTE FUNCTION analytics_mark_altered()
        """
        for table in LEFT_BY_RUNS
        for action in ("UPDATE", "DELETE")
    ),
    """
    CREATE FUNCTION analytics_mark_remediated() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        v_row record := coalesce(NEW, OLD);
    BEGIN
        IF TG_TABLE_NAME = 'remediation_runs' THEN
            PERFORM analytics_mark_measured(v_row.run_id);
        ELSE
            PERFORM analytics_mark_measured(r.run_id) FROM remediation_runs r WHERE r.id = v_row.remediation_run_id;
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER analytics_remediated AFTER INSERT OR DELETE ON remediation_runs
    FOR EACH ROW EXECUTE FUNCTION analytics_mark_remediated()
    """,
    """
    CREATE TRIGGER analytics_remediated AFTER INSERT OR DELETE OR UPDATE OF status ON remediation_fixes
    FOR EACH ROW EXECUTE FUNCTION analytics_mark_remediated()
    """,
)


def downgrade() -> None:
    for table, trigger in (
        *((table, f"analytics_{action}d") for table in LEFT_BY_RUNS for action in ("update", "delete")),
        ("remediation_fixes", "analytics_remediated"),
        ("remediation_runs", "analytics_remediated"),
        ("llm_calls", "analytics_settled"),
        ("runs", "analytics_arrived"),
        ("runs", "analytics_finished"),
        ("runs", "analytics_corrected"),
        ("analytics_run_metrics", "analytics_mark_bucket"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in (
        "analytics_mark_remediated()",
        "analytics_mark_altered()",
        "analytics_mark_spender()",
        "analytics_mark_measured(uuid)",
        "analytics_mark_unmeasured()",
        "analytics_mark_run()",
        "analytics_mark_bucket()",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW analytics_run_rules")
    for table in (
        "analytics_state",
        "analytics_rule_performance",
        "analytics_weekly_rollups",
        "analytics_daily_rollups",
        "analytics_hourly_buckets",
        "analytics_dirty_marks",
        "analytics_run_metrics",
    ):
        op.drop_table(table)
    op.drop_index("criteria_key_idx", table_name="criteria")
    op.drop_column("criterion_results", "vetoed")
    for column in ("analyzers", "files_total", "files_seen"):
        op.drop_column("runs", column)
    before().upgrade()
