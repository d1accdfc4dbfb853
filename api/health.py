"""Is it alive, can it work, what is it, and its figures."""

import asyncio
from typing import Any

from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response

from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.db import migrate
from worker.core.version import VERSION
from worker.core.vocabulary import Scope

operations = Operations("service")

_SECONDS = 3.0


class Health(BaseModel):
    status: str
    version: str


class Info(BaseModel):
    name: str
    version: str
    docs: str | None


class Readiness(BaseModel):
    """`checks` says of the database, the migrations and the queue `ok` or what is wrong."""

    ready: bool
    checks: dict[str, str]


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
    """Readiness: 200 when database, migrations and queue are in order, 503 and why otherwise"""
    checks = await _checks(call)
    found = Readiness(ready=all(value == "ok" for value in checks.values()), checks=checks)
    return json_response(found, 200 if found.ready else 503)


async def _checks(call: Call) -> dict[str, str]:
    head = await asyncio.to_thread(migrate.head)
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
    behind = f"at {at or 'nothing'}, this version needs {head}: set CVA_APPLY_MIGRATIONS=true or run the role migrate"
    return {
        "database": "ok",
        "migrations": "ok" if at == head else behind,
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
