"""Connected repositories: their branches, constitution, settings and members."""

import asyncio
import math
import re  # noqa: TID251  linear: one class, of a bounded length
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from client.asynchronous import Refused
from ui import starters
from ui.backend import api, require_user
from ui.diffs import side_by_side
from ui.errors import NotThere
from ui.forges import repository_url
from ui.rendering import page
from ui.security import own_origin, read_form
from ui.settings import Settings

_SHOWN = 50
_RUNS = 10
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_FIELDS = ("clone_url", "full_name", "default_branch")
# What is asked for with a tick, and what it is called on the page.
SWITCHES = {
    "pull_requests": "Verify pull requests",
    "follow_constitution": "Take the constitution that the commit itself has",
    "cancel_superseded": "A newer commit cancels a run at work on an older one",
    "remediate": "Begin to fix where a run fails",
    "comment": "One comment at each pull request",
    "sarif": "Upload findings to code scanning",
    "public_badge": "Show the default branch's verdict to everybody (badge)",
}
DEPTHS = {
    "": "as the installation has it",
    "full": "full: scouts read every line",
    "search": "search: cheaper, sampled",
}


async def show_all(request: Request) -> Response:
    """GET /repositories"""
    found = await api(request).get("/api/repositories", limit=_SHOWN, cursor=request.query_params.get("cursor"))
    return await page(request, "repositories.html", repositories=found["items"], cursor=found["next_cursor"])


async def ask(request: Request) -> Response:
    """GET /repositories/new"""
    api(request)
    return await page(request, "connect.html", values=dict.fromkeys(_FIELDS, ""), problem=None)


async def connect(request: Request) -> Response:
    """POST /repositories"""
    async with read_form(request) as form:
        values = {name: str(form.get(name) or "").strip() for name in _FIELDS}
    body = {name: value for name, value in values.items() if value}
    try:
        repository = await api(request).post("/api/repositories", body)
    except Refused as problem:
        if problem.status not in (409, 422):
            raise
        return await page(request, "connect.html", status=problem.status, values=values, problem=problem)
    return RedirectResponse(f"/repositories/{repository['id']}", 303)


async def show(request: Request) -> Response:
    """GET /repositories/{id}"""
    return await _show(request)


async def _show(
    request: Request,
    problem: Refused | None = None,
    draft: str | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:
    """`draft`, `typed`: a constitution and settings that were sent, and not taken."""
    acting, path = api(request), _path(request)
    repository = await acting.get(path)
    repository["settings"] |= typed or {}
    branches, versions, members, runs, commits = await asyncio.gather(
        acting.get(f"{path}/branches"),
        acting.get(f"{path}/constitution"),
        acting.get(f"{path}/members"),
        acting.get("/api/runs", repo=repository["full_name"], limit=_RUNS),
        acting.get("/api/monitor/jobs", repository_id=repository["id"], limit=_RUNS),
    )
    return await page(
        request,
        "repository.html",
        status=200 if problem is None else problem.status,
        repository=repository,
        branches=branches["items"],
        versions=versions["items"],
        members=members["items"],
        role=_role(request, members["items"]),
        runs=runs["items"],
        commits=commits["items"],
        web=repository_url({"url": repository["clone_url"]}),
        switches=SWITCHES,
        depths=DEPTHS,
        templates=starters.TEMPLATES,
        badge=_badge(request, repository),
        problem=problem,
        draft=draft,
    )


def _role(request: Request, members: Sequence[Mapping[str, Any]]) -> str:
    """What who looks may do here, so that nobody is shown what would be refused; the api decides it in any case."""
    user = require_user(request)
    own = next((member["role"] for member in members if member["user"] == user.name), "read")
    return "admin" if user.is_admin else own


def _badge(request: Request, repository: dict[str, Any]) -> tuple[str, str] | None:
    """The badge's address and the page it leads to; None where nobody may see it."""
    web = repository_url({"url": repository["clone_url"]})
    if web is None or not repository["settings"]["public_badge"]:
        return None
    settings: Settings = request.app.state.settings
    here = f"{own_origin(request)}/runs?repo={repository['full_name']}"
    return f"{settings.editor_url}/badge/{web.split('://', 1)[1]}.svg", here


async def change(request: Request) -> Response:
    """POST /repositories/{id}"""
    async with read_form(request) as form:
        settings: dict[str, Any] = {name: form.get(name) == "on" for name in SWITCHES}
        budget = str(form.get("run_budget_usd") or "").strip()
        settings |= {
            "depth": str(form.get("depth") or "") or None,
            "constitution_path": str(form.get("constitution_path") or "").strip() or None,
            "run_budget_usd": _number(budget),
            "notify": _notices(form),
        }
        body = {"default_branch": str(form.get("default_branch") or "").strip() or None, "settings": settings}
    changing = api(request).patch(_path(request), {k: v for k, v in body.items() if v is not None})
    return await _try(request, changing, typed=settings)


def _number(text: str) -> float | str | None:
    """What is no number is left to the api to refuse, with its reason."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _notices(form: FormData) -> list[dict[str, str]]:
    urls, formats = form.getlist("notify_url"), form.getlist("notify_format")
    return [
        {"url": str(url).strip(), "format": str(kind)}
        for url, kind in zip(urls, formats, strict=False)
        if str(url).strip()
    ]


async def _try(
    request: Request, changing: Awaitable[Any], draft: str | None = None, typed: Mapping[str, Any] | None = None
) -> Response:
    """Do it and show the repository; what is refused is shown with the reason."""
    try:
        await changing
    except Refused as problem:
        if problem.status not in (403, 409, 422):
            raise
        return await _show(request, problem, draft, typed)
    return RedirectResponse(f"/repositories/{request.path_params['repository_id']}", 303)


async def monitor(request: Request) -> Response:
    """POST /repositories/{id}/branches"""
    async with read_form(request) as form:
        body = {"name": str(form.get("name") or "").strip(), "monitored": form.get("monitored") == "true"}
    return await _try(request, api(request).put(f"{_path(request)}/branches", body))


async def write_constitution(request: Request) -> Response:
    """POST /repositories/{id}/constitution"""
    async with read_form(request) as form:
        text = str(form.get("constitution") or "").replace("\r\n", "\n")
    return await _try(request, api(request).put(f"{_path(request)}/constitution", {"content": text}), text)


async def show_version(request: Request) -> Response:
    """GET /repositories/{id}/constitution/{version}"""
    acting, path, version = api(request), _path(request), request.path_params["version"]
    if not _VERSION.fullmatch(version):
        raise NotThere
    repository = await acting.get(path)
    diff = await acting.document(f"{path}/constitution/{version}/diff", since=request.query_params.get("since"))
    versions = (await acting.get(f"{path}/constitution"))["items"]
    return await page(
        request,
        "constitution.html",
        repository=repository,
        version=next((item for item in versions if item["version"] == int(version)), None),
        files=side_by_side((diff.content or b"").decode()),
    )


async def put_member(request: Request) -> Response:
    """POST /repositories/{id}/members"""
    async with read_form(request) as form:
        body = {"user": str(form.get("user") or "").strip(), "role": str(form.get("role") or "")}
    return await _try(request, api(request).put(f"{_path(request)}/members", body))


async def remove_member(request: Request) -> Response:
    """POST /repositories/{id}/members/remove"""
    async with read_form(request) as form:
        user = str(form.get("user") or "")
    return await _try(request, api(request).delete(f"{_path(request)}/members", user=user))


async def remove(request: Request) -> Response:
    """POST /repositories/{id}/remove"""
    async with read_form(request):
        await api(request).delete(_path(request))
    return RedirectResponse("/repositories", 303)


def _path(request: Request) -> str:
    return f"/api/repositories/{request.path_params['repository_id']}"


_ONE = "/repositories/{repository_id:uuid}"
routes = [
    Route("/repositories", show_all, methods=["GET"]),
    Route("/repositories", connect, methods=["POST"]),
    Route("/repositories/new", ask, methods=["GET"]),
    Route(_ONE, show, methods=["GET"]),
    Route(_ONE, change, methods=["POST"]),
    Route(f"{_ONE}/branches", monitor, methods=["POST"]),
    Route(f"{_ONE}/constitution", write_constitution, methods=["POST"]),
    Route(f"{_ONE}/constitution/{{version}}", show_version, methods=["GET"]),
    Route(f"{_ONE}/members", put_member, methods=["POST"]),
    Route(f"{_ONE}/members/remove", remove_member, methods=["POST"]),
    Route(f"{_ONE}/remove", remove, methods=["POST"]),
]
