"""What protects the people who look at the pages: headers, and forms that only these pages can send."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.backend import require_user
from ui.errors import BodyTooLarge, Forgery
from ui.session import csrf_token
from ui.settings import LOOPBACK, Settings, origin

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"

# Scripts, styles and everything else from here alone; nothing inline, and no frame around it.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class Headers:
    """Says in each answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if settings.is_secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def is_loopback(request: Request) -> bool:
    """Whether it was asked by a name of this machine: another one's page may have been made to point here."""
    return request.url.hostname in LOOPBACK


def own_origin(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.origin or f"{request.url.scheme}://{request.url.netloc}"


def check_origin(request: Request) -> None:
    """Refuses what another origin's page has sent. Raises Forgery."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forgery
    presented = request.headers.get("origin")
    if presented is not None and origin(presented) != origin(own_origin(request)):
        raise Forgery


@asynccontextmanager
async def read_form(request: Request, *, most: int = 1 << 20, from_anybody: bool = False) -> AsyncIterator[FormData]:
    """The form that a page of ours has sent, for as long as the block lasts; `most` bytes at most.

    Raises LoginNeeded where nobody is logged in, unless it is taken `from_anybody`; Forgery without the session's
    token; BodyTooLarge.
    """
    check_origin(request)
    if not from_anybody:
        require_user(request)
    presented = request.headers.get(CSRF_HEADER)
    if presented is not None:
        _check_token(request, presented)
    _check_charset(request)
    _bounded(request, most)
    async with request.form(max_files=2, max_fields=400, max_part_size=most) as form:
        if presented is None:
            token = form.get(CSRF_FIELD)
            _check_token(request, token if isinstance(token, str) else "")
        yield form


def _check_token(request: Request, presented: str) -> None:
    if not hmac.compare_digest(presented.encode(errors="replace"), csrf_token(request.session).encode()):
        raise Forgery


def _check_charset(request: Request) -> None:
    """Fields are UTF-8: some of Python's encodings take time with the square of what they decode. Raises Forgery."""
    _, _, charset = request.headers.get("content-type", "").lower().partition("charset=")
    if charset and charset.strip("\"' ;") not in ("utf-8", "utf8"):
        raise Forgery


def _bounded(request: Request, most: int) -> None:
    """Have reading the body end with BodyTooLarge beyond `most` bytes, whatever its length was said to be."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > most:
        raise BodyTooLarge
    receive, count = request._receive, 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > most:
            raise BodyTooLarge
        return message

    request._receive = counted
