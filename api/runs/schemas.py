"""What a run looks like over HTTP: the request, its view, and the list's filters."""

import re  # noqa: TID251  linear: from the beginning, of a fixed length
import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from api.http.pagination import Page, PageQuery
from worker.core.failure import FailureCode
from worker.core.models import Run
from worker.core.monitoring.repository import HTTP_URL
from worker.core.runs import submission
from worker.core.untrusted.source import GitRef, Source, Text
from worker.core.vocabulary import RunMode, RunStatus, Verdict

_LABEL_KEY = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"


class RunRequest(BaseModel):
    """One verification: what, against which constitution."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {"required": ["constitution"], "properties": {"constitution": {"type": "string"}}},
                {
                    "required": ["constitution_version_id"],
                    "properties": {"constitution_version_id": {"type": "string"}},
                },
                {"properties": {"source": {"properties": {"kind": {"const": "repository"}}}}},
            ],
            "if": {"required": ["mode"], "properties": {"mode": {"const": "diff"}}},
            "then": {
                "required": ["base"],
                "properties": {
                    "base": {"type": "string"},
                    "source": {"properties": {"kind": {"enum": ["git", "repository"]}}},
                },
            },
            "else": {"properties": {"base": {"type": "null"}}},
        },
    )

    source: Source
    constitution: Text | None = Field(None, min_length=1, max_length=200_000, description="Markdown or plain text")
    constitution_version_id: uuid.UUID | None = None
    mode: RunMode = RunMode.FULL
    base: GitRef | None = Field(None, description="for mode `diff`: what the source is compared with")
    remediate: bool = False
    callback_url: Annotated[str, Field(pattern=HTTP_URL, max_length=2048)] | None = Field(
        None, description="told how the run ended, with a POST"
    )
    labels: dict[Annotated[str, Field(pattern=_LABEL_KEY)], Annotated[Text, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=32
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "RunRequest":
        if self.constitution is not None and self.constitution_version_id is not None:
            raise ValueError("give either constitution or constitution_version_id, not both")
        given = self.constitution is not None or self.constitution_version_id is not None
        if not given and self.source.kind != "repository":
            raise ValueError("constitution or constitution_version_id is needed for this kind of source")
        if (self.mode is RunMode.DIFF) != (self.base is not None):
            raise ValueError("mode diff needs a base, and a base needs mode diff")
        if self.mode is RunMode.DIFF and self.source.kind not in ("git", "repository"):
            raise ValueError("mode diff needs a git or repository source")
        return self


class RunError(BaseModel):
    code: str = Field(description=f"why the run failed or is tried again: {', '.join(FailureCode)}; more may come")
    message: str


class RunView(BaseModel):
    """A run as it stands."""

    id: uuid.UUID
    status: RunStatus
    verdict: Verdict | None
    score: float | None = Field(description="1 to 10; null while nothing is decided")
    tribunal: str | None
    step: str | None
    source: dict[str, Any]
    repository: str | None
    branch: str | None
    commit: str | None
    snapshot_digest: str | None
    constitution_version_id: uuid.UUID | None
    mode: RunMode
    base: str | None
    remediate: bool
    callback_url: str | None
    labels: dict[str, str]
    attempt: int
    retry_of: uuid.UUID | None
    cancel_requested: bool
    error: RunError | None
    created_by: str | None
    request_id: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RunList(Page[RunView]):
    """Runs, newest first."""


def _rfc3339(value: object) -> object:
    if not isinstance(value, str) or not re.match(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", value):
        raise ValueError("must be a date and time with a zone, such as 2026-01-31T12:00:00Z")
    return value


def _storable(value: datetime) -> datetime:
    if not 1 < value.year < 9999:
        raise ValueError("must lie between the years 2 and 9998")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_storable)]


class RunQuery(PageQuery):
    repo: Text | None = Field(None, max_length=512, description="full name, owner/name")
    branch: Text | None = Field(None, max_length=255)
    status: RunStatus | None = None
    verdict: Verdict | None = None
    since: Instant | None = Field(None, description="accepted at or after")
    until: Instant | None = Field(None, description="accepted before")


def view(run: Run) -> RunView:
    error = None
    if run.error_code is not None:
        error = RunError(code=run.error_code, message=run.error_message or "")
    return RunView(
        id=run.id,
        status=RunStatus(run.status),
        verdict=None if run.verdict is None else Verdict(run.verdict),
        score=run.score,
        tribunal=run.tribunal,
        step=run.step,
        source=run.source,
        repository=run.repo_full_name,
        branch=run.branch,
        commit=run.commit_sha,
        snapshot_digest=run.snapshot_digest,
        constitution_version_id=run.constitution_version_id,
        mode=RunMode(run.mode),
        base=run.base,
        remediate=run.remediate,
        callback_url=run.callback_url,
        labels=run.labels,
        attempt=run.attempt,
        retry_of=run.retry_of,
        cancel_requested=run.cancel_requested_at is not None,
        error=error,
        created_by=run.created_by,
        request_id=run.request_id,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def fresh_view(run_id: uuid.UUID, created_at: datetime, run: submission.NewRun) -> RunView:
    """The view of a run just accepted, without reading it back; its values were validated with the request."""
    return RunView.model_construct(
        id=run_id,
        status=RunStatus.QUEUED,
        verdict=None,
        score=None,
        tribunal=None,
        step=None,
        source=dict(run.source),
        repository=run.repo_full_name,
        branch=run.branch,
        commit=run.commit_sha,
        snapshot_digest=None,
        constitution_version_id=run.constitution_version_id,
        mode=run.mode,
        base=run.base,
        remediate=run.remediate,
        callback_url=run.callback_url,
        labels=dict(run.labels),
        attempt=0,
        retry_of=run.retry_of,
        cancel_requested=False,
        error=None,
        created_by=run.created_by,
        request_id=run.request_id,
        created_at=created_at,
        started_at=None,
        finished_at=None,
    )
