"""Who asks. The service token is compared in constant time; user tokens are looked up by their hash.

The service token alone may do everything. With `X-CVA-User` it has that user's rights: those of a user, and of an
administrator where CVA_ADMINS names them. Without CVA_API_TOKEN, which production requires, a request without a token
counts as the service's: the api of a developer's own machine.
"""

import hashlib
import hmac
import re  # noqa: TID251  linear: from the beginning, one run of one class
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, text, update
from starlette.requests import HTTPConnection

from api.http.errors import Forbidden, MalformedRequest, Unauthenticated
from worker.core.db.database import Database
from worker.core.models import ApiToken
from worker.core.settings import Settings
from worker.core.vocabulary import Scope

TOKEN_PREFIX = "inv_"  # noqa: S105  what every token begins with
SERVICE = "service"
"""Whose the tokens are that the service makes for itself; nobody is called so."""
_USER = re.compile(r"^[\x21-\x7e]{1,128}$")
# How exact «last used» is; finer would be a write for every request.
_LAST_USED = timedelta(minutes=1)

ALL_SCOPES = frozenset(Scope)
USER_SCOPES = ALL_SCOPES - {Scope.ADMIN}


@dataclass(frozen=True)
class Token:
    """The user token that was presented. `depth` counts it and those it descends from; it ends when any of them does,
    at `expires_at` at the latest."""

    id: uuid.UUID
    depth: int
    expires_at: datetime | None


@dataclass(frozen=True)
class Principal:
    """`name` is the user on whose behalf, None for the service itself and for anonymous development. `token` is None
    without a user token."""

    name: str | None
    scopes: frozenset[Scope]
    token: Token | None = None

    def __post_init__(self) -> None:
        # What belongs to nobody would be theirs.
        assert self.name is not None or self.is_admin or not self.scopes, "only the service has no name"

    @property
    def is_admin(self) -> bool:
        """May see and change everything."""
        return Scope.ADMIN in self.scopes

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or self.is_admin

    def require(self, scope: Scope) -> None:
        """Raises Forbidden."""
        if not self.may(scope):
            raise Forbidden(f"This needs the scope {scope.value}.")


NOBODY = Principal(None, frozenset())


def hash_token(token: str) -> str:
    """SHA-256: enough for a secret of 256 random bits, which no dictionary holds."""
    return hashlib.sha256(token.encode()).hexdigest()


def presented_token(connection: HTTPConnection, *, in_query: bool = False) -> str | None:
    """The token of `Authorization: Bearer`, `X-API-Token`, or for WebSockets `?token=`."""
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The Authorization header must read: Bearer <token>.")
        return token.strip()
    token_header = connection.headers.get("x-api-token")
    if token_header:
        return token_header
    return connection.query_params.get("token") if in_query else None


async def authenticate(
    connection: HTTPConnection, *, settings: Settings, db: Database, in_query: bool = False
) -> Principal:
    """The principal of a request. Raises Unauthenticated, MalformedRequest."""
    token = presented_token(connection, in_query=in_query)
    service = settings.api_token.get_secret_value() if settings.api_token else None
    if token is None:
        if service is None:
            return _service(connection, settings)
        raise Unauthenticated("Send a token as `Authorization: Bearer <token>` or `X-API-Token: <token>`.")
    if service is not None and hmac.compare_digest(token.encode(), service.encode()):
        return _service(connection, settings)
    if not token.startswith(TOKEN_PREFIX):
        raise Unauthenticated("The token is not valid.")
    return await _user(token, settings.admins, db)


def _service(connection: HTTPConnection, settings: Settings) -> Principal:
    """The service itself, or the user it acts for, with that user's rights."""
    users = connection.headers.getlist("x-cva-user")
    if not users:
        return Principal(None, ALL_SCOPES)
    if len(users) > 1 or not _USER.match(users[0]) or users[0] == SERVICE:
        raise MalformedRequest(
            f"X-CVA-User must be one name of 1 to 128 printable ASCII characters without spaces, and not «{SERVICE}»."
        )
    return Principal(users[0], ALL_SCOPES if users[0] in settings.admins else USER_SCOPES)


# The token and those that it descends from, itself first. Looked at every time: nothing has to be told to the
# descendants of a token that ends, so none can be forgotten.
_CHAIN = text(
    """
    WITH RECURSIVE chain AS (
        SELECT t.*, 1 AS depth FROM api_tokens t WHERE t.token_sha256 = :digest
        UNION ALL
        SELECT t.*, chain.depth + 1 FROM chain JOIN api_tokens t ON t.id = chain.parent_id
    )
    SELECT id, user_name, scopes, created_by, expires_at,
        revoked_at IS NOT NULL OR coalesce(expires_at <= now(), false) AS ended,
        last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :last_used) AS unnoticed
    FROM chain ORDER BY depth
    """
)


async def _user(token: str, admins: Collection[str], db: Database) -> Principal:
    async with db.transaction() as session:
        values = {"digest": hash_token(token), "last_used": _LAST_USED.total_seconds()}
        chain = (await session.execute(_CHAIN, values)).all()
        if not chain or any(link.ended for link in chain):
            raise Unauthenticated("The token is not valid, has expired or was revoked.")
        own, root = chain[0], chain[-1]
        if own.unnoticed:
            await session.execute(update(ApiToken).where(ApiToken.id == own.id).values(last_used_at=func.now()))
    scopes = frozenset(Scope(scope) for scope in own.scopes)
    # What an administrator had made for themselves is worth no more than they are.
    if root.created_by is not None and root.created_by not in admins:
        scopes -= {Scope.ADMIN}
    ends = [link.expires_at for link in chain if link.expires_at is not None]
    return Principal(own.user_name, scopes, Token(own.id, len(chain), min(ends, default=None)))
