"""Accept a run: its row, its first event and its job in the caller's transaction, or none of them."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from worker.core.audit import Line
from worker.core.ids import constitution_id, new_id, sha256
from worker.core.queue.jobs import VerifyRun
from worker.core.vocabulary import RunMode, SourceKind

INTERACTIVE = 10


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What is known of a run when it is accepted. `source` is the stored view, without file contents."""

    source_kind: SourceKind
    source: Mapping[str, object]
    constitution_version_id: uuid.UUID
    upload_id: uuid.UUID | None = None
    repo_id: uuid.UUID | None = None
    repo_full_name: str | None = None
    branch: str | None = None
    commit_sha: str | None = None
    mode: RunMode = RunMode.FULL
    base: str | None = None
    remediate: bool = False
    callback_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    retry_of: uuid.UUID | None = None
    patch: str | None = None
    created_by: str | None = None
    request_id: str | None = None
    traceparent: str | None = None
    idempotency_key: str | None = None
    request_sha256: str | None = None
    priority: int = INTERACTIVE


@dataclass(frozen=True)
class NewConstitution:
    """A constitution that belongs to no repository. The same text of the same owner has the same id, and is stored
    once; None owns what the service itself sends."""

    content: str
    owner: str | None = None

    @property
    def id(self) -> uuid.UUID:
        return constitution_id(self.content, self.owner)


@dataclass(frozen=True)
class NewUpload:
    """Files that came with the request itself."""

    id: uuid.UUID
    content: bytes


class ReferenceMissing(LookupError):
    """The run names something that is not there, or was removed at this moment. The message says what."""


# Everything in one statement: none of it can be without the rest, and it is one round trip.
# procrastinate_defer_jobs_v1 is what procrastinate itself calls to defer; the version in its name is its contract.
_CONSTITUTION = """constitution AS (
        INSERT INTO constitution_versions (id, content, sha256, created_by)
        VALUES (%(constitution_version_id)s, %(constitution)s, %(constitution_sha256)s, %(created_by)s)
        ON CONFLICT (id) DO NOTHING
    ), """
_UPLOAD = """upload AS (
        INSERT INTO uploads (id, format, size, sha256, content, created_by)
        VALUES (%(upload_id)s, 'files', %(upload_size)s, %(upload_sha256)s, %(upload)s, %(created_by)s)
    ), """
# The subject is known here alone: it is the run.
_AUDIT = """, audited AS (
        INSERT INTO audit_log (subject, actor, operation, token_id, request_id, address, data)
        SELECT 'run:' || id, %(audit_actor)s, %(audit_operation)s, %(audit_token_id)s, %(audit_request_id)s,
            %(audit_address)s, CAST(%(audit_data)s AS jsonb)
        FROM accepted
    )"""
_ACCEPT = """
    WITH {before}accepted AS (
        INSERT INTO runs ({columns}, event_seq) VALUES ({values}, 1) RETURNING id, created_at, priority
    ), appended AS (
        INSERT INTO run_events (run_id, seq, type) SELECT id, 1, 'queued' FROM accepted
    ){audit}
    SELECT created_at, procrastinate_defer_jobs_v1(ARRAY[ROW(
        '{queue}', '{task}', priority, NULL, NULL, jsonb_build_object('run_id', id), NULL
    )::procrastinate_job_to_defer_v1])
    FROM accepted
"""
_JSON = frozenset({"source", "labels"})
_REFERENCES = {
    "runs_constitution_version_id_fkey": "constitution version",
    "runs_repo_id_fkey": "repository",
    "runs_upload_id_fkey": "upload",
    "runs_retry_of_fkey": "run",
}


@cache
def _statement(columns: tuple[str, ...], constitution: bool, upload: bool, line: bool) -> str:
    """The statement that writes `columns`; the names are those of NewRun's fields, never a caller's."""
    return _ACCEPT.format(
        before=(_CONSTITUTION if constitution else "") + (_UPLOAD if upload else ""),
        columns=", ".join(columns),
        values=", ".join(f"CAST(%({name})s AS jsonb)" if name in _JSON else f"%({name})s" for name in columns),
        audit=_AUDIT if line else "",
        queue=VerifyRun.QUEUE,
        task=VerifyRun.NAME,
    )


async def accept(
    session: AsyncSession | AsyncConnection,
    run: NewRun,
    *,
    constitution: NewConstitution | None = None,
    upload: NewUpload | None = None,
    line: Line | None = None,
) -> tuple[uuid.UUID, datetime]:
    """Write the run with its first event and its job, what came with it, and the audit log's `line`; one statement.

    Returns the run's id and when it was accepted. Raises ReferenceMissing.
    """
    run_id = new_id()
    columns: dict[str, Any] = {name: value for name, value in run.__dict__.items() if value is not None}
    columns |= {"id": run_id, "source": json.dumps(dict(run.source)), "labels": json.dumps(dict(run.labels))}
    parameters = dict(columns)
    if constitution is not None:
        digest = sha256(constitution.content.encode())
        parameters |= {"constitution": constitution.content, "constitution_sha256": digest}
    if upload is not None:
        size, digest = len(upload.content), sha256(upload.content)
        parameters |= {"upload": upload.content, "upload_size": size, "upload_sha256": digest}
    if constitution is not None or upload is not None:
        parameters["created_by"] = run.created_by
    if line is not None:
        parameters |= {f"audit_{name}": value for name, value in line.values.items()}
    statement = _statement(tuple(columns), constitution is not None, upload is not None, line is not None)
    connection = session if isinstance(session, AsyncConnection) else await session.connection()
    try:
        # The driver's own parameters: nothing is left to compile, and this is the hottest statement there is.
        created_at = (await connection.exec_driver_sql(statement, parameters)).scalar_one()
    except IntegrityError as error:
        for constraint, thing in _REFERENCES.items():
            if constraint in str(error.orig):
                raise ReferenceMissing(f"such {thing}") from None
        raise
    return run_id, created_at
