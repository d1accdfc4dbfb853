"""User tokens: shown once, stored hashed, scoped, expiring, revocable.

Administrators make them for whomever they name, everybody else for themselves. A token never gives more, or longer,
than what made it, and ends with it; nor can it revoke what may do more than it.
"""

import secrets
import uuid
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import insert, select, text
from starlette.responses import Response

from api.auth import SERVICE, TOKEN_PREFIX, Principal, hash_token
from api.http import errors
from api.http.pagination import Page, PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.ids import new_id
from worker.core.models import ApiToken
from worker.core.untrusted.source import Text
from worker.core.vocabulary import Scope

operations = Operations("tokens")

# How many tokens may descend from each other: every request looks at all of them.
_MAX_DEPTH = 8
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
    parent_id: uuid.UUID | None = Field(description="the token that made it, with which it ends")
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
        parent_id=row.parent_id,
        created_at=row.created_at,
    )


@operations.add(
    "POST",
    "/api/tokens",
    scope=Scope.RUNS_WRITE,
    answers={201: Answer(NewTokenView)},
    problems=(errors.Forbidden, errors.Conflict),
)
async def create_token(call: Call, body: TokenRequest) -> Response:
    """Make a token

    It gives nothing that the one that makes it has not, and ends with it: at its `expires_at` at the latest.
    """
    user, expires_at = _may_make(call.principal, body)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    values = {
        "id": new_id(),
        "name": body.name,
        "user_name": user,
        "prefix": token[:10],
        "token_sha256": hash_token(token),
        "scopes": sorted({scope.value for scope in body.scopes}),
        "expires_at": expires_at,
        "parent_id": call.principal.token.id if call.principal.token else None,
        "created_by": call.principal.name,
    }
    async with call.state.db.transaction() as session:
        row = (await session.execute(insert(ApiToken).values(values).returning(ApiToken))).scalar_one()
        await call.audit(session, f"token:{row.id}", user=user, scopes=values["scopes"], expires_at=expires_at)
        found = NewTokenView(token=token, **_view(row).model_dump())
    return json_response(found, 201, {"Location": f"/api/tokens/{row.id}"})


def _may_make(maker: Principal, body: TokenRequest) -> tuple[str, datetime | None]:
    """Whose the token will be, and when it ends. Raises Forbidden, Conflict."""
    if body.user is not None and body.user != maker.name and not maker.is_admin:
        raise errors.Forbidden("Only an administrator makes tokens for somebody else; leave body/user out.")
    if body.user == SERVICE and maker.name not in (None, SERVICE):
        raise errors.Forbidden(f"{SERVICE} is nobody's name: the service alone makes tokens for itself.")
    beyond = [scope.value for scope in body.scopes if not maker.may(scope)]
    if beyond:
        raise errors.Forbidden(f"A token gives no more than the one that makes it: leave out {', '.join(beyond)}.")
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise errors.Conflict("body/expires_at lies in the past; the token would never be valid.")
    ends = body.expires_at
    if maker.token is not None:
        if maker.token.depth >= _MAX_DEPTH:
            raise errors.Conflict(f"{_MAX_DEPTH} tokens descend from each other; make this one with an earlier one.")
        latest = maker.token.expires_at
        if latest is not None and ends is not None and ends > latest:
            raise errors.Conflict(
                f"body/expires_at lies after the end of the token that makes it; give {latest.isoformat()} at most."
            )
        ends = ends or latest
    return body.user or maker.name or SERVICE, ends


@operations.add("GET", "/api/tokens", scope=Scope.RUNS_READ, answers={200: Answer(TokenList)})
async def list_tokens(call: Call, query: PageQuery) -> Response:
    """List tokens: one's own, or everybody's with the scope admin"""
    wanted = select(ApiToken)
    if not call.principal.is_admin:
        wanted = wanted.where(ApiToken.user_name == call.principal.name)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, ApiToken.created_at, ApiToken.id)
    return json_response(TokenList(items=[_view(row) for row in rows], next_cursor=cursor))


# With all that descend from it, so that lists tell it of them too.
_REVOKE = text(
    """
    WITH RECURSIVE ended AS (
        SELECT id FROM api_tokens WHERE id = :id
        UNION ALL
        SELECT t.id FROM ended JOIN api_tokens t ON t.parent_id = ended.id
    )
    UPDATE api_tokens SET revoked_at = now() WHERE id IN (SELECT id FROM ended) AND revoked_at IS NULL
    """
)


@operations.add(
    "DELETE",
    "/api/tokens/{token_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(TokenView)},
    problems=(errors.NotFound, errors.Forbidden),
)
async def revoke_token(call: Call, token_id: uuid.UUID) -> Response:
    """Revoke a token, and those that it made

    It takes all the scopes that the token has: the lesser cannot end the greater.
    """
    async with call.state.db.transaction() as session:
        row = await session.get(ApiToken, token_id)
        if row is None or (row.user_name != call.principal.name and not call.principal.is_admin):
            raise errors.NotFound(f"There is no token {token_id}.")
        beyond = [scope for scope in row.scopes if not call.principal.may(Scope(scope))]
        if beyond:
            raise errors.Forbidden(f"The token that revokes it must have its scopes too: {', '.join(beyond)}.")
        await session.execute(_REVOKE, {"id": token_id})
        await call.audit(session, f"token:{token_id}", user=row.user_name)
        await session.refresh(row)
        found = _view(row)
    return json_response(found)
