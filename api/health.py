"""Is it alive, can it work, what is it, and its figures."""

import asyncio
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response

from api.auth import authenticate
from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.db import migrate
from worker.core.db.database import is_unavailable
from worker.core.version import VERSION
from worker.core.vocabulary import Scope

operations = Operations("service")

_SECONDS = 3.0


class Code(StrEnum):
    """`unavailable`: it may be by itself again; `unprepared`: somebody has to do something."""

    READY = "ready"
    UNAVAILABLE = "unavailable"
    UNPREPARED = "unprepared"


class Health(BaseModel):
    status: str
    version: str


class Info(BaseModel):
    name: str
    version: str
    docs: str | None


class Readiness(BaseModel):
    """`checks` says of the database, the migrations and the queue `ok` or what is wrong, to who has a token."""

    ready: bool
    code: Code
    checks: dict[str, str] | None = None


@operations.add("GET", "/health", scope=None, answers={200: Answer(Health)})
async def health(call: Call) -> Response:
    """Liveness: 200 once it serves"""
    return json_response(Health(status="ok", version=VERSION))


@operations.add(
    "GET",
    "/ready",
    scope=None,
    answers={200: Answer(Readiness), 503: Answer(Readiness, description="It cannot work, and why")},
)
async def ready(call: Call) -> Response:
    """Readiness: 200 when database, migrations and queue are in order, 503 otherwise; with a token, why"""
    checks = await _checks(call)
    found = Readiness(ready=all(value == "ok" for value in checks.values()), code=_code(checks))
    if await _is_known(call):
        found.checks = checks
    return Response(
        found.model_dump_json(exclude_none=True), 200 if found.ready else 503, media_type="application/json"
    )


def _code(checks: dict[str, str]) -> Code:
    if checks["database"] != "ok":
        return Code.UNAVAILABLE
    return Code.READY if all(value == "ok" for value in checks.values()) else Code.UNPREPARED


async def _is_known(call: Call) -> bool:
    """Whether the caller has a token that is valid, as far as that can be known without a database."""
    try:
        async with asyncio.timeout(_SECONDS):
            await authenticate(call.request, settings=call.state.settings, db=call.state.db)
    except errors.Problem:
        return False
    except Exception as error:
        if isinstance(error, TimeoutError) or is_unavailable(error):
            return False
        raise
    return True


async def _checks(call: Call) -> dict[str, str]:
    # Reads the revisions, the first time.
    await asyncio.to_thread(migrate.head)
    try:
        async with asyncio.timeout(_SECONDS), call.state.db.transaction() as session:
            row = (
                await session.execute(
                    text(
                        "SELECT to_regclass('schema_migrations') IS NOT NULL AS migrated,"
                        " to_regclass('procrastinate_jobs') IS NOT NULL AS queue"
                    )
                )
            ).one()
            at: Any = await session.scalar(text("SELECT version_num FROM schema_migrations")) if row.migrated else None
    except Exception as error:
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        return {"database": f"does not answer: {why}", "migrations": "unknown", "queue": "unknown"}
    return {
        "database": "ok",
        "migrations": "ok" if migrate.serves(at) else migrate.missing(at),
        "queue": "ok" if row.queue else "its tables are missing; they come with the migrations",
    }


@operations.add("GET", "/", scope=Scope.RUNS_READ, answers={200: Answer(Info)})
async def info(call: Call) -> Response:
    """Name and version"""
    docs = None if call.state.settings.deployed else "/docs"
    return json_response(Info(name="CVA API", version=VERSION, docs=docs))


@operations.add(
    "GET",
    "/metrics",
    scope=Scope.ADMIN,
    answers={200: Answer(media_type="text/plain")},
    problems=(errors.Unavailable,),
)
async def metrics(call: Call) -> Response:
    """Prometheus metrics"""
    await call.state.exposition.read(call.state.db)
    content, media_type = await call.state.metrics.render(call.state.db, call.state.hub.streams)
    return Response(content, headers={"Content-Type": media_type})
