"""Logging in and out."""

import re  # noqa: TID251  linear: one class, of a bounded length
from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from client.asynchronous import AsyncClient
from ui.errors import NotThere
from ui.providers import Provider
from ui.rendering import page
from ui.security import own_origin, read_form
from ui.session import User, begin, user_of
from ui.settings import Settings

_TO = "to"
_MOST_TO = 500
_MOST_FORM = 16 << 10
# As the api takes a user's name.
_NAME = re.compile(r"[\x21-\x7e]{1,128}")


def routes(settings: Settings, ways: Sequence[Provider]) -> list[Route]:
    """`ways`: by whom one may be told who somebody is."""
    by_name = {way.name: way for way in ways}
    develops = not settings.deployed and not ways

    async def show(request: Request) -> Response:
        """GET /login"""
        if user_of(request.session) is not None:
            return RedirectResponse(_target(request), 303)
        name = request.query_params.get("name", "")
        return await page(
            request, "login.html", ways=ways, develops=develops, to=_target(request), name=name, is_no_name=False
        )

    async def leave(request: Request) -> Response:
        """POST /login/{way}"""
        async with read_form(request, most=_MOST_FORM, from_anybody=True) as form:
            request.session[_TO] = _inside(str(form.get(_TO, "")))
        way = _way(request)
        left = await way.leave(request, f"{own_origin(request)}/login/{way.name}/back")
        # A page that leads there, and no redirect: the policy lets a form lead to these pages alone, and a provider may
        # redirect on.
        return await page(request, "leaving.html", way=way, there=left.headers["location"])

    async def back(request: Request) -> Response:
        """GET /login/{way}/back"""
        to = _inside(str(request.session.get(_TO, "")))
        begin(request.session, await _known(request, await _way(request).identify(request)))
        return RedirectResponse(to, 303)

    async def as_anybody(request: Request) -> Response:
        """POST /login: on a developer's machine, under any name"""
        if not develops:
            raise NotThere
        async with read_form(request, most=_MOST_FORM, from_anybody=True) as form:
            name, to = str(form.get("name", "")).strip(), _inside(str(form.get(_TO, "")))
        if not _NAME.fullmatch(name) or name == "service":
            return await page(
                request, "login.html", status=422, ways=ways, develops=develops, to=to, name=name, is_no_name=True
            )
        begin(request.session, await _known(request, User(name, name)))
        return RedirectResponse(to, 303)

    async def leave_for_good(request: Request) -> Response:
        """POST /logout"""
        async with read_form(request, most=_MOST_FORM, from_anybody=True):
            request.session.clear()
        return RedirectResponse("/login", 303)

    def _way(request: Request) -> Provider:
        way = by_name.get(request.path_params["way"])
        if way is None:
            raise NotThere
        return way

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", as_anybody, methods=["POST"]),
        Route("/login/{way}", leave, methods=["POST"]),
        Route("/login/{way}/back", back, methods=["GET"]),
        Route("/logout", leave_for_good, methods=["POST"]),
    ]


async def _known(request: Request, user: User) -> User:
    """The user with what the api knows of them."""
    client: AsyncClient = request.app.state.client
    me = await client.acting_for(user.name, request.state.request_id).get("/api/me")
    return replace(user, is_admin=me["is_admin"])


def _target(request: Request) -> str:
    return _inside(request.query_params.get(_TO, ""))


def _inside(to: str) -> str:
    """A path of ours, whatever was asked for: nobody is sent elsewhere after logging in."""
    if not to.startswith("/") or to[1:2] in ("/", "\\") or len(to) > _MOST_TO:
        return "/runs"
    if any(ord(character) <= 0x20 or character == "\\" for character in to):
        return "/runs"
    return to
