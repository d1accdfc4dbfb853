"""What an operator needs: queues, workers, providers, failed jobs, the audit log. The api lets administrators alone."""

import asyncio
import re  # noqa: TID251  linear: one class, of a bounded length

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ui.backend import api, day_start
from ui.errors import NotThere
from ui.rendering import page
from ui.security import read_form

_JOBS = 20
_LINES = 50
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_FILTERS = ("actor", "subject", "operation", "since", "until")


async def show(request: Request) -> Response:
    """GET /operation"""
    acting = api(request)
    queue, failed, health = await asyncio.gather(
        acting.get("/api/queue"),
        acting.get("/api/jobs", status="failed", limit=_JOBS),
        acting.get("/api/analytics/health"),
    )
    return await page(request, "operation.html", queue=queue, failed=failed["items"], health=health)


async def pause_or_resume(request: Request) -> Response:
    """POST /operation/queues/{name}/{pause|resume}"""
    async with read_form(request):
        name, word = request.path_params["name"], request.url.path.rpartition("/")[2]
        await api(request).post(f"/api/queue/{_segment(name)}/{word}")
    return RedirectResponse("/operation", 303)


def _segment(value: str) -> str:
    """A part of the api's path, and no more of it. Raises NotThere."""
    if not _NAME.fullmatch(value):
        raise NotThere
    return value


async def retry(request: Request) -> Response:
    """POST /operation/jobs/{id}/retry"""
    async with read_form(request):
        await api(request).post(f"/api/jobs/{_segment(request.path_params['job_id'])}/retry")
    return RedirectResponse("/operation", 303)


async def audit(request: Request) -> Response:
    """GET /operation/audit"""
    chosen = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    asked = {name: day_start(value) if name in ("since", "until") else value for name, value in chosen.items()}
    found = await api(request).get("/api/audit", limit=_LINES, cursor=request.query_params.get("cursor"), **asked)
    return await page(request, "audit.html", lines=found["items"], cursor=found["next_cursor"], chosen=chosen)


routes = [
    Route("/operation", show, methods=["GET"]),
    Route("/operation/audit", audit, methods=["GET"]),
    Route("/operation/queues/{name}/pause", pause_or_resume, methods=["POST"]),
    Route("/operation/queues/{name}/resume", pause_or_resume, methods=["POST"]),
    Route("/operation/jobs/{job_id}/retry", retry, methods=["POST"]),
]
