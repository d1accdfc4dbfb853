"""Who asks. The service token is compared in constant time; user tokens are looked up by their hash.

Without CVA_API_TOKEN, which production requires, a request without a token may do everything: the api of a
developer's own machine.
"""

import hashlib
import hmac
import re  # noqa: TID251  linear: from the beginning, one run of one class
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from starlette.requests import HTTPConnection

from api.http.errors import Forbidden, MalformedRequest, Unauthenticated
from worker.core.db.database import Database
from worker.core.models import ApiToken
from worker.core.settings import Settings
from worker.core.vocabulary import Scope

TOKEN_PREFIX = "inv_"  # noqa: S105  what every token begins with
_USER = re.compile(r"^[\x21-\x7e]{1,128}$")
# How exact «last used» is; finer would be a write for every request.
_LAST_USED = timedelta(minutes=1)


@dataclass(frozen=True)
class Principal:
    """`name` is the user on whose behalf, None for the service itself and for anonymous development."""

    name: str | None
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises Forbidden."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden(f"This needs the scope {scope.value}.")


ALL_SCOPES = frozenset(Scope)


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
            return Principal(_acting_for(connection), ALL_SCOPES)
        raise Unauthenticated("Send a token as `Authorization: Bearer <token>` or `X-API-Token: <token>`.")
    if service is not None and hmac.compare_digest(token.encode(), service.encode()):
        return Principal(_acting_for(connection), ALL_SCOPES)
    if not token.startswith(TOKEN_PREFIX):
        raise Unauthenticated("The token is not valid.")
    return await _user(token, db)


def _acting_for(connection: HTTPConnection) -> str | None:
    user = connection.headers.get("x-cva-user")
    if user is not None and not _USER.match(user):
        raise MalformedRequest("X-CVA-User must be 1 to 128 printable ASCII characters without spaces.")
    return user


async def _user(token: str, db: Database) -> Principal:
    async with db.transaction() as session:
        found = (
            await session.execute(
                select(ApiToken.id, ApiToken.user_name, ApiToken.scopes, ApiToken.last_used_at, func.now().label("now"))
                .where(ApiToken.token_sha256 == hash_token(token))
                .where(ApiToken.revoked_at.is_(None))
                .where((ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > func.now()))
            )
        ).first()
        if found is None:
            raise Unauthenticated("The token is not valid, has expired or was revoked.")
        if found.last_used_at is None or found.now - found.last_used_at > _LAST_USED:
            await session.execute(update(ApiToken).where(ApiToken.id == found.id).values(last_used_at=func.now()))
    return Principal(found.user_name, frozenset(Scope(scope) for scope in found.scopes))
