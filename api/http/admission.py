"""Who may go in: known, allowed, and within the limits, before anything of the request is read."""

from starlette.requests import HTTPConnection

from api.auth import TOKEN_PREFIX, Principal, authenticate, presented_token
from api.state import State
from worker.core.db.turns import asker
from worker.core.vocabulary import Scope


async def admit(connection: HTTPConnection, state: State, scope: Scope, *, in_query: bool = False) -> Principal:
    """The principal of a request that counts as one. The answer will say what is left of the limits.

    Raises Unauthenticated, Forbidden, MalformedRequest, TooManyRequests.
    """
    token = presented_token(connection, in_query=in_query)
    user = connection.headers.get("x-cva-user", "")
    credentials = f"{token}\n{user}"
    # Until it is known who asks: a service that names nobody asks for everybody.
    is_users = token is not None and token.startswith(TOKEN_PREFIX)
    asker.set(f"credentials:{token if is_users else user}" if is_users or user else None)
    await state.limits.requests.check(credentials)
    principal = await authenticate(connection, settings=state.settings, db=state.db, in_query=in_query)
    asker.set(None if principal.name is None else f"user:{principal.name}")
    connection.scope["state"]["limits"] = await state.limits.requests.take(principal, credentials=credentials)
    principal.require(scope)
    await state.limits.requests.pace(principal)
    return principal
