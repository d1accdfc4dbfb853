"""GET /api/analytics/rules: how often each criterion and static rule is kept, and which runs broke it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Row, TextClause, text
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, ListReport, answer, answers, columns_of
from api.analytics.period import PeriodQuery
from api.analytics.sums import Interval, Of, buckets_of, in_buckets, in_runs, unit_parameters
from api.http.pagination import decode_name, encode_name
from api.http.routing import Call, Operations
from worker.core.analytics.measures import KEPT_RUNS
from worker.core.vocabulary import Scope

operations = Operations("analytics")
# In a zone whose days are not UTC's, those of a single repository are read run by run.
SPARKS = 7

Kind = Literal["criterion", "static"]


class RulesQuery(PeriodQuery):
    kind: Kind | None = None
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(
        None,
        pattern=r"^[0-9]{1,12}-(criterion|static)-([0-9a-f]{2}){0,2048}$",
        description="`next_cursor` of the page before",
    )


class RuleFigures(BaseModel):
    """`pass_rate` is of the runs in which it was decided."""

    passed: int
    failed: int
    undecided: int
    pass_rate: figures.Rate


class RuleSpark(BaseModel):
    start: datetime
    passed: int
    failed: int


class BrokenBy(BaseModel):
    run_id: uuid.UUID
    repository: str | None
    branch: str | None
    finished_at: datetime


class Rule(BaseModel):
    """A static rule is kept by a run whose analyzer did its work and found nothing."""

    kind: Kind
    rule: str
    statement: str | None = Field(description="the criterion's newest wording")
    current: RuleFigures
    previous: RuleFigures
    findings: int
    trend: list[RuleSpark] = Field(description=f"the last {SPARKS} buckets of the period")
    broken_by: list[BrokenBy] = Field(description="the last runs that broke it, the very last first")


class Rules(ListReport):
    """Those that were broken most often first."""

    items: list[Rule]

    def columns(self) -> list[str]:
        return [*columns_of(Rule), "last_broken_by"]

    def rows(self) -> Iterable[Mapping[str, Any]]:
        for item in self.items:
            newest = item.broken_by[0].run_id if item.broken_by else None
            yield {**item.model_dump(exclude={"trend", "broken_by"}), "last_broken_by": newest}


def _parts(columns: str, of_run: str, of: Of) -> str:
    """Rows of rules and pieces: `columns` of a bucket's, `of_run` of a single run's."""
    runs = in_runs("analytics_run_rules", "m.repo = :repo" if of.repo else "true", of)
    parts = [f"SELECT p.at, m.kind, m.rule, {of_run} FROM {runs}"]
    for unit in of.tables:
        buckets = in_buckets(unit, "analytics_rule_performance", f"b.span = '{unit}' AND {buckets_of(of)}")
        parts.append(f"SELECT p.at, b.kind, b.rule, {columns} FROM {buckets}")
    return " UNION ALL ".join(parts)


@cache
def _ranking(of: Of) -> TextClause:
    """The rules of a page, those that were broken most often first."""
    return text(
        f"""
        SELECT kind, rule, failed FROM (
            SELECT kind, rule, sum(failed)::bigint AS failed
            FROM ({_parts("b.failed", "m.failed", of)}) AS found
            WHERE kind <> 'analyzer' AND (CAST(:kind AS text) IS NULL OR kind = :kind)
            GROUP BY kind, rule
        ) AS ranked
        WHERE CAST(:after_failed AS bigint) IS NULL OR failed < :after_failed
            OR failed = :after_failed AND (kind, rule COLLATE "C") > (:after_kind, :after_rule)
        ORDER BY failed DESC, kind, rule COLLATE "C" LIMIT :limit
        """
    )


_FIGURES = ("passed", "failed", "undecided", "findings")
_WANTED = "JOIN unnest(CAST(:kinds AS text[]), CAST(:rules AS text[])) AS wanted (kind, rule) USING (kind, rule)"


@cache
def _figures(of: Of) -> TextClause:
    columns, of_run = (", ".join(f"{row}.{name}" for name in _FIGURES) for row in "bm")
    summed = ", ".join(f"sum({name})::bigint AS {name}" for name in _FIGURES)
    return text(
        f"SELECT at, kind, rule, {summed} FROM ({_parts(columns, of_run, of)}) AS found {_WANTED}"
        " GROUP BY at, kind, rule"
    )


@cache
def _broken_by(of: Of) -> TextClause:
    """The last runs of each rule's last buckets in which it was broken. They do not overlap, so these are the last."""
    of_run = "m.finished_at AS at_time, m.failed, ARRAY[m.run_id] AS broken_by"
    parts = _parts("b.starts_at, b.failed, b.broken_by", of_run, of)
    return text(
        f"""
        WITH last AS MATERIALIZED (
            SELECT * FROM (
                SELECT *, row_number() OVER (PARTITION BY kind, rule ORDER BY at_time DESC) AS bucket
                FROM ({parts}) AS found {_WANTED} WHERE failed > 0
            ) AS numbered WHERE bucket <= {KEPT_RUNS}
        )
        SELECT kind, rule, r.run_id, r.repo_full_name AS repository, r.branch, r.finished_at
        FROM (
            SELECT kind, rule, run_id, row_number() OVER (PARTITION BY kind, rule ORDER BY bucket, place) AS nth
            FROM last CROSS JOIN unnest(broken_by) WITH ORDINALITY AS broken (run_id, place)
        ) AS run CROSS JOIN LATERAL (
            SELECT * FROM analytics_run_metrics m WHERE m.run_id = run.run_id OFFSET 0
        ) AS r
        WHERE nth <= {KEPT_RUNS} ORDER BY kind, rule, nth
        """
    )


_STATEMENTS = text(
    """
    SELECT wanted.key, newest.statement FROM unnest(CAST(:keys AS text[])) AS wanted (key) CROSS JOIN LATERAL (
        SELECT statement FROM criteria c WHERE c.key = wanted.key ORDER BY created_at DESC, id DESC LIMIT 1
    ) AS newest
    """
)


@operations.add("GET", "/api/analytics/rules", scope=Scope.RUNS_READ, answers=answers(Rules), problems=PROBLEMS)
async def analytics_rules(call: Call, query: RulesQuery) -> Response:
    """Criteria and static rules by how often they were broken, and by which runs"""
    return await answer(call, query, _build)


async def _build(asking: Asking[RulesQuery]) -> Rules:
    scope, query = asking.scope, asking.query
    period = scope.period
    here: dict[str, Any] = unit_parameters(scope.pieces_of_rules([(period.start, period.end)])) | scope.parameters
    values = {"kind": query.kind, "limit": query.limit + 1, **_after(query.cursor)}
    rows = (await scope.session.execute(_ranking(scope.of), {**here, **values})).all()
    page = rows[: query.limit]
    rules = [(row.kind, row.rule) for row in page]
    sparks = period.buckets[-SPARKS:]
    raw = await _raw(asking, rules, [(period.start, period.end), period.before, *sparks])
    broken: dict[tuple[str, str], list[BrokenBy]] = {rule: [] for rule in rules}
    wanted = {"kinds": [kind for kind, _ in rules], "rules": [rule for _, rule in rules]}
    for row in await scope.session.execute(_broken_by(scope.of), {**here, **wanted}):
        broken[row.kind, row.rule].append(BrokenBy(**{name: row._mapping[name] for name in BrokenBy.model_fields}))
    keys = [rule for kind, rule in rules if kind == "criterion"]
    statements = {row.key: row.statement for row in await scope.session.execute(_STATEMENTS, {"keys": keys})}
    items = []
    for kind, rule in rules:
        current, previous, *trend = (raw.figures(place, kind, rule) for place in range(2 + len(sparks)))
        items.append(
            Rule(
                kind=kind,
                rule=rule,
                statement=statements.get(rule) if kind == "criterion" else None,
                current=current,
                previous=previous,
                findings=raw.findings(0, kind, rule),
                trend=[
                    RuleSpark(start=start.astimezone(asking.zone), passed=spark.passed, failed=spark.failed)
                    for (start, _), spark in zip(sparks, trend, strict=True)
                ],
                broken_by=broken[kind, rule],
            )
        )
    return Rules(period=asking.asked, items=items, next_cursor=_cursor(page[-1]) if len(rows) > len(page) else None)


def _after(cursor: str | None) -> dict[str, Any]:
    if cursor is None:
        return {"after_failed": None, "after_kind": "", "after_rule": ""}
    failed, kind, rule = cursor.split("-")
    return {"after_failed": int(failed), "after_kind": kind, "after_rule": decode_name(rule)}


def _cursor(row: Row[Any]) -> str:
    return f"{row.failed}-{row.kind}-{encode_name(row.rule)}"


class _Raw:
    """The stored figures of rules, per interval; what a static rule's passes are, is made from its analyzer's."""

    def __init__(self, rows: Iterable[Row[Any]]) -> None:
        self._rows = {(row.at, row.kind, row.rule): row for row in rows}

    def _of(self, place: int, kind: str, rule: str) -> tuple[int, int, int]:
        row = self._rows.get((place, kind, rule))
        return (row.passed, row.failed, row.undecided) if row else (0, 0, 0)

    def findings(self, place: int, kind: str, rule: str) -> int:
        row = self._rows.get((place, kind, rule))
        return row.findings if row else 0

    def figures(self, place: int, kind: str, rule: str) -> RuleFigures:
        passed, failed, undecided = self._of(place, kind, rule)
        if kind == "static":
            # Broken in `passed` runs whose analyzer did all its work, and in `undecided` ones where it did not.
            complete, incomplete, _ = self._of(place, "analyzer", rule.partition(":")[0])
            passed, undecided = complete - passed, incomplete - undecided
        return RuleFigures(
            passed=passed, failed=failed, undecided=undecided, pass_rate=figures.rate(passed, passed + failed)
        )


async def _raw(asking: Asking[RulesQuery], rules: Sequence[tuple[str, str]], intervals: Sequence[Interval]) -> _Raw:
    scope = asking.scope
    analyzers = {("analyzer", rule.partition(":")[0]) for kind, rule in rules if kind == "static"}
    wanted = [*rules, *sorted(analyzers)]
    values: dict[str, Any] = unit_parameters(scope.pieces_of_rules(intervals))
    values |= {"kinds": [kind for kind, _ in wanted], "rules": [rule for _, rule in wanted]}
    return _Raw((await scope.session.execute(_figures(scope.of), {**values, **scope.parameters})).all())
