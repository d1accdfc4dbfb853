"""The list of runs, and a new run."""

import re  # noqa: TID251  linear: one class, of a fixed length
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from client.asynchronous import Acting, Refused
from ui import starters
from ui.backend import api, day_start, require_user
from ui.rendering import page
from ui.security import read_form
from ui.settings import Settings

STATUSES = ("queued", "running", "completed", "failed", "cancelled")
VERDICTS = ("PASS", "FAIL", "VETO", "PARTIAL", "ERROR")
_FILTERS = ("repo", "branch", "status", "verdict", "since", "until")
_SHOWN = 30
_CHUNK = 1 << 16
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FORM_ROOM = 1 << 20
_ARCHIVES = {".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip"}
_FIELDS = (
    "kind",
    "repository_id",
    "ref",
    "url",
    "constitution",
    "constitution_version_id",
    "mode",
    "base",
    "upload_id",
)


async def show(request: Request) -> Response:
    """GET /runs"""
    chosen = {name: request.query_params.get(name, "") for name in _FILTERS}
    asked = {name: day_start(value) if name in ("since", "until") else value for name, value in chosen.items()}
    found = await api(request).get("/api/runs", limit=_SHOWN, cursor=request.query_params.get("cursor"), **asked)
    is_part = request.headers.get("hx-target") == "more"
    return await page(
        request,
        "parts/runs.html" if is_part else "runs.html",
        runs=found["items"],
        cursor=found["next_cursor"],
        chosen=chosen,
        is_filtered=any(chosen.values()),
        statuses=STATUSES,
        verdicts=VERDICTS,
    )


async def ask(request: Request) -> Response:
    """GET /runs/new"""
    acting = api(request)
    values = {name: request.query_params.get(name, "") for name in _FIELDS}
    again = request.query_params.get("again")
    if again is not None:
        values |= await _as_before(acting, again)
    template = request.query_params.get("template")
    if template in starters.TEMPLATES:
        values["constitution"] = starters.TEMPLATES[template].text
    return await _form(request, acting, values)


async def _as_before(acting: Acting, run_id: str) -> dict[str, str]:
    """What a form needs to ask for the same again."""
    run = await acting.get(f"/api/runs/{run_id}")
    source = run["source"]
    values = {"mode": run["mode"], "base": run["base"] or ""}
    if run["constitution_version_id"] is not None:
        values["constitution"] = (await acting.get(f"/api/constitutions/{run['constitution_version_id']}"))["content"]
    if source["kind"] == "repository":
        values |= {"kind": "repository", "repository_id": source["repository_id"], "ref": source.get("branch") or ""}
    elif source["kind"] == "git":
        values |= {"kind": "git", "url": source["url"], "ref": source.get("ref") or ""}
    elif source["kind"] == "upload":
        values |= {"kind": "upload", "upload_id": source["upload_id"]}
    return values


async def _form(
    request: Request, acting: Acting, values: Mapping[str, str], problem: Refused | None = None
) -> Response:
    repositories = (await acting.get("/api/repositories", limit=100))["items"]
    kind = values.get("kind") or ("repository" if repositories else "git")
    return await page(
        request,
        "new_run.html",
        status=200 if problem is None else problem.status,
        repositories=repositories,
        values={**dict.fromkeys(_FIELDS, ""), **values, "kind": kind},
        templates=starters.TEMPLATES,
        problem=problem,
    )


async def begin(request: Request) -> Response:
    """POST /runs"""
    acting = api(request)
    settings: Settings = request.app.state.settings
    async with read_form(request, most=settings.max_upload_bytes + _FORM_ROOM) as form:
        values = {name: _text(form, name) for name in _FIELDS}
        try:
            archive = form.get("archive")
            is_chosen = isinstance(archive, UploadFile) and bool(archive.filename)
            # One that is chosen replaces the one that was sent before.
            if values["kind"] == "upload" and (is_chosen or not values["upload_id"]):
                values["upload_id"] = await _upload(acting, archive)
            # The form's own key: sent twice, it is one run.
            run = await acting.post("/api/runs", _request(values), key=_text(form, "once") or None)
        except Refused as problem:
            if problem.status not in (400, 404, 409, 413, 415, 422):
                raise
            return await _form(request, acting, values, problem)
    return RedirectResponse(f"/runs/{run['id']}", 303)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _request(values: Mapping[str, str]) -> dict[str, Any]:
    """The form as POST /api/runs takes it; what is left empty is left out."""
    kind = values["kind"]
    source: dict[str, Any] = {"kind": kind}
    if kind == "repository":
        source["repository_id"] = values["repository_id"]
        if values["ref"]:
            source["commit" if _COMMIT.fullmatch(values["ref"]) else "branch"] = values["ref"]
    elif kind == "git":
        source["url"] = values["url"]
        source |= {"ref": values["ref"]} if values["ref"] else {}
    else:
        source["upload_id"] = values["upload_id"]
    body: dict[str, Any] = {"source": source, "labels": {"from": "ui"}}
    if values["constitution"]:
        body["constitution"] = values["constitution"]
    elif values["constitution_version_id"]:
        body["constitution_version_id"] = values["constitution_version_id"]
    if values["mode"] == "diff":
        body |= {"mode": "diff", "base": values["base"] or None}
    return body


async def _upload(acting: Acting, archive: object) -> str:
    """Raises Refused."""
    if not isinstance(archive, UploadFile) or not archive.filename:
        raise Refused(422, "An archive is missing", "Choose a zip or tar.gz.", request_id=None, retry_after=None)
    name = archive.filename.lower()
    media_type = next((kind for suffix, kind in _ARCHIVES.items() if name.endswith(suffix)), "application/zip")

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await archive.read(_CHUNK):
            yield chunk

    return await acting.upload(chunks(), media_type)


async def home(request: Request) -> Response:
    """GET /"""
    require_user(request)
    return RedirectResponse("/runs", 303)


routes = [
    Route("/", home, methods=["GET"]),
    Route("/runs", show, methods=["GET"]),
    Route("/runs", begin, methods=["POST"]),
    Route("/runs/new", ask, methods=["GET"]),
]
