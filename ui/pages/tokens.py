"""Settings: tokens, and how to use them with an editor or CI."""

from datetime import UTC, datetime, timedelta

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from client.asynchronous import Refused
from ui.backend import api
from ui.rendering import page
from ui.security import read_form
from ui.settings import Settings

SCOPES = {
    "runs:read": "see runs, verdicts and figures",
    "runs:write": "start, cancel and mark runs, connect repositories",
    "remediation:approve": "approve fixes",
}
LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year", "": "for ever"}
_DEFAULT = "90"
_SHOWN = 50
_MADE = "made"


async def show(request: Request) -> Response:
    """GET /settings"""
    return await _show(request)


async def _show(request: Request, problem: Refused | None = None, form: FormData | None = None) -> Response:
    found = await api(request).get("/api/tokens", limit=_SHOWN, cursor=request.query_params.get("cursor"))
    settings: Settings = request.app.state.settings
    return await page(
        request,
        "settings.html",
        status=200 if problem is None else problem.status,
        tokens=found["items"],
        cursor=found["next_cursor"],
        made=request.session.pop(_MADE, None),
        problem=problem,
        scopes=SCOPES,
        lifetimes=LIFETIMES,
        name=form.get("name") if form else "",
        chosen=form.getlist("scopes") if form else ["runs:read", "runs:write"],
        lifetime=form.get("lifetime") if form else _DEFAULT,
        api_url=settings.editor_url,
        now=datetime.now(UTC).isoformat(),
    )


async def make(request: Request) -> Response:
    """POST /settings/tokens: the page after it shows the token, this once"""
    async with read_form(request) as form:
        body: dict[str, object] = {
            "name": str(form.get("name") or "").strip(),
            "scopes": [str(scope) for scope in form.getlist("scopes")],
        }
        days = str(form.get("lifetime") or "")
        if days in LIFETIMES and days:
            body["expires_at"] = (datetime.now(UTC) + timedelta(days=int(days))).isoformat()
        try:
            token = await api(request).post("/api/tokens", body)
        except Refused as problem:
            if problem.status not in (403, 409, 422):
                raise
            return await _show(request, problem=problem, form=form)
    # Sealed like all of the session, until the page that shows it.
    request.session[_MADE] = {"name": token["name"], "token": token["token"]}
    return RedirectResponse("/settings#token", 303)


async def revoke(request: Request) -> Response:
    """POST /settings/tokens/{id}/revoke"""
    async with read_form(request):
        await api(request).delete(f"/api/tokens/{request.path_params['token_id']}")
    return RedirectResponse("/settings", 303)


routes = [
    Route("/settings", show, methods=["GET"]),
    Route("/settings/tokens", make, methods=["POST"]),
    Route("/settings/tokens/{token_id:uuid}/revoke", revoke, methods=["POST"]),
]
