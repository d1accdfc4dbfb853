"""The ui: routes, lifespan, and a page for everything that can go wrong."""

import contextlib
from collections.abc import AsyncIterator

import structlog
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from client.asynchronous import AsyncClient, Refused, Unreachable
from ui import assets, login, timing
from ui.backend import Documents, LoginNeeded
from ui.errors import NotThere, PageError
from ui.live import Hub
from ui.logs import Requests
from ui.pages import constitutions, figures, fixes, operation, repositories, run, runs, tokens
from ui.providers import providers
from ui.rendering import page
from ui.security import CSRF_FIELD, Headers, is_loopback
from ui.session import Sessions
from ui.settings import Settings

log = structlog.get_logger("ui")

AGENT = "invariant-ui"
_WAIT_SECONDS = 5
_MOST_WAIT_SECONDS = 60
_MOST_KEPT = 200_000


class _LoopbackOnly:
    """On a developer's machine everybody is who they say: no other site's page may reach it by a name of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_loopback(Request(scope)):
            answer = Response("Without logins this is shown to this machine alone.", 421, media_type="text/plain")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Defects:
    """A page for what nobody thought of, with the headers that all pages have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noticed(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except Exception as error:
            log.error("a page failed", exc_info=error)
            if has_begun or scope["type"] != "http":
                raise
            advice = "Tell your administrator the request id below."
            answer = await _problem(Request(scope), 500, "Something failed on our side", advice)
            await answer(scope, receive, send)


async def health(request: Request) -> Response:
    """GET /health"""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """GET /ready: whether the api can be asked"""
    client: AsyncClient = request.app.state.client
    try:
        await client.acting_for(None, request.state.request_id).get("/")
    except Unreachable:
        said = "The api cannot be reached: CVA_BACKEND_URL takes its private address."
    except Refused as error:
        said = (
            "CVA_API_TOKEN is not the api's."
            if error.status == 401
            else f"The api answers {error.status} at the moment."
        )
    else:
        return JSONResponse({"ready": True, "backend": "ok"})
    return JSONResponse({"ready": False, "backend": said}, 503)


def create_app(settings: Settings) -> Starlette:
    """The ASGI application."""
    ways = providers(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        token = settings.api_token.get_secret_value() if settings.api_token else None
        async with AsyncClient(
            settings.backend_url, token, AGENT, seconds=settings.api_seconds, waited=timing.waited
        ) as client:
            app.state.client, app.state.hub, app.state.documents = client, Hub(client), Documents()
            try:
                yield
            finally:
                await app.state.hub.close()

    middleware = [
        Middleware(Requests),
        Middleware(Headers, settings=settings),
        *([] if settings.deployed or ways else [Middleware(_LoopbackOnly)]),
        Middleware(Sessions, settings=settings),
        Middleware(_Defects),
    ]
    rooms = (runs, run, constitutions, figures, repositories, fixes, tokens, operation)
    app = Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/ready", ready, methods=["GET"]),
            Route("/assets/{digest}/{name}", assets.serve, methods=["GET"]),
            *login.routes(settings, ways),
            *(route for room in rooms for route in room.routes),
        ],
        middleware=middleware,
        exception_handlers={
            LoginNeeded: _to_login,
            PageError: _page_error,
            Refused: _refused,
            Unreachable: _unreachable,
            HTTPException: _http_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.settings = settings
    return app


async def _to_login(request: Request, error: Exception) -> Response:
    assert isinstance(error, LoginNeeded)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": error.login})
    return RedirectResponse(error.login, 303)


async def _page_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    return await _problem(request, error.status, error.title, error.advice)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return await _page_error(request, NotThere())
    if error.status_code == 405 and request.method == "GET":
        # The address of a form that was sent: its page is above it.
        return RedirectResponse(request.url.path.rsplit("/", 1)[0] or "/", 303)
    return await _problem(request, error.status_code, "That cannot be asked", "Go back and try again.")


async def _refused(request: Request, error: Exception) -> Response:
    """The api said no."""
    assert isinstance(error, Refused)
    if error.status == 404:
        return await _page_error(request, NotThere())
    if error.status == 401:
        log.error("the api does not take CVA_API_TOKEN")
        return await _problem(
            request,
            502,
            "The pages and the api do not know each other",
            "An operator must set CVA_API_TOKEN of the ui to the api's.",
            again=_WAIT_SECONDS,
        )
    again = None
    if error.status == 429 or error.status >= 500:
        again = int(min(error.retry_after or _WAIT_SECONDS, _MOST_WAIT_SECONDS))
    return await _problem(request, error.status, error.title, error.detail, again=again)


async def _unreachable(request: Request, error: Exception) -> Response:
    log.warning("Backend connection failed", why=str(error))
    return await _problem(
        request,
        502,
        "Backend connection failed",
        "The api cannot be reached at the moment. Runs go on meanwhile, and nothing is lost. If it stays like this, an "
        "operator must look at CVA_BACKEND_URL, which takes the private address of the api.",
        again=_WAIT_SECONDS,
    )


async def _problem(request: Request, status: int, title: str, advice: str, *, again: int | None = None) -> Response:
    """`again`: seconds after which the page tries by itself; what was typed is sent again by a press of a button."""
    is_form = request.method == "POST"
    return await page(
        request,
        "problem.html",
        status=status,
        status_code=status,
        title=title,
        advice=advice,
        again=None if is_form else again,
        can_repeat=is_form and again is not None,
        typed=_typed(request) if is_form else (),
    )


def _typed(request: Request) -> list[tuple[str, str]]:
    """The texts of the form that was sent."""
    form = getattr(request, "_form", None)
    if not isinstance(form, FormData):
        return []
    return [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and len(value) <= _MOST_KEPT and name != CSRF_FIELD
    ]
