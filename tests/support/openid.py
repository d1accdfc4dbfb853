"""An OpenID provider and a GitHub on this machine, for logins over real HTTP: they sign, check PKCE (RFC 7636), take each
code once, and lie on request."""

import base64
import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from invariant.stack import free_port
from tests.support.processes import eventually

CLIENT = "invariant"
SECRET = "the-client's-secret"
_MINUTES = 300


@dataclass
class Forge:
    """Who comes, and how it lies. `issuer` is its address."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: {"email": "ada@example.com", "email_verified": True})
    login: str = "ada"
    organizations: tuple[str, ...] = ()
    change: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token that are other than they should be."""
    metadata: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signs_with: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def configuration(self, request: Request) -> Response:
        """GET /.well-known/openid-configuration"""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.metadata,
            }
        )

    async def keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """Whoever comes is logged in at once."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = request.headers.get("authorization") == f"Basic {basic}" or form.get("client_secret") == SECRET
        if asked is None or asked.get("code_challenge") != challenge or not known:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": secrets.token_urlsafe(), "token_type": "bearer", "expires_in": _MINUTES}
        if "openid" in asked.get("scope", ""):
            answer["id_token"] = self._id_token(asked)
        return JSONResponse(answer)

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + _MINUTES,
            "nonce": asked.get("nonce"),
            **self.claims,
            **self.change,
        }
        key = self.signs_with or self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, {k: v for k, v in claims.items() if v is not None}, key)

    async def user(self, request: Request) -> Response:
        return JSONResponse({"login": self.login, "id": 1})

    async def orgs(self, request: Request) -> Response:
        page = int(request.query_params.get("page", "1"))
        return JSONResponse([{"login": name} for name in self.organizations] if page == 1 else [])


@contextlib.contextmanager
def forge() -> Iterator[Forge]:
    """Both of them on a port of this process."""
    port = free_port()
    found = Forge(f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", found.configuration),
            Route("/keys", found.keys),
            Route("/authorize", found.authorize),
            Route("/login/oauth/authorize", found.authorize),
            Route("/token", found.token, methods=["POST"]),
            Route("/login/oauth/access_token", found.token, methods=["POST"]),
            Route("/api/v3/user", found.user),
            Route("/api/v3/user/orgs", found.orgs),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started or None)
        yield found
    finally:
        server.should_exit = True
        thread.join(20)
