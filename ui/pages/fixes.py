"""Remediations: what is broken, each fix with its proof, and who decides."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from client.asynchronous import Acting
from ui.backend import api
from ui.diffs import File, side_by_side
from ui.rendering import page
from ui.security import read_form

_SHOWN = 30
_PATCHES = 40
# What goes on without anybody: the page looks again.
_AT_WORK = ("queued", "running", "verifying")


async def show_all(request: Request) -> Response:
    """GET /fixes"""
    acting = api(request)
    found, switch = await asyncio.gather(
        acting.get("/api/remediations", limit=_SHOWN, cursor=request.query_params.get("cursor")),
        acting.get("/api/remediations/kill-switch"),
    )
    return await page(
        request, "remediations.html", remediations=found["items"], cursor=found["next_cursor"], switch=switch
    )


async def show(request: Request) -> Response:
    """GET /fixes/{id}"""
    acting, path = api(request), _path(request)
    remediation = await acting.get(path)
    issues, fixes, audit = await asyncio.gather(
        acting.get(f"{path}/issues"), acting.get(f"{path}/fixes"), acting.get(f"{path}/audit")
    )
    shown = fixes["items"][:_PATCHES]
    patches = await asyncio.gather(*(_patch(acting, fix["id"]) for fix in shown))
    return await page(
        request,
        "remediation.html",
        remediation=remediation,
        issues=issues["items"],
        causes={cause["id"]: cause for cause in issues["root_causes"]},
        fixes=[(fix, files) for fix, files in zip(shown, patches, strict=True)],
        left_out=len(fixes["items"]) - len(shown),
        audit=audit["items"],
        is_over=remediation["finished_at"] is not None,
        is_at_work=remediation["status"] in _AT_WORK,
    )


async def _patch(acting: Acting, fix_id: str) -> list[File]:
    document = await acting.document(f"/api/fixes/{fix_id}/patch")
    return side_by_side((document.content or b"").decode(errors="replace"))


async def decide(request: Request) -> Response:
    """POST /fixes/{id}/{fix}/{approve|reject}"""
    remediation_id, fix_id = request.path_params["remediation_id"], request.path_params["fix_id"]
    async with read_form(request) as form:
        reason = str(form.get("reason") or "").strip()
        await api(request).post(f"/api/fixes/{fix_id}/{request.url.path.rpartition('/')[2]}", {"reason": reason})
    return RedirectResponse(f"/fixes/{remediation_id}", 303)


async def stop(request: Request) -> Response:
    """POST /fixes/{id}/stop"""
    return await _with_reason(request, "stop")


async def roll_back(request: Request) -> Response:
    """POST /fixes/{id}/rollback: all of them, or one"""
    return await _with_reason(request, "rollback")


async def _with_reason(request: Request, what: str) -> Response:
    async with read_form(request) as form:
        body: dict[str, object] = {"reason": str(form.get("reason") or "").strip()}
        fix = str(form.get("fix") or "")
        if what == "rollback" and fix:
            body["fixes"] = [fix]
        await api(request).post(f"{_path(request)}/{what}", body)
    return RedirectResponse(f"/fixes/{request.path_params['remediation_id']}", 303)


async def download(request: Request) -> Response:
    """GET /fixes/{id}/patch"""
    document = await api(request).document(f"{_path(request)}/patch")
    headers = {"Content-Disposition": 'attachment; filename="fixes.patch"'}
    return Response(document.content, media_type="text/x-diff; charset=utf-8", headers=headers)


async def switch(request: Request) -> Response:
    """POST /fixes/kill-switch"""
    async with read_form(request) as form:
        body = {"engaged": form.get("engaged") == "true", "reason": str(form.get("reason") or "").strip()}
        await api(request).put("/api/remediations/kill-switch", body)
    return RedirectResponse("/fixes", 303)


def _path(request: Request) -> str:
    return f"/api/remediations/{request.path_params['remediation_id']}"


_ONE = "/fixes/{remediation_id:uuid}"
routes = [
    Route("/fixes", show_all, methods=["GET"]),
    Route("/fixes/kill-switch", switch, methods=["POST"]),
    Route(_ONE, show, methods=["GET"]),
    Route(f"{_ONE}/patch", download, methods=["GET"]),
    Route(f"{_ONE}/stop", stop, methods=["POST"]),
    Route(f"{_ONE}/rollback", roll_back, methods=["POST"]),
    Route(f"{_ONE}/{{fix_id:uuid}}/approve", decide, methods=["POST"]),
    Route(f"{_ONE}/{{fix_id:uuid}}/reject", decide, methods=["POST"]),
]
