"""Uploads: a zip or tar.gz body, counted as it streams to disk, read through by a process of its own before it is
accepted, and stored in parts: no upload is ever whole in the api's memory."""

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import IO, cast

from pydantic import BaseModel
from sqlalchemy import delete, insert, text
from starlette.responses import Response

from api.http import errors
from api.http.body import receive
from api.http.routing import Answer, Call, Operations, json_response
from api.limits.holdings import make_room
from worker.core.ids import new_id
from worker.core.models import UploadPart
from worker.core.untrusted import archives
from worker.core.untrusted.inspection import inspect_apart
from worker.core.vocabulary import Scope

operations = Operations("uploads")

_SECONDS = 300.0
_PART = 1 << 20
# An upload of so many bytes counts as one request more.
_WORTH_A_REQUEST = 1 << 20
# Reading an archive through is work for a core; more at once would only be slower.
_gate = asyncio.Semaphore(2)

MEDIA_TYPES = ("application/zip", "application/gzip", "application/octet-stream")
# Names that clients use for the same; what it is, its first bytes say.
_ALSO = ("application/x-gzip", "application/x-tar", "application/x-zip-compressed")


_JOIN = text(
    """
    INSERT INTO uploads (id, format, size, sha256, content, created_by)
    SELECT CAST(:id AS uuid), CAST(:format AS text), CAST(:size AS bigint), CAST(:sha256 AS text),
        string_agg(content, '' ORDER BY number), CAST(:created_by AS text)
    FROM upload_parts WHERE upload_id = CAST(:id AS uuid)
    RETURNING created_at
    """
)


class UploadView(BaseModel):
    upload_id: uuid.UUID
    format: str
    files: int
    size: int
    sha256: str
    created_at: datetime


async def _store(call: Call, file: IO[bytes], row: Mapping[str, object]) -> datetime:
    """Bring the content into its row in parts: neither this process nor the driver holds it whole."""
    file.seek(0)
    async with call.state.db.transaction() as session:
        for number in count():
            part = await asyncio.to_thread(file.read, _PART)
            if not part:
                break
            await session.execute(insert(UploadPart).values(upload_id=row["id"], number=number, content=part))
        # Last: nobody of the user's waits while the content arrives.
        await make_room(session, call.principal, call.state.settings, size=cast(int, row["size"]))
        created_at: datetime = (await session.execute(_JOIN, row)).scalar_one()
        await session.execute(delete(UploadPart).where(UploadPart.upload_id == row["id"]))
        await call.audit(session, f"upload:{row['id']}", size=row["size"], sha256=row["sha256"])
    return created_at


@operations.add(
    "POST",
    "/api/uploads",
    scope=Scope.RUNS_WRITE,
    answers={201: Answer(UploadView)},
    problems=(errors.ArchiveNotAccepted, errors.BodyTooLarge, errors.UnsupportedMediaType),
    takes=MEDIA_TYPES,
)
async def create_upload(call: Call) -> Response:
    """Send an archive

    The body is the zip or tar.gz itself. Answers the `upload_id` that a run's source names.
    """
    media_type = call.request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if media_type not in (*MEDIA_TYPES, *_ALSO):
        raise errors.UnsupportedMediaType(f"Send the archive itself, as {', '.join(MEDIA_TYPES)}.")
    settings = call.state.settings
    allowed = archives.ArchiveLimits(settings.max_snapshot_files, settings.max_snapshot_bytes)
    async with call.state.db.transaction() as session:
        await make_room(session, call.principal, settings, size=1)
    digest = hashlib.sha256()
    with call.state.limits.bodies.arriving(call.principal.name) as turn, tempfile.TemporaryFile() as file:
        size = await receive(call.request, file, seconds=_SECONDS, each=lambda chunk, _: digest.update(chunk))
        await call.state.limits.requests.take(call.principal, size // _WORTH_A_REQUEST)
        async with turn, _gate:
            file.flush()
            try:
                summary = await inspect_apart(file, allowed)
            except archives.ArchiveRejected as error:
                raise errors.ArchiveNotAccepted(errors.printable(str(error))) from None
            row = {
                "id": new_id(),
                "format": summary.format,
                "size": size,
                "sha256": digest.hexdigest(),
                "created_by": call.principal.name,
            }
            created_at = await _store(call, file, row)
    found = UploadView(
        upload_id=cast(uuid.UUID, row["id"]),
        format=summary.format,
        files=summary.files,
        size=size,
        sha256=str(row["sha256"]),
        created_at=created_at,
    )
    return json_response(found, 201)
