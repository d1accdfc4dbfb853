"""GET /api/analytics/repos: each repository's period, those with the most runs first."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import TextClause, text
from starlette.responses import Response

from api.analytics import figures
from api.analytics.answering import PROBLEMS, Asking, ListReport, answer, answers, columns_of
from api.analytics.period import PeriodQuery
from api.analytics.sums import REPO_OF_RUN, VALUES, Of, Scope, in_buckets, in_runs, unit_parameters
from api.http.pagination import decode_name, encode_name
from api.http.routing import Call, Operations
from worker.core.analytics import measures
from worker.core.vocabulary import Scope as TokenScope
from worker.core.vocabulary import Verdict

operations = Operations("analytics")
SPARKS = 14
_NAMES = (
    "runs",
    *measures.VERDICTS.values(),
    "scored",
    "scores",
    "queue_us",
    "work_us",
    "cost_nano",
    "findings_critical",
    "findings_high",
)


class RepositoriesQuery(PeriodQuery):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(
        None, pattern=r"^[0-9]{1,12}-([0-9a-f]{2}){0,2048}$", description="`next_cursor` of the page before"
    )


class LastRun(BaseModel):
    id: uuid.UUID
    verdict: Verdict
    branch: str | None
    finished_at: datetime


class Spark(BaseModel):
    """One bucket of a sparkline."""

    start: datetime
    runs: int
    passed: int


class Repository(BaseModel):
    """`repository` is null for the runs of uploads and files that belong to none."""

    repository: str | None
    runs: int
    verdicts: figures.Verdicts
    pass_rate: figures.Rate
    error_rate: figures.Rate
    score: figures.Mean
    queue_seconds: float | None
    work_seconds: float | None
    cost_usd: float
    findings_critical: int
    findings_high: int
    last_run: LastRun | None = Field(description="the newest that ended before `end`")
    sparkline: list[Spark] = Field(description=f"the last {SPARKS} buckets of the period")


class Repositories(ListReport):
    items: list[Repository]

    def columns(self) -> list[str]:
        return columns_of(Repository)

    def rows(self) -> Iterable[Mapping[str, Any]]:
        return (item.model_dump(exclude={"sparkline"}) for item in self.items)


def _parts(names: Sequence[str], which: str, of: Of) -> str:
    """Rows of each repository and piece; `which` says of {0}, a repository, whether it is wanted."""
    of_runs = ", ".join(f"{VALUES[name]} AS {name}" for name in names)
    of_buckets = ", ".join(f"b.{name}" for name in names)
    runs = in_runs("analytics_run_metrics", which.format(REPO_OF_RUN), of)
    parts = [f"SELECT {REPO_OF_RUN} AS repo, p.at, {of_runs} FROM {runs}"]
    parts += [
        f"SELECT b.repo_full_name, p.at, {of_buckets} FROM {in_buckets(unit, table, which.format('b.repo_full_name'))}"
        for unit, table in of.tables.items()
    ]
    return " UNION ALL ".join(parts)


@cache
def _ranking(of: Of) -> TextClause:
    which = "{0} = :repo" if of.repo else "{0} IS NOT NULL"
    return text(
        f"""
        SELECT * FROM (
            SELECT repo, {", ".join(f"sum({name})::bigint AS {name}" for name in _NAMES)}
            FROM ({_parts(_NAMES, which, of)}) AS found GROUP BY repo
        ) AS ranked
        WHERE CAST(:after_runs AS bigint) IS NULL OR runs < :after_runs
            OR runs = :after_runs AND repo COLLATE "C" > :after_repo
        ORDER BY runs DESC, repo COLLATE "C" LIMIT :limit
        """
    )


@cache
def _sparks(of: Of) -> TextClause:
    return text(
        f"""
        SELECT wanted.repo, at, sum(runs)::bigint AS runs, sum(passed)::bigint AS passed
        FROM unnest(CAST(:repos AS text[])) AS wanted (repo)
        CROSS JOIN LATERAL ({_parts(("runs", "passed"), "{0} = wanted.repo", of)}) AS found
        GROUP BY wanted.repo, at
        """
    )


_LAST_RUNS = text(
    """
    SELECT wanted.repo, last.* FROM unnest(CAST(:repos AS text[])) AS wanted (repo) CROSS JOIN LATERAL (
        SELECT run_id AS id, verdict, branch, finished_at FROM analytics_run_metrics m
        WHERE coalesce(m.repo_full_name, '') = wanted.repo AND finished_at < :end
        ORDER BY coalesce(m.repo_full_name, ''), finished_at DESC LIMIT 1
    ) AS last
    """
)
_LAST_SEEN_RUNS = text(
    f"""
    SELECT DISTINCT ON (1) {REPO_OF_RUN} AS repo, m.run_id AS id, m.verdict, m.branch, m.finished_at
    FROM {in_runs("analytics_run_metrics", f"{REPO_OF_RUN} = ANY(:repos)", Of(repo=False, reader=True))}
    ORDER BY 1, m.finished_at DESC
    """
)
_EVER = datetime(1, 1, 1, tzinfo=UTC)


@operations.add(
    "GET", "/api/analytics/repos", scope=TokenScope.RUNS_READ, answers=answers(Repositories), problems=PROBLEMS
)
async def analytics_repos(call: Call, query: RepositoriesQuery) -> Response:
    """Repositories by their runs, with a sparkline and the last run of each"""
    return await answer(call, query, _build)


async def _build(asking: Asking[RepositoriesQuery]) -> Repositories:
    scope, query = asking.scope, asking.query
    values: dict[str, Any] = {
        **unit_parameters(scope.pieces([(scope.period.start, scope.period.end)])),
        "after_runs": None,
        "after_repo": "",
        "limit": query.limit + 1,
    }
    if query.cursor is not None:
        runs, _, name = query.cursor.partition("-")
        values |= {"after_runs": int(runs), "after_repo": decode_name(name)}
    rows = (await scope.session.execute(_ranking(scope.of), {**values, **scope.parameters})).mappings().all()
    page = rows[: query.limit]
    repos = [row["repo"] for row in page]
    sparklines = await _sparklines(asking, repos)
    last_runs = await _last_runs(scope, repos)
    items = [_item(dict(row), sparklines[row["repo"]], last_runs.get(row["repo"])) for row in page]
    cursor = f"{page[-1]['runs']}-{encode_name(page[-1]['repo'])}" if len(rows) > len(page) else None
    return Repositories(period=asking.asked, items=items, next_cursor=cursor)


async def _last_runs(scope: Scope, repos: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    end = scope.period.end
    if scope.reader is None:
        rows = await scope.session.execute(_LAST_RUNS, {"repos": repos, "end": end})
    else:
        before = unit_parameters(scope.pieces([(_EVER, end)]))
        rows = await scope.session.execute(_LAST_SEEN_RUNS, {**before, **scope.parameters, "repos": repos})
    return {row["repo"]: dict(row) for row in rows.mappings()}


def _item(found: Mapping[str, Any], sparkline: list[Spark], last: Mapping[str, Any] | None) -> Repository:
    return Repository(
        repository=found["repo"] or None,
        runs=found["runs"],
        verdicts=figures.verdicts(found),
        pass_rate=figures.pass_rate(found),
        error_rate=figures.rate(found["errors"], found["runs"]),
        score=figures.score(found),
        queue_seconds=figures.seconds(found, "queue").mean,
        work_seconds=figures.seconds(found, "work").mean,
        cost_usd=found["cost_nano"] / measures.NANO,
        findings_critical=found["findings_critical"],
        findings_high=found["findings_high"],
        last_run=None if last is None else LastRun(**{name: last[name] for name in LastRun.model_fields}),
        sparkline=sparkline,
    )


async def _sparklines(asking: Asking[RepositoriesQuery], repos: Sequence[str]) -> dict[str, list[Spark]]:
    scope: Scope = asking.scope
    intervals = scope.period.buckets[-SPARKS:]
    values: dict[str, Any] = {**unit_parameters(scope.pieces(intervals)), **scope.parameters, "repos": list(repos)}
    found = {(row.repo, row.at): row for row in await scope.session.execute(_sparks(scope.of), values)}

    def spark(repo: str, place: int, start: datetime) -> Spark:
        row = found.get((repo, place))
        return Spark(start=start.astimezone(asking.zone), runs=row.runs if row else 0, passed=row.passed if row else 0)

    return {repo: [spark(repo, place, start) for place, (start, _) in enumerate(intervals)] for repo in repos}
