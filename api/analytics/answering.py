"""How a question about a period is answered: from one snapshot of the database, with an ETag, as JSON or as CSV.

The ETag names the question and the version of the buckets, which changes whenever one of them does. A client that has
the answer already is told so before anything is computed. `Server-Timing` says how many milliseconds the database took.
"""

import csv
import hashlib
import io
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field
from sqlalchemy import exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from api import access
from api.analytics.period import Bucket, Period, PeriodQuery, resolve
from api.analytics.sums import Scope
from api.auth import Principal
from api.http import errors
from api.http.conditional import matches
from api.http.routing import Answer, Call
from worker.core.models import RepoConnection, Run
from worker.core.version import VERSION

CSV = "text/csv"
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, X-API-Token, X-CVA-User"}
PROBLEMS = (errors.NotFound,)

Q = TypeVar("Q", bound=PeriodQuery)


class Asked(BaseModel):
    """What the answer is about: [start, end), by the buckets as they were at `as_of`."""

    start: datetime
    end: datetime
    tz: str
    bucket: Bucket
    repo: str | None
    as_of: datetime = Field(description="when the buckets last changed")


class Report(BaseModel):
    """An answer. As CSV it is what `rows` gives."""

    period: Asked

    def rows(self) -> Iterable[Mapping[str, Any]]:
        """One table; nested names are joined by dots."""
        raise NotImplementedError

    def columns(self) -> list[str]:
        """The table's columns, whatever there is to be told. Without any, they are those of the rows."""
        return []


class ListReport(Report):
    next_cursor: str | None


R = TypeVar("R", bound=Report)


class Asking(Generic[Q]):
    """A question within its transaction. `asked` is what the answer says of it."""

    def __init__(self, query: Q, scope: Scope, as_of: datetime) -> None:
        self.query = query
        self.scope = scope
        period = scope.period
        self.asked = Asked(
            start=period.start.astimezone(period.zone),
            end=period.end.astimezone(period.zone),
            tz=period.zone_name,
            bucket=period.bucket,
            repo=scope.repo,
            as_of=as_of.astimezone(period.zone),
        )

    @property
    def zone(self) -> tzinfo:
        return self.scope.period.zone


def answers(model: type[BaseModel]) -> Mapping[int, Answer]:
    """What an endpoint here may answer."""
    return {
        200: Answer(
            model,
            also=(CSV,),
            headers={
                "ETag": "names the question and the state of the buckets",
                "Link": "with rel=next, where the next page of a list is",
                "Server-Timing": "milliseconds that the database took",
            },
        ),
        304: Answer(description="The answer with this ETag is still the right one"),
    }


# Planning a statement for the very pieces of a question takes longer than carrying it out, and comes to the same.
_STATE = text(
    "SELECT version, changed_at, days_until, weeks_until, clock_timestamp() AS now,"
    " set_config('plan_cache_mode', 'force_generic_plan', true) FROM analytics_state"
)
_IS_KNOWN = text(
    """
    SELECT EXISTS (SELECT FROM analytics_daily_rollups WHERE repo_full_name = :repo)
        OR EXISTS (SELECT FROM repo_connections WHERE full_name = :repo AND removed_at IS NULL)
    """
)


async def _is_known(session: AsyncSession, principal: Principal, repo: str) -> bool:
    """Whether one may know of a repository of that name: it is connected, or a run had it."""
    if principal.is_admin:
        return bool(await session.scalar(_IS_KNOWN, {"repo": repo}))
    run = access.newest_runs(principal, [Run.repo_full_name == repo], 1).exists()
    connected = exists().where(RepoConnection.full_name == repo, access.repositories(principal))
    return bool(await session.scalar(select(run | connected)))


async def answer(call: Call, query: Q, build: Callable[[Asking[Q]], Awaitable[R]], *, live: bool = False) -> Response:
    """What `build` says of the period. `live`: it tells of this moment too, so nothing can be known without asking.

    To an administrator of all runs; to everybody else of those that they may see, which no version of the buckets
    tells. Raises InvalidRequest, NotFound.
    """
    reader = None if call.principal.is_admin else call.principal.name
    live = live or reader is not None
    as_csv = wants_csv(call.request)
    async with call.state.db.snapshot() as (session, stopwatch):
        state = (await session.execute(_STATE)).one()
        period = resolve(query, state.now)
        if query.repo is not None and not await _is_known(session, call.principal, query.repo):
            raise errors.NotFound("There is no such repository: none is connected by that name, and no run had it.")
        etag = _etag(call.request, query, period, version=(state.version, state.changed_at), as_csv=as_csv)
        headers = {**_HEADERS, "ETag": etag}
        if not live and matches(call.request, etag):
            return Response(status_code=304, headers=headers)
        scope = Scope(session, period, query.repo, reader, state.days_until, state.weeks_until)
        found = await build(Asking(query, scope, state.changed_at))
    headers["Server-Timing"] = f"db;dur={stopwatch.seconds * 1000:.1f}"
    if isinstance(found, ListReport) and found.next_cursor is not None:
        following = call.request.url.include_query_params(cursor=found.next_cursor)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    body = as_table(found.rows(), found.columns()) if as_csv else found.model_dump_json()
    if live:
        etag = headers["ETag"] = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:20]}"'
        if matches(call.request, etag):
            return Response(status_code=304, headers=headers)
    return Response(body, media_type=f"{CSV}; charset=utf-8" if as_csv else "application/json", headers=headers)


def _etag(request: Request, query: PeriodQuery, period: Period, *, version: tuple[int, datetime], as_csv: bool) -> str:
    """Weak: the same figures may be written in another way by another release.

    Numbers of versions begin anew in a database that was restored, so the moment of the change is part of it.
    """
    number, changed_at = version
    question = [
        VERSION,
        changed_at.isoformat(),
        request.url.path,
        as_csv,
        period.start.isoformat(),
        period.end.isoformat(),
        query.model_dump(mode="json", exclude={"start", "end"}),
    ]
    digest = hashlib.sha256(json.dumps(question).encode()).hexdigest()[:20]
    return f'W/"{number}-{digest}"'


def wants_csv(request: Request) -> bool:
    """Whether the client likes CSV better than JSON (RFC 9110, section 12.5.1)."""
    accepted = request.headers.get("accept", "")
    return _quality(accepted, "text", "csv") > _quality(accepted, "application", "json")


def _quality(accepted: str, kind: str, subtype: str) -> float:
    """What `Accept` says of a media type; the most specific range counts."""
    best, found = -1, 0.0
    for part in accepted.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        try:
            specificity = ("*/*", f"{kind}/*", f"{kind}/{subtype}").index(media_range)
        except ValueError:
            continue
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if specificity > best:
            best, found = specificity, weight
    return found


def columns_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """The columns of a model's values; lists in it are left out."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        nested = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
        if get_origin(field.annotation) is list:
            continue
        found += [f"{prefix}{name}"] if nested is None else columns_of(nested, f"{prefix}{name}.")
    return found


def as_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """CSV (RFC 4180) with a header line. What a spreadsheet would take for a formula gets a quote before it (OWASP,
    «CSV Injection»).
    """
    flat = [_flat(row) for row in rows]
    names = columns or list(dict.fromkeys(name for row in flat for name in row))
    output = io.StringIO()
    writer = csv.DictWriter(output, names, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(flat)
    return output.getvalue()


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{key}.")
        elif not isinstance(value, list):
            found[key] = _harmless(value)
    return found


def _harmless(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
