"""A run: its progress while it is at work, then the verdict and all that it rests on."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from client.asynchronous import Acting, Refused, Unreachable
from client.http import FINAL
from ui import changes, progress
from ui.backend import api, documents, require_user
from ui.errors import NotThere
from ui.forges import places
from ui.highlight import lines
from ui.live import hub
from ui.rendering import page
from ui.security import read_form

_FINDINGS = 100
_DOWNLOADS = {
    "report.md": ("report", "text/markdown; charset=utf-8"),
    "verdict.json": ("verdict", "application/json"),
    "verdict.sarif": ("sarif", "application/json"),
    "criteria.json": ("criteria", "application/json"),
}
_SEVERITIES = ("critical", "high", "medium", "low")
_OUTCOMES = ("FAIL", "UNDECIDED", "PASS")


async def show(request: Request) -> Response:
    """GET /runs/{id}"""
    acting, run_id = api(request), request.path_params["run_id"]
    run, said = await asyncio.gather(acting.get(f"/api/runs/{run_id}"), _marks(acting, run_id))
    if run["status"] not in FINAL:
        return await page(request, "run.html", run=run, verdict=None, progress=progress.Progress())
    if run["status"] != "completed":
        return await page(request, "run.html", run=run, verdict=None, progress=None)
    try:
        verdict = await _verdict(request, acting, run_id)
    except Refused as refused:
        if refused.status != 404:
            raise
        # The run is there, and what it left is kept for CVA_KEEP_ARTIFACTS_DAYS.
        return await page(request, "run.html", run=run, verdict=None, progress=None)
    return await page(
        request,
        "run.html",
        run=run,
        progress=None,
        verdict=verdict,
        groups=_groups(verdict["criteria"]),
        changed=await _changed(request, acting, run, verdict),
        said=said,
        worst=_worst(verdict["findings"]),
    )


async def _verdict(request: Request, acting: Acting, run_id: str) -> dict[str, Any]:
    verdict: dict[str, Any] = await documents(request).get(acting, f"/api/runs/{run_id}/verdict")
    return verdict


def _groups(criteria: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """What failed first, what passed last; within them as the constitution has it."""
    return [
        (outcome, found)
        for outcome in _OUTCOMES
        if (found := [criterion for criterion in criteria if criterion["outcome"] == outcome])
    ]


def _worst(findings: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys(_SEVERITIES, 0)
    for finding in findings:
        counts[finding["severity"]] += 1
    return counts


async def _changed(
    request: Request, acting: Acting, run: dict[str, Any], verdict: dict[str, Any]
) -> changes.Changes | None:
    """What is other than in the branch's run before; None where there was none."""
    if run["repository"] is None or run["branch"] is None:
        return None
    asked = {"repo": run["repository"], "branch": run["branch"], "status": "completed", "until": run["created_at"]}
    before = (await acting.get("/api/runs", limit=1, **asked))["items"]
    if not before:
        return None
    try:
        old = await _verdict(request, acting, before[0]["id"])
    except Refused:
        return None
    return changes.compare(before[0], old, verdict)


async def _marks(acting: Acting, run_id: str) -> dict[str, dict[str, Any]]:
    """What people said of the results: by a criterion's key, or a finding's fingerprint; the last word counts."""
    found = {}
    for mark in (await acting.get(f"/api/runs/{run_id}/feedback"))["items"]:
        of = mark["key"] if mark["subject"] == "criterion" else (mark["fingerprints"] or [""])[0]
        found[of] = mark
    return found


async def criterion(request: Request) -> Response:
    """GET /runs/{id}/criteria/{key}: with the judges' words and what they rest on"""
    acting, run_id, key = api(request), request.path_params["run_id"], request.path_params["key"]
    run = await acting.get(f"/api/runs/{run_id}")
    verdict = await _verdict(request, acting, run_id)
    found = next((item for item in verdict.get("criteria", ()) if item["key"] == key), None)
    if found is None:
        raise NotThere
    is_part = "hx-request" in request.headers
    return await page(
        request,
        "parts/criterion.html" if is_part else "criterion.html",
        run=run,
        criterion=found,
        link=places(run, verdict["snapshot"]["commit"]),
        code=lines,
        mark=(await _marks(acting, run_id)).get(key),
        accepted=[
            mark for mark in verdict.get("run", {}).get("accepted", ()) if mark["fingerprint"] in found["accepted"]
        ],
        back=f"/runs/{run_id}#{key}" if is_part else f"/runs/{run_id}/criteria/{quote(key, safe='')}",
    )


async def findings(request: Request) -> Response:
    """GET /runs/{id}/findings"""
    acting, run_id = api(request), request.path_params["run_id"]
    run = await acting.get(f"/api/runs/{run_id}")
    verdict = await _verdict(request, acting, run_id)
    wanted = {name: request.query_params.get(name, "") for name in ("severity", "rule", "path")}
    found = [
        finding
        for finding in verdict.get("findings", ())
        if all(not value or _has(finding, name, value) for name, value in wanted.items())
    ]
    found.sort(key=lambda finding: (_SEVERITIES.index(finding["severity"]), finding["path"], finding["start_line"]))
    asked = request.query_params.get("page", "")
    last = max(0, len(found) - 1) // _FINDINGS
    start = _FINDINGS * min(last, max(0, int(asked[:9]) - 1) if asked.isascii() and asked.isdigit() else 0)
    return await page(
        request,
        "findings.html",
        run=run,
        verdict=verdict,
        findings=found[start : start + _FINDINGS],
        count=len(found),
        start=start,
        number=start // _FINDINGS + 1,
        has_more=len(found) > start + _FINDINGS,
        wanted=wanted,
        link=places(run, verdict["snapshot"]["commit"]),
        code=lines,
        said=await _marks(acting, run_id),
    )


def _has(finding: dict[str, Any], name: str, value: str) -> bool:
    return value in finding["path"] if name == "path" else finding[name] == value


async def calls(request: Request) -> Response:
    """GET /runs/{id}/calls"""
    acting, run_id = api(request), request.path_params["run_id"]
    run = await acting.get(f"/api/runs/{run_id}")
    items = (await acting.get(f"/api/runs/{run_id}/calls"))["items"]
    return await page(request, "calls.html", run=run, calls=items)


async def download(request: Request) -> Response:
    """GET /runs/{id}/download/{name}"""
    run_id, name = request.path_params["run_id"], request.path_params["name"]
    if name not in _DOWNLOADS:
        raise NotThere
    what, media_type = _DOWNLOADS[name]
    document = await api(request).document(f"/api/runs/{run_id}/{what}")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(document.content, media_type=media_type, headers=headers)


async def events(request: Request) -> Response:
    """GET /runs/{id}/events: the progress as it happens, as HTML in server-sent events"""
    user, run_id = require_user(request), str(request.path_params["run_id"])
    # Whoever may not see it is told so before a stream begins. An api that restarts is waited for within it: a browser
    # takes an error's status for the end.
    try:
        await api(request).get(f"/api/runs/{run_id}")
    except Unreachable:
        pass
    except Refused as refused:
        if refused.status < 500 and refused.status != 429:
            raise
    after = request.headers.get("last-event-id", "0")
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        after = "0"
    return StreamingResponse(
        hub(request).follow(user.name, run_id, int(after)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def cancel(request: Request) -> Response:
    """POST /runs/{id}/cancel"""
    run_id = request.path_params["run_id"]
    async with read_form(request):
        await api(request).delete(f"/api/runs/{run_id}")
    return RedirectResponse(f"/runs/{run_id}", 303)


async def again(request: Request) -> Response:
    """POST /runs/{id}/again"""
    async with read_form(request):
        run = await api(request).post(f"/api/runs/{request.path_params['run_id']}/retry")
    return RedirectResponse(f"/runs/{run['id']}", 303)


async def mark(request: Request) -> Response:
    """POST /runs/{id}/feedback"""
    run_id = request.path_params["run_id"]
    async with read_form(request) as form:
        values = {name: str(form.get(name) or "") for name in ("subject", "mark", "note", "key", "fingerprint")}
        of = "key" if values["subject"] == "criterion" else "fingerprint"
        body = {name: values[name] for name in ("subject", "mark", of)}
        await api(request).post(f"/api/runs/{run_id}/feedback", {**body, "note": values["note"] or None})
        return RedirectResponse(_back(run_id, form.get("back")), 303)


async def unmark(request: Request) -> Response:
    """POST /runs/{id}/feedback/{feedback_id}/undo"""
    run_id = request.path_params["run_id"]
    async with read_form(request) as form:
        await api(request).delete(f"/api/runs/{run_id}/feedback/{request.path_params['feedback_id']}")
        return RedirectResponse(_back(run_id, form.get("back")), 303)


def _back(run_id: str, to: object) -> str:
    """To the run, or the page of it that was left."""
    here = f"/runs/{run_id}"
    inside = isinstance(to, str) and to.startswith((f"{here}/", f"{here}?", f"{here}#")) and to.isprintable()
    return str(to) if inside else here


async def remediate(request: Request) -> Response:
    """POST /runs/{id}/fix"""
    async with read_form(request):
        remediation = await api(request).post("/api/remediations", {"run_id": str(request.path_params["run_id"])})
    return RedirectResponse(f"/fixes/{remediation['id']}", 303)


_RUN = "/runs/{run_id:uuid}"
routes = [
    Route(_RUN, show, methods=["GET"]),
    Route(f"{_RUN}/criteria/{{key}}", criterion, methods=["GET"]),
    Route(f"{_RUN}/findings", findings, methods=["GET"]),
    Route(f"{_RUN}/calls", calls, methods=["GET"]),
    Route(f"{_RUN}/download/{{name}}", download, methods=["GET"]),
    Route(f"{_RUN}/events", events, methods=["GET"]),
    Route(f"{_RUN}/cancel", cancel, methods=["POST"]),
    Route(f"{_RUN}/again", again, methods=["POST"]),
    Route(f"{_RUN}/feedback", mark, methods=["POST"]),
    Route(f"{_RUN}/feedback/{{feedback_id:uuid}}/undo", unmark, methods=["POST"]),
    Route(f"{_RUN}/fix", remediate, methods=["POST"]),
]
