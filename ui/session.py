"""Sessions: sealed into a cookie, so that any replica can read them and nobody else can.

Fernet (AES-128 in CBC mode, HMAC-SHA256, a time stamp), https://github.com/fernet/spec. A session ends after
CVA_UI_SESSION_SECONDS whatever is done with it, and with each change of the secret.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.settings import Settings

_USER = "user"
_UNTIL = "until"
_CSRF = "csrf"
# A browser keeps 4,096 bytes of a cookie.
_MOST = 4000


@dataclass(frozen=True)
class User:
    """Who is logged in. `name` is what the api knows them by."""

    name: str
    shown: str
    is_admin: bool = False
    """As it was at the login: what is shown. What is allowed the api says each time."""


class Sealer:
    """Seals and opens what a cookie holds."""

    def __init__(self, settings: Settings) -> None:
        keys = settings.secrets or (secrets.token_urlsafe(32),)
        self._fernet = MultiFernet([Fernet(_key(key)) for key in keys])
        self._seconds = settings.session_seconds

    def seal(self, session: Mapping[str, Any]) -> str:
        return self._fernet.encrypt(json.dumps(session, separators=(",", ":")).encode()).decode()

    def open(self, cookie: str) -> dict[str, Any]:
        """Empty where it is not ours, is no longer, or says nothing."""
        try:
            session = json.loads(self._fernet.decrypt(cookie.encode()))
        except (InvalidToken, ValueError):
            return {}
        return session if isinstance(session, dict) and session.get(_UNTIL, 0) > time.time() else {}


def _key(secret: str) -> bytes:
    """A secret of enough entropy needs no slow derivation."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"invariant-ui session" + secret.encode()).digest())


class Sessions:
    """Gives each request its session as `request.session`, and sends the cookie when it has changed."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._sealer = Sealer(settings)
        # With the prefix a browser takes it from https alone, and from no other host of the domain.
        self.cookie = "__Host-invariant" if settings.is_secure else "invariant"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        presented = HTTPConnection(scope).cookies.get(self.cookie, "")
        session = self._sealer.open(presented) if presented else {}
        scope["session"] = session
        before = json.dumps(session)

        async def seal(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Vary", "Cookie")
                if json.dumps(session) != before:
                    headers.append("Set-Cookie", self._set(session))
            await send(message)

        await self._app(scope, receive, seal)

    def _set(self, session: dict[str, Any]) -> str:
        if session:
            session.setdefault(_UNTIL, int(time.time()) + self._settings.session_seconds)
        sealed = self._sealer.seal(session) if session else ""
        if len(sealed) > _MOST:
            raise RuntimeError("A session does not fit into a cookie.")
        cookie: Morsel[str] = SimpleCookie({self.cookie: sealed})[self.cookie]
        cookie["path"] = "/"
        cookie["httponly"] = True
        cookie["samesite"] = "Lax"
        cookie["secure"] = self._settings.is_secure
        cookie["max-age"] = max(0, session[_UNTIL] - int(time.time())) if session else 0
        return cookie.OutputString()


def begin(session: dict[str, Any], user: User) -> None:
    """Somebody has logged in: whatever the session was before is forgotten."""
    session.clear()
    session[_USER] = asdict(user)


def user_of(session: Mapping[str, Any]) -> User | None:
    found = session.get(_USER)
    try:
        return None if found is None else User(**found)
    except TypeError:
        # Of another revision of ours: they log in again.
        return None


def csrf_token(session: dict[str, Any]) -> str:
    """What a form of this session carries."""
    token: str = session.setdefault(_CSRF, secrets.token_urlsafe(24))
    return token
