"""What dashboards read: one row per finished run, and buckets of an hour, a day and a week that are sums of them.

The measures are those of worker.core.analytics.measures, so the tables are made from that list. In the buckets
`repo_full_name` is null for all repositories together and '' for the runs without one; in a run's metrics it is null
for those, as in `runs`.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Double

from worker.core.analytics import measures
from worker.core.models.base import Base, one_of
from worker.core.vocabulary import RunMode, TribunalMode, Verdict

_MOMENT = DateTime(timezone=True)


def _count(name: str, wide: bool = False) -> Column[Any]:
    return Column(name, BigInteger if wide else Integer, nullable=False, server_default="0")


# Written in the verdict's transaction. Durations in seconds; `usage`: calls, tokens and cost by role and model;
# `rules`: under `criterion:…` its outcome, under `static:…` the findings, under `analyzer:…` whether it did its work.
run_metrics = Table(
    "analytics_run_metrics",
    Base.metadata,
    # No reference: a run that is removed when it is old stays in the figures.
    Column("run_id", Uuid, primary_key=True),
    Column("repo_full_name", Text),
    Column("branch", Text),
    Column("event", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("tribunal", Text),
    Column("verdict", Text, nullable=False),
    Column("score", Double),
    Column("attempts", Integer, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("finished_at", _MOMENT, nullable=False),
    *(
        Column(f"{duration.name}_seconds", Double, nullable=False, server_default="0")
        for duration in measures.DURATIONS
    ),
    *(_count(name) for name in measures.CALLS),
    *(_count(name, wide=True) for name in measures.TOKENS),
    Column("cost_usd", Numeric(18, 9), nullable=False, server_default="0"),
    *(_count(name) for name in (*measures.FINDINGS.values(), *measures.CRITERIA, *measures.FILES)),
    *(_count(name) for name in measures.REMEDIATION),
    *(_count(name, wide) for name, wide in measures.judge_columns()),
    Column("usage", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("rules", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("judges", JSONB, comment="written by workers of the revision before, and not read"),
    one_of("verdict", Verdict),
    one_of("mode", RunMode),
    one_of("tribunal", TribunalMode),
    Index("analytics_run_metrics_repo_finished_idx", text("COALESCE(repo_full_name, ''::text)"), "finished_at"),
    Index("analytics_run_metrics_finished_idx", "finished_at"),
)

# «This repository's hour must be computed again», or «this run's metrics must». Append-only: a mark is deleted by the
# one who saw it, and by nobody else. Triggers write them.
dirty_marks = Table(
    "analytics_dirty_marks",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", Uuid),
    Column("repo_full_name", Text),
    Column("hour", _MOMENT),
    Column("created_at", _MOMENT, nullable=False, server_default=func.now()),
    CheckConstraint("num_nonnulls(run_id, hour) = 1", name="subject"),
    Index("analytics_dirty_marks_runs_idx", "id", postgresql_where=text("run_id IS NOT NULL")),
    Index("analytics_dirty_marks_hours_idx", "id", postgresql_where=text("run_id IS NULL")),
)


def _buckets(name: str) -> Table:
    return Table(
        name,
        Base.metadata,
        Column("repo_full_name", Text),
        Column("starts_at", _MOMENT, nullable=False),
        *(_count(measure.name, measure.wide) for measure in measures.MEASURES),
        Column("histogram", ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]")),
        Column("updated_at", _MOMENT, nullable=False, server_default=func.now()),
        Index(f"{name}_key", "repo_full_name", "starts_at", unique=True, postgresql_nulls_not_distinct=True),
        # Not of all together: with them in it, the planner would look for them here.
        Index(f"{name}_starts_at_idx", "starts_at", postgresql_where=text("repo_full_name IS NOT NULL")),
    )


hourly_buckets = _buckets("analytics_hourly_buckets")
daily_rollups = _buckets("analytics_daily_rollups")
weekly_rollups = _buckets("analytics_weekly_rollups")

# How often a criterion was met, a static rule had findings, an analyzer did its work, as the view analytics_run_rules
# says it of each run; `broken_by` the last runs that failed it, the very last first, at most five.
rule_performance = Table(
    "analytics_rule_performance",
    Base.metadata,
    Column("span", Text, nullable=False),
    Column("repo_full_name", Text),
    Column("starts_at", _MOMENT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    *(_count(name) for name in ("passed", "failed", "undecided")),
    _count("findings", wide=True),
    Column("broken_by", ARRAY(Uuid), nullable=False, server_default=text("'{}'::uuid[]")),
    Column("updated_at", _MOMENT, nullable=False, server_default=func.now()),
    CheckConstraint("span IN ('hour', 'day', 'week')", name="span"),
    CheckConstraint("kind IN ('criterion', 'static', 'analyzer')", name="kind"),
    Index(
        "analytics_rule_performance_key",
        "span",
        "repo_full_name",
        "starts_at",
        "kind",
        "rule",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
)

# One row. `version` changes with every change of a bucket. Days of rules are made before `days_until`, weeks of
# everything before `weeks_until`; a later one has not ended, or nobody came to it yet.
analytics_state = Table(
    "analytics_state",
    Base.metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("changed_at", _MOMENT, nullable=False, server_default=func.now()),
    Column("days_until", _MOMENT),
    Column("weeks_until", _MOMENT),
    Column("swept_at", _MOMENT),
    CheckConstraint("id = 1", name="single"),
)
