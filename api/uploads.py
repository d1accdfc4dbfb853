"""Uploads: a zip or tar.gz body, counted as it streams in, read through before it is accepted."""

import asyncio
import tempfile
import uuid
from datetime import datetime
from typing import IO

from pydantic import BaseModel
from sqlalchemy import insert
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.http import errors
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.ids import new_id, sha256
from worker.core.models import Upload
from worker.core.untrusted import archives
from worker.core.vocabulary import Scope

operations = Operations("uploads")

_SECONDS = 300.0
_SPOOL = 4 << 20
# Reading an archive through is work for a core; more at once would only be slower.
_gate = asyncio.Semaphore(2)

MEDIA_TYPES = ("application/zip", "application/gzip", "application/octet-stream")
# Names that clients use for the same; what it is, its first bytes say.
_ALSO = ("application/x-gzip", "application/x-tar", "application/x-zip-compressed")


class UploadView(BaseModel):
    upload_id: uuid.UUID
    format: str
    files: int
    size: int
    sha256: str
    created_at: datetime


async def _receive(call: Call, file: IO[bytes]) -> int:
    size = 0
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in call.request.stream():
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
    except TimeoutError:
        raise errors.RequestTimeout(f"The upload did not arrive within {_SECONDS:.0f} s.") from None
    except ClientDisconnect:
        raise errors.MalformedRequest("The connection was closed before the upload was complete.") from None
    return size


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
    limits = archives.ArchiveLimits(settings.max_snapshot_files, settings.max_snapshot_bytes)
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as file:
        size = await _receive(call, file)
        try:
            async with _gate:
                summary = await asyncio.to_thread(archives.inspect, file, limits)
        except archives.ArchiveRejected as error:
            raise errors.ArchiveNotAccepted(errors.printable(str(error))) from None
        file.seek(0)
        content = await asyncio.to_thread(file.read)
    row = {
        "id": new_id(),
        "format": summary.format,
        "size": size,
        "sha256": await asyncio.to_thread(sha256, content),
        "content": content,
        "created_by": call.principal.name,
    }
    async with call.state.db.transaction() as session:
        created_at = (await session.execute(insert(Upload).values(row).returning(Upload.created_at))).scalar_one()
    found = UploadView(
        upload_id=row["id"],
        format=summary.format,
        files=summary.files,
        size=size,
        sha256=str(row["sha256"]),
        created_at=created_at,
    )
    return json_response(found, 201)
