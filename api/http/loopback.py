"""The api of a developer's own machine, which asks nobody for a token: for programs of this machine alone.

A page of a stranger's may have a browser ask anything of loopback, under a name of its own that leads there (DNS
rebinding) or across origins; so the name asked for and the page that asks must both be of this machine.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from api.http.errors import Forbidden


def is_loopback(host: str | None) -> bool:
    """Whether the name or the address is of this machine."""
    if not host:
        return False
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


class LoopbackOnly:
    """Refuses a Host that is not of this machine, and an Origin that is neither that nor one of `origins`."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._refusal(Headers(scope=scope))
            if refusal is not None and scope["type"] == "http":
                await refusal(scope, receive, send)
                return
            if refusal is not None:
                await WebSocket(scope, receive, send).send_denial_response(refusal)
                return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if not all(is_loopback(_host(f"//{host}")) for host in headers.getlist("host")):
            return Forbidden(
                "Without CVA_API_TOKEN the api answers to localhost, 127.0.0.1 and ::1 alone. Ask for one of these, or "
                "set a token."
            ).response()
        if not all(self._is_ours(origin) for origin in headers.getlist("origin")):
            return Forbidden(
                "Without CVA_API_TOKEN the api answers to pages of this machine alone. Name the origin in "
                "CVA_CORS_ORIGINS, or set a token."
            ).response()
        return None

    def _is_ours(self, origin: str) -> bool:
        return origin.lower() in self.origins or is_loopback(_host(origin))
