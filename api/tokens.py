"""User tokens: shown once, stored hashed, scoped, expiring, revocable.

The service and who has the scope `admin` make them, for whomever they name; a token cannot prolong itself by
making another one. Everybody sees and revokes their own.
"""

import secrets
import uuid
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import func, insert, select, update
from starlette.responses import Response

from api.auth import TOKEN_PREFIX, hash_token
from api.http import errors
from api.http.pagination import Page, PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.ids import new_id
from worker.core.models import ApiToken
from worker.core.untrusted.source import Text
from worker.core.vocabulary import Scope

operations = Operations("tokens")

# Whose a token is that the service makes for itself.
_SERVICE = "service"
_USER = r"^[\x21-\x7e]{1,128}$"


class TokenRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text = Field(min_length=1, max_length=128, description="what it is for")
    user: str | None = Field(None, pattern=_USER, description="whose it is; default: who asks, or `service`")
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: AwareDatetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _storable(cls, value: datetime | None) -> datetime | None:
        if value is not None and not 1 < value.year < 9999:
            raise ValueError("must lie between the years 2 and 9998")
        return value


class TokenView(BaseModel):
    id: uuid.UUID
    name: str
    user: str
    prefix: str = Field(description="the token's first characters, to tell it by")
    scopes: list[Scope]
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class NewTokenView(TokenView):
    token: str = Field(description="the token itself; it is shown this once")


class TokenList(Page[TokenView]):
    """Tokens, newest first; never the tokens themselves."""


def _view(row: ApiToken) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        user=row.user_name,
        prefix=row.prefix,
        scopes=[Scope(scope) for scope in row.scopes],
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        created_at=row.created_at,
    )


@operations.add(
    "POST",
    "/api/tokens",
    scope=Scope.ADMIN,
    answers={201: Answer(NewTokenView)},
    problems=(errors.Forbidden, errors.Conflict),
)
async def create_token(call: Call, body: TokenRequest) -> Response:
    """Make a token"""
    user = body.user or call.principal.name or _SERVICE
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise errors.Conflict("body/expires_at lies in the past; the token would never be valid.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    values = {
        "id": new_id(),
        "name": body.name,
        "user_name": user,
        "prefix": token[:10],
        "token_sha256": hash_token(token),
        "scopes": sorted({scope.value for scope in body.scopes}),
        "expires_at": body.expires_at,
    }
    async with call.state.db.transaction() as session:
        row = (await session.execute(insert(ApiToken).values(values).returning(ApiToken))).scalar_one()
        found = NewTokenView(token=token, **_view(row).model_dump())
    return json_response(found, 201, {"Location": f"/api/tokens/{row.id}"})


@operations.add("GET", "/api/tokens", scope=Scope.RUNS_READ, answers={200: Answer(TokenList)})
async def list_tokens(call: Call, query: PageQuery) -> Response:
    """List tokens: one's own, or everybody's with the scope admin"""
    wanted = select(ApiToken)
    if Scope.ADMIN not in call.principal.scopes:
        wanted = wanted.where(ApiToken.user_name == call.principal.name)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, ApiToken.created_at, ApiToken.id)
    return json_response(TokenList(items=[_view(row) for row in rows], next_cursor=cursor))


@operations.add(
    "DELETE",
    "/api/tokens/{token_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(TokenView)},
    problems=(errors.NotFound, errors.Forbidden),
)
async def revoke_token(call: Call, token_id: uuid.UUID) -> Response:
    """Revoke a token"""
    async with call.state.db.transaction() as session:
        row = await session.get(ApiToken, token_id)
        if row is None or (row.user_name != call.principal.name and Scope.ADMIN not in call.principal.scopes):
            raise errors.NotFound(f"There is no token {token_id}.")
        await session.execute(
            update(ApiToken).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None)).values(revoked_at=func.now())
        )
        await session.refresh(row)
        found = _view(row)
    return json_response(found)
