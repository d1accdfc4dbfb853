"""The api: routes, lifespan, middleware. Thin: validate, one transaction, answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from api import (
    audit,
    badge,
    callbacks,
    constitution_previews,
    constitutions,
    docs,
    health,
    me,
    members,
    monitor,
    queue,
    repositories,
    tokens,
    uploads,
    webhooks,
)  # fmt: skip
from api.analytics import health as analytics_health
from api.analytics import judges, rules, summary, trends
from api.analytics import repositories as analytics_repositories
from api.analytics.exposition import Exposition
from api.companion import companion
from api.http import errors, routing
from api.http.loopback import LoopbackOnly
from api.http.middleware import RequestContext
from api.limits.limits import limits
from api.metrics import Metrics
from api.remediations import endpoints as remediations
from api.remediations import figures as remediation_figures
from api.remediations import fixes
from api.remediations import switch as kill_switch
from api.runs import endpoints as runs
from api.runs import events as run_events
from api.runs import feedback, results
from api.runs.hub import Hub
from api.state import State
from worker.core.db import embedded, notify
from worker.core.db.database import Database
from worker.core.runs import events
from worker.core.settings import Settings

TOKEN_REQUIRED = "CVA_API_TOKEN environment variable is required in production"  # noqa: S105  a sentence, no token
TOKEN_CHARACTERS = 32
TOKEN_TOO_SHORT = (
    f"CVA_API_TOKEN must have at least {TOKEN_CHARACTERS} characters in production. Make one with: openssl rand -hex 32"
)

_POOL = 10
# Named paths stand before those that take an id.
_REMEDIATION = (kill_switch, remediation_figures, remediations, fixes)
_ANALYTICS = (summary, trends, analytics_repositories, judges, rules, analytics_health)


async def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own 404 and 405, as problems."""
    assert isinstance(error, HTTPException)
    if error.status_code == errors.MethodNotAllowed.status:
        raise errors.MethodNotAllowed(
            f"{request.method} is not one of the methods of this path.", headers=error.headers
        ) from None
    if error.status_code == errors.NotFound.status:
        raise errors.NotFound("There is nothing at this path.") from None
    raise errors.MalformedRequest(str(error.detail)) from None


def create_app(settings: Settings, *, url: str | None = None) -> Starlette:
    """The ASGI application. `url` is the database's; without one it is DATABASE_URL, or the embedded server's.

    Raises RuntimeError for settings that production does not allow.
    """
    if settings.deployed and settings.api_token is None:
        raise RuntimeError(TOKEN_REQUIRED)
    if settings.deployed and settings.api_token and len(settings.api_token.get_secret_value()) < TOKEN_CHARACTERS:
        raise RuntimeError(TOKEN_TOO_SHORT)
    modules = (
        health, me, runs, results, feedback, run_events, uploads, repositories, constitution_previews, constitutions,
        members, monitor, webhooks, badge, callbacks, tokens, audit, queue, *_REMEDIATION, *_ANALYTICS,
    )  # fmt: skip
    declared = [operation for module in modules for operation in module.operations.found]
    declared += docs.operations(declared).found
    metrics = Metrics()
    exposition = Exposition(metrics.registry)
    hub = Hub()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        address = url if url is not None else await asyncio.to_thread(embedded.database_url, settings)
        db = Database(address, application="invariant-api", pool_size=_POOL, direct_url=settings.direct_database_url)
        limited = limits(db, settings)
        app.state.invariant = State(
            settings=settings, db=db, hub=hub, metrics=metrics, exposition=exposition, limits=limited
        )
        handlers = {events.CHANNEL: hub.notify}
        background = [
            asyncio.create_task(notify.listen(db, handlers, application="invariant-api-events")),
            asyncio.create_task(hub.look_forever(db)),
            asyncio.create_task(limited.streams.prolong()),
        ]
        try:
            async with companion(settings):
                yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await db.dispose()

    # Outside of all: a browser must be able to read the problems as well.
    middleware: list[Middleware] = []
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(settings.cors_origins),
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["X-Request-ID", "Location", "RateLimit", "RateLimit-Policy", "Retry-After"],
            )
        )
    if settings.open_to_all:
        middleware.insert(0, Middleware(LoopbackOnly, origins=settings.cors_origins))
    middleware.append(Middleware(RequestContext, settings=settings, metrics=metrics))
    pages = [] if settings.deployed else docs.pages()
    app = Starlette(
        routes=[*routing.routes(declared), *run_events.sockets, *pages],
        middleware=middleware,
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
