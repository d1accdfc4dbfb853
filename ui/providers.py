"""Who somebody is, by GitHub or an OpenID provider: authorization code with PKCE (RFC 7636), state and nonce.

GitHub speaks OAuth 2.0 alone, so its API is asked who came (https://docs.github.com/en/apps/oauth-apps); the others are
asked by OpenID Connect Core 1.0, and what they say of a person is signed.
"""

import re  # noqa: TID251  linear: one class, of a bounded length
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from ui.errors import LoginFailed, NotAllowed
from ui.session import User
from ui.settings import Settings

GOOGLE_ISSUER = "https://accounts.google.com"
_PKCE = {"code_challenge_method": "S256"}
_ORGANIZATIONS = "org:"
_ANYBODY = "*"
# As GitHub gives them, those of GitHub Enterprise included; an address is none.
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_ADDRESS = re.compile(r"[\x21-\x3f\x41-\x7e]{1,64}@[\x21-\x3f\x41-\x7e]{1,63}")
# Pages of a hundred.
_MOST_PAGES = 10
_SECONDS = 15.0


class Provider(Protocol):
    """One way in. `name` stands in its address, `title` on its button."""

    name: str
    title: str

    async def leave(self, request: Request, back: str) -> Response:
        """Send a browser to the provider, which sends it to `back`."""

    async def identify(self, request: Request) -> User:
        """Who came back. Raises LoginFailed, NotAllowed."""


def providers(settings: Settings) -> list[Provider]:
    """The ways in that the settings open, in the order of their buttons."""
    found: list[Provider] = []
    oauth = OAuth()
    if settings.github_id is not None and settings.github_secret is not None:
        found.append(GitHub(oauth, settings, settings.github_id, settings.github_secret.get_secret_value()))
    if settings.google_id is not None and settings.google_secret is not None:
        secret = settings.google_secret.get_secret_value()
        found.append(
            OpenId(oauth, settings, "google", "Google", issuer=GOOGLE_ISSUER, client=(settings.google_id, secret))
        )
    if settings.oidc_issuer is not None and settings.oidc_id is not None and settings.oidc_secret is not None:
        secret = settings.oidc_secret.get_secret_value()
        title = settings.oidc_name
        found.append(
            OpenId(oauth, settings, "oidc", title, issuer=settings.oidc_issuer, client=(settings.oidc_id, secret))
        )
    return found


@dataclass(frozen=True)
class Allowed:
    """Who may come in, as CVA_UI_ALLOW says it."""

    entries: frozenset[str]
    is_open: bool
    """Without entries, on a developer's machine: everybody."""

    @classmethod
    def of(cls, settings: Settings) -> "Allowed":
        return cls(frozenset(settings.allowed), not settings.allowed and not settings.deployed)

    @property
    def organizations(self) -> frozenset[str]:
        return frozenset(
            entry.removeprefix(_ORGANIZATIONS) for entry in self.entries if entry.startswith(_ORGANIZATIONS)
        )

    def login(self, login: str) -> bool:
        return self.is_open or _ANYBODY in self.entries or login.lower() in self.entries

    def address(self, address: str) -> bool:
        """Never by an entry that means a login: what is no address gets no further than here."""
        name, _, domain = address.lower().partition("@")
        if not name or not domain or "@" in domain:
            return False
        return self.login(address) or f"@{domain}" in self.entries


class GitHub:
    """GitHub, or GitHub Enterprise. Users are called as they are there."""

    name = "github"
    title = "GitHub"

    def __init__(self, oauth: OAuth, settings: Settings, client_id: str, client_secret: str) -> None:
        self._allowed = Allowed.of(settings)
        self._api = settings.github_api_url.rstrip("/")
        web = settings.github_web_url
        scope = "read:org" if self._allowed.organizations else ""
        self._client: StarletteOAuth2App = oauth.register(
            self.name,
            client_id=client_id,
            client_secret=client_secret,
            authorize_url=f"{web}/login/oauth/authorize",
            access_token_url=f"{web}/login/oauth/access_token",
            client_kwargs={"scope": scope, "timeout": _SECONDS, **_PKCE},
        )

    async def leave(self, request: Request, back: str) -> Response:
        response: Response = await self._client.authorize_redirect(request, back)
        return response

    async def identify(self, request: Request) -> User:
        token = await _token(self._client, request)
        me = await self._ask(token, "/user")
        login = me.get("login") if isinstance(me, dict) else None
        if not isinstance(login, str) or not _LOGIN.fullmatch(login):
            raise LoginFailed
        if not self._allowed.login(login) and not await self._is_in_organization(token):
            raise NotAllowed
        return User(login, login)

    async def _is_in_organization(self, token: Mapping[str, Any]) -> bool:
        wanted = self._allowed.organizations
        if not wanted:
            return False
        for page in range(1, _MOST_PAGES + 1):
            items = await self._ask(token, f"/user/orgs?per_page=100&page={page}")
            if not isinstance(items, list):
                raise LoginFailed
            if any(str(item.get("login")).lower() in wanted for item in items):
                return True
            if not items:
                return False
        return False

    async def _ask(self, token: Mapping[str, Any], path: str) -> Any:
        try:
            response = await self._client.get(f"{self._api}{path}", token=token)
            return response.raise_for_status().json()
        except (httpx.HTTPError, AuthlibBaseError, ValueError):
            raise LoginFailed from None


class OpenId:
    """A provider of OpenID Connect. Users are called by their verified address."""

    def __init__(
        self, oauth: OAuth, settings: Settings, name: str, title: str, *, issuer: str, client: tuple[str, str]
    ) -> None:
        """`client`: its id and its secret."""
        self.name = name
        self.title = title
        self._allowed = Allowed.of(settings)
        self._issuer = issuer.rstrip("/")
        self._client: StarletteOAuth2App = oauth.register(
            name,
            client_id=client[0],
            client_secret=client[1],
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email profile", "timeout": _SECONDS, **_PKCE},
        )

    async def leave(self, request: Request, back: str) -> Response:
        try:
            # Of another issuer than was configured, nothing is believed (OpenID Connect Discovery 1.0, 4.3).
            metadata = await self._client.load_server_metadata()
            if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
                raise LoginFailed
            response: Response = await self._client.authorize_redirect(request, back)
        except (httpx.HTTPError, AuthlibBaseError, RuntimeError, ValueError):
            raise LoginFailed("The provider cannot be reached, or is not what its address says.") from None
        return response

    async def identify(self, request: Request) -> User:
        claims = (await _token(self._client, request)).get("userinfo")
        # Without an ID token there would be nothing signed.
        if not isinstance(claims, Mapping) or str(claims.get("iss", "")).rstrip("/") != self._issuer:
            raise LoginFailed
        address = claims.get("email")
        if not isinstance(address, str) or claims.get("email_verified") is not True:
            raise NotAllowed("The provider has not verified your address; verify it there, then log in again.")
        if not _ADDRESS.fullmatch(address):
            # The api's names are ASCII, and beyond it one letter's small one may be another's.
            raise NotAllowed("Your address has letters that a user's name cannot have here.")
        if not self._allowed.address(address):
            raise NotAllowed
        return User(address.lower(), address)


async def _token(client: StarletteOAuth2App, request: Request) -> Mapping[str, Any]:
    """What the code that a browser brings is worth: its state, its verifier and its nonce are this session's.

    Raises LoginFailed."""
    try:
        token: Mapping[str, Any] = await client.authorize_access_token(request)
    except (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError, KeyError, RuntimeError):
        raise LoginFailed from None
    return token
