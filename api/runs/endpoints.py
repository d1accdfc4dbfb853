"""Runs: enqueue, list, look at, cancel, run again."""

import hashlib
import json
import uuid
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from starlette.responses import Response

from api import access
from api.auth import Principal
from api.http import errors
from api.http.pagination import beyond, page
from api.http.routing import Answer, Call, Operations, json_response
from api.limits.holdings import make_room
from api.runs.resolve import check_constitution, newest_constitution, resolve_source
from api.runs.schemas import RunList, RunQuery, RunRequest, RunView, fresh_view, view
from worker.core.models import Run
from worker.core.runs import lifecycle, submission
from worker.core.telemetry import tracing
from worker.core.untrusted import source, urls
from worker.core.vocabulary import RunMode, RunStatus, Scope, SourceKind

operations = Operations("runs")

_KEY_HEADER = {"Idempotency-Key": "1 to 255 printable ASCII characters; the same key and body give the same run"}


def _accepted(found: RunView, *, replayed: bool = False) -> Response:
    headers = {"Location": f"/api/runs/{found.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_response(found, 202, headers)


def idempotency_key(call: Call) -> str | None:
    """The request's Idempotency-Key. Raises MalformedRequest."""
    key = call.request.headers.get("idempotency-key")
    if key is not None and (not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable()):
        raise errors.MalformedRequest("Idempotency-Key must be 1 to 255 printable ASCII characters.")
    return key


async def _earlier(session: AsyncSession, principal: Principal, key: str, body_sha256: str) -> Run | None:
    """The run that this user's key made before. Raises InFlight, KeyReused, and NotFound for a run that was theirs."""
    free = await session.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 77))"),
        {"key": json.dumps([principal.name, key])},
    )
    if not free:
        raise errors.InFlight(
            "A request with this Idempotency-Key is being worked on. Send it again to learn how it ended.",
            headers={"Retry-After": "1"},
        )
    same_user = Run.created_by.is_(None) if principal.name is None else Run.created_by == principal.name
    found = (await session.execute(select(Run).where(same_user, Run.idempotency_key == key))).scalar_one_or_none()
    if found is None:
        return None
    if found.request_sha256 != body_sha256:
        raise errors.KeyReused("This Idempotency-Key was sent before with another body. Use a new key.")
    return await access.find_run(session, principal, found.id)


class _Enclosed(TypedDict, total=False):
    """What a request brings along to be stored with its run."""

    constitution: submission.NewConstitution | None
    upload: submission.NewUpload | None


async def _accept(
    call: Call,
    session: AsyncSession | AsyncConnection,
    run: submission.NewRun,
    *,
    constitution: submission.NewConstitution | None = None,
    upload: submission.NewUpload | None = None,
) -> tuple[uuid.UUID, datetime]:
    try:
        line = call.line(None, source=run.source_kind.value, repository=run.repo_full_name)
        return await submission.accept(session, run, constitution=constitution, upload=upload, line=line)
    except submission.ReferenceMissing as missing:
        raise errors.NotFound(f"There is no {missing}.") from None


async def _make_room(
    call: Call,
    session: AsyncSession,
    *,
    constitution: submission.NewConstitution | None = None,
    upload: submission.NewUpload | None = None,
) -> None:
    size = 0 if upload is None else len(upload.content)
    await make_room(session, call.principal, call.state.settings, runs=1, size=size)


async def _resolved(call: Call, session: AsyncSession, body: RunRequest) -> tuple[submission.NewRun, _Enclosed]:
    """The run that the request describes, and what came with it. Raises NotFound, Forbidden, InvalidRequest."""
    resolved = await resolve_source(session, call.principal, body.source)
    constitution = None
    if body.constitution is not None:
        constitution = submission.NewConstitution(body.constitution, call.principal.name)
        version = constitution.id
    elif body.constitution_version_id is not None:
        version = await check_constitution(session, call.principal, body.constitution_version_id)
    else:
        version = await newest_constitution(session, resolved.repo_id)
    run = submission.NewRun(
        source_kind=SourceKind(body.source.kind),
        source=resolved.stored,
        upload_id=resolved.upload_id,
        repo_id=resolved.repo_id,
        repo_full_name=resolved.repo_full_name,
        branch=resolved.branch,
        constitution_version_id=version,
        mode=body.mode,
        base=body.base,
        remediate=body.remediate,
        callback_url=body.callback_url,
        labels=body.labels,
        created_by=call.principal.name,
        request_id=call.request_id,
        traceparent=tracing.current(),
    )
    return run, {"constitution": constitution, "upload": resolved.upload}


def _check_addresses(call: Call, asked: object, callback_url: str | None) -> None:
    """Whether this deployment takes code from there and calls back there. Raises InvalidRequest."""
    settings = call.state.settings
    try:
        source.check(asked, settings)
        if callback_url is not None:
            urls.check_url(callback_url, production=settings.deployed)
    except urls.SourceRejected as error:
        raise errors.InvalidRequest(f"body/source: {error}") from None
    except urls.AddressRejected as error:
        raise errors.InvalidRequest(f"body/callback_url: {error}") from None


@operations.add(
    "POST",
    "/api/runs",
    scope=Scope.RUNS_WRITE,
    answers={
        202: Answer(RunView, headers={"Location": "where the run is", "Idempotency-Replayed": "`true` for a replay"})
    },
    problems=(errors.NotFound, errors.InFlight, errors.KeyReused),
    headers=_KEY_HEADER,
)
async def create_run(call: Call, body: RunRequest) -> Response:
    """Enqueue a verification

    The run and its job are written in one transaction; 202 means that both are there.
    """
    _check_addresses(call, body.source, body.callback_url)
    key = idempotency_key(call)
    if key is None:
        async with call.state.db.transaction() as session:
            run, more = await _resolved(call, session, body)
        if call.principal.name is None:
            async with call.state.db.single_statement() as connection:
                run_id, created_at = await _accept(call, connection, run, **more)
        else:
            async with call.state.db.transaction() as session:
                await _make_room(call, session, **more)
                run_id, created_at = await _accept(call, session, run, **more)
    else:
        body_sha256 = hashlib.sha256(call.request.state.body).hexdigest()
        async with call.state.db.transaction() as session:
            # First: what the request names may be gone by the time it is repeated.
            earlier = await _earlier(session, call.principal, key, body_sha256)
            if earlier is not None:
                return _accepted(view(earlier), replayed=True)
            run, more = await _resolved(call, session, body)
            run = replace(run, idempotency_key=key, request_sha256=body_sha256)
            await _make_room(call, session, **more)
            run_id, created_at = await _accept(call, session, run, **more)
    call.state.metrics.accepted.inc()
    return _accepted(fresh_view(run_id, created_at, run))


@operations.add("GET", "/api/runs", scope=Scope.RUNS_READ, answers={200: Answer(RunList)})
async def list_runs(call: Call, query: RunQuery) -> Response:
    """List the runs that one may see, newest first"""
    where: list[ColumnElement[bool]] = beyond(query, Run.created_at, Run.id)
    for column, value in (
        (Run.repo_full_name, query.repo),
        (Run.branch, query.branch),
        (Run.status, query.status),
        (Run.verdict, query.verdict),
    ):
        if value is not None:
            where.append(column == value)
    if query.since is not None:
        where.append(Run.created_at >= query.since)
    if query.until is not None:
        where.append(Run.created_at < query.until)
    wanted = access.newest_runs(call.principal, where, query.limit + 1)
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, Run.created_at, Run.id)
    return json_response(RunList(items=[view(row) for row in rows], next_cursor=cursor))


@operations.add(
    "GET", "/api/runs/{run_id}", scope=Scope.RUNS_READ, answers={200: Answer(RunView)}, problems=(errors.NotFound,)
)
async def get_run(call: Call, run_id: uuid.UUID) -> Response:
    """Look at a run"""
    async with call.state.db.transaction() as session:
        return json_response(view(await access.find_run(session, call.principal, run_id)))


@operations.add(
    "DELETE",
    "/api/runs/{run_id}",
    scope=Scope.RUNS_WRITE,
    answers={
        200: Answer(RunView, description="It was queued, and is cancelled"),
        202: Answer(RunView, description="It is running, and was asked to stop"),
    },
    problems=(errors.NotFound, errors.Conflict),
)
async def cancel_run(call: Call, run_id: uuid.UUID) -> Response:
    """Cancel a run

    A queued run is cancelled at once; a running one is asked to stop, and is cancelled when it has.
    """
    async with call.state.db.transaction() as session:
        run = await access.find_run(session, call.principal, run_id, access.WRITE)
        status = await lifecycle.request_cancel(session, run_id)
        await session.refresh(run)
        if status is None:
            raise errors.Conflict(f"The run has ended already: it is {run.status}.")
        await call.audit(session, f"run:{run_id}")
        found = view(run)
    return json_response(found, 200 if status is RunStatus.CANCELLED else 202)


@operations.add(
    "POST",
    "/api/runs/{run_id}/retry",
    scope=Scope.RUNS_WRITE,
    answers={202: Answer(RunView, headers={"Location": "where the new run is"})},
    problems=(errors.NotFound, errors.Conflict),
)
async def retry_run(call: Call, run_id: uuid.UUID) -> Response:
    """Run again

    Enqueues a new run of the same source and constitution; the old one stays as it is. It is called back where the old
    one was if that was one's own: another's may be a member no more.
    """
    async with call.state.db.transaction() as session:
        old = await access.find_run(session, call.principal, run_id, access.WRITE)
        if not RunStatus(old.status).is_final:
            raise errors.Conflict(f"The run has not ended: it is {old.status}.")
        if old.constitution_version_id is None:
            raise errors.Conflict("The run's constitution was removed; enqueue a new run.")
        if old.upload_id is None and old.source_kind in (SourceKind.UPLOAD, SourceKind.FILES):
            raise errors.Conflict("The run's upload was removed; upload it again and enqueue a new run.")
        # Accepted once, perhaps under other settings.
        _check_addresses(call, source.fetched(old.source_kind, old.source), old.callback_url)
        run = submission.NewRun(
            source_kind=SourceKind(old.source_kind),
            source=old.source,
            upload_id=old.upload_id,
            repo_id=old.repo_id,
            repo_full_name=old.repo_full_name,
            branch=old.branch,
            constitution_version_id=old.constitution_version_id,
            mode=RunMode(old.mode),
            base=old.base,
            remediate=old.remediate,
            callback_url=old.callback_url if old.created_by == call.principal.name else None,
            labels=old.labels,
            retry_of=old.id,
            patch=await session.scalar(select(Run.patch).where(Run.id == old.id)),
            created_by=call.principal.name,
            request_id=call.request_id,
            traceparent=tracing.current(),
        )
        await _make_room(call, session)
        new_id, created_at = await _accept(call, session, run)
    call.state.metrics.accepted.inc()
    return _accepted(fresh_view(new_id, created_at, run))
