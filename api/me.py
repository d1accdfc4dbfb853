"""Who asks."""

from pydantic import BaseModel
from starlette.responses import Response

from api.http.routing import Answer, Call, Operations, json_response
from worker.core.vocabulary import Scope

operations = Operations("tokens")


class MeView(BaseModel):
    """`user` is null for the service itself. An administrator may do everything, whatever the scopes."""

    user: str | None
    scopes: list[Scope]
    is_admin: bool


@operations.add("GET", "/api/me", scope=Scope.RUNS_READ, answers={200: Answer(MeView)})
async def who_am_i(call: Call) -> Response:
    """Whose the token is, and what it may do"""
    principal = call.principal
    return json_response(MeView(user=principal.name, scopes=sorted(principal.scopes), is_admin=principal.is_admin))
