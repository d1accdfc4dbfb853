"""A repository's verdict as a picture, for its README."""

import hashlib
from typing import Annotated
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from pydantic import StringConstraints
from sqlalchemy import select
from starlette.responses import Response

from api.http import errors
from api.http.conditional import matches
from api.http.routing import Answer, Call, Operations
from worker.core.models import MonitorJob, RepoConnection, Run
from worker.core.monitoring.repository import RepositorySettings
from worker.core.vocabulary import RunStatus, Verdict

operations = Operations("monitoring")

Part = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=255)]

_COLOURS = {
    Verdict.PASS.value: "#2e7d32",
    Verdict.PARTIAL.value: "#9a6700",
    Verdict.FAIL.value: "#c62828",
    Verdict.VETO.value: "#c62828",
}
_GREY = "#5f6368"
_NAME = "invariant"
# Of a letter in the font that is asked for; the browser fits the text into what it is given.
_LETTER = 7
_MARGIN = 6
_CACHE = "public, max-age=60, stale-while-revalidate=300"
_MOST = 20


@operations.add(
    "GET",
    "/badge/{host}/{owner}/{name}.svg",
    scope=None,
    answers={
        200: Answer(media_type="image/svg+xml", headers={"ETag": "what it shows", "Cache-Control": "for a minute"}),
        304: Answer(media_type="image/svg+xml", description="It shows what it showed"),
    },
    problems=(errors.NotFound,),
)
async def get_badge(call: Call, host: Part, owner: Part, name: Part) -> Response:
    """The verdict of a repository's default branch

    For repositories whose settings have `public_badge`; any other is not there.
    """
    verdict = await _verdict(call, host.lower(), f"{owner}/{name}")
    picture = svg(_NAME, (verdict or "not verified").lower(), _COLOURS.get(verdict or "", _GREY))
    etag = f'"{hashlib.sha256(picture.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": _CACHE}
    if matches(call.request, etag):
        return Response(status_code=304, headers=headers)
    # What an image could do elsewhere it does nowhere.
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return Response(picture, media_type="image/svg+xml", headers=headers)


async def _verdict(call: Call, host: str, full_name: str) -> str | None:
    """The newest verdict; None before there is one. Raises NotFound."""
    named = select(RepoConnection).where(RepoConnection.full_name == full_name, RepoConnection.removed_at.is_(None))
    async with call.state.db.transaction() as session:
        rows = await session.scalars(
            named.order_by(RepoConnection.installation_id.is_(None), RepoConnection.id).limit(_MOST)
        )
        # The App's before those that anybody connected by the URL: whoever did that chose what it is judged by.
        row = next((row for row in rows if _is_at(row, host, full_name)), None)
        if row is None or not RepositorySettings.model_validate(row.settings).public_badge:
            raise errors.NotFound("There is no such badge; a repository's settings say whether it has one.")
        # Of a commit that was pushed there: who may start runs could have one of anything, against anything.
        pushed = (
            select(MonitorJob.run_id, MonitorJob.created_at)
            .where(MonitorJob.repo_id == row.id, MonitorJob.branch == row.default_branch)
            .order_by(MonitorJob.created_at.desc(), MonitorJob.id.desc())
            .limit(_MOST)
            .subquery()
        )
        newest = (
            select(Run.verdict)
            .join(pushed, pushed.c.run_id == Run.id)
            .where(Run.status == RunStatus.COMPLETED.value)
            .order_by(pushed.c.created_at.desc())
            .limit(1)
        )
        found: str | None = await session.scalar(newest)
        return found


def _is_at(row: RepoConnection, host: str, full_name: str) -> bool:
    """Whoever connects a repository chooses its name; where it is, its URL says."""
    parts = urlsplit(row.clone_url)
    at = parts.path.strip("/").removesuffix(".git").lower()
    return (parts.hostname or "").lower() == host and at == full_name.lower()


def svg(label: str, word: str, colour: str) -> str:
    """Two words side by side, in the form that such pictures have."""
    left, right = (_LETTER * len(text) + 2 * _MARGIN for text in (label, word))
    width = left + right
    label, word = escape(label), escape(word)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {word}">'
        f"<title>{label}: {word}</title>"
        f'<clipPath id="c"><rect width="{width}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#c)"><rect width="{left}" height="20" fill="#30363d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2}" y="14" textLength="{left - 2 * _MARGIN}">{label}</text>'
        f'<text x="{left + right / 2}" y="14" textLength="{right - 2 * _MARGIN}">{word}</text></g></svg>'
    )
