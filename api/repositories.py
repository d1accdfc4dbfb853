"""Connected repositories, their branches, and their constitution with its versions."""

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from api import access
from api.http import errors
from api.http.pagination import Page, PageQuery, page
from api.http.routing import Answer, Call, Operations, json_response
from api.runs.resolve import full_name
from worker.core.ids import new_id, sha256
from worker.core.models import ConstitutionVersion, RepoBranch, RepoConnection, RepoMember, Run
from worker.core.monitoring.repository import RepositorySettings
from worker.core.untrusted import urls
from worker.core.untrusted.source import GitRef, GitUrl, Text
from worker.core.vocabulary import Forge, Scope

operations = Operations("repositories")

_AT_ONCE = 500

_FULL_NAME = r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){1,5}$"


class RepositoryRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    clone_url: GitUrl
    full_name: str | None = Field(None, pattern=_FULL_NAME, max_length=512, description="default: from the URL")
    default_branch: GitRef = "main"


class SettingsChange(RepositorySettings):
    """Those of a repository's settings that change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RepositoryChange(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    clone_url: GitUrl | None = None
    default_branch: GitRef | None = None
    settings: SettingsChange | None = Field(None, description="what is not named stays as it is")


class RepositoryView(BaseModel):
    id: uuid.UUID
    full_name: str
    clone_url: str
    default_branch: str
    forge: Forge = Field(description="`github`: connected by an installation of the GitHub App")
    settings: RepositorySettings = Field(description="of addresses only the host is shown")
    created_by: str | None
    created_at: datetime
    updated_at: datetime


class RepositoryList(Page[RepositoryView]):
    """Connected repositories, newest first."""


class BranchChange(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: GitRef
    monitored: bool


class BranchView(BaseModel):
    name: str
    monitored: bool
    last_commit: str | None


class BranchList(BaseModel):
    items: list[BranchView]
    next_cursor: None = None


class ConstitutionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    content: Text = Field(min_length=1, max_length=200_000, description="Markdown or plain text")


class ConstitutionView(BaseModel):
    id: uuid.UUID
    version: int
    sha256: str
    content: str
    created_by: str | None
    created_at: datetime


class ConstitutionList(BaseModel):
    """Versions, newest first."""

    items: list[ConstitutionView]
    next_cursor: None = None


_HIDDEN = "/***"


def _view(row: RepoConnection) -> RepositoryView:
    found = RepositoryView.model_validate(row, from_attributes=True)
    return found.model_copy(update={"settings": _shown(RepositorySettings.model_validate(row.settings))})


def _shown(settings: RepositorySettings) -> RepositorySettings:
    """Without what follows the hosts of addresses: who has such an address may write to it."""
    notify = tuple(notice.model_copy(update={"url": _origin(notice.url)}) for notice in settings.notify)
    return settings.model_copy(update={"notify": notify})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{_HIDDEN}"


def _settings(row: RepoConnection, change: SettingsChange) -> dict[str, object]:
    """What is to be stored of a change. An address as it was shown stays what it is. Raises Conflict."""
    found: dict[str, Any] = change.model_dump(mode="json", exclude_unset=True)
    known: dict[str, list[str]] = {}
    for notice in RepositorySettings.model_validate(row.settings).notify:
        known.setdefault(_origin(notice.url), []).append(notice.url)
    for notice in found.get("notify", ()):
        if notice["url"].endswith(_HIDDEN):
            # Several at one host look the same, and stay in their order.
            if not known.get(notice["url"]):
                raise errors.Conflict(f"There is no address {notice['url']} that could stay; write it out.")
            notice["url"] = known[notice["url"]].pop(0)
    return found


def _check_url(call: Call, url: str) -> None:
    try:
        urls.check_git_url(url, call.state.settings)
    except urls.SourceRejected as error:
        raise errors.InvalidRequest(f"body/clone_url: {error}") from None


@operations.add(
    "POST",
    "/api/repositories",
    scope=Scope.RUNS_WRITE,
    answers={201: Answer(RepositoryView, headers={"Location": "where it is"})},
    problems=(errors.Conflict,),
)
async def connect_repository(call: Call, body: RepositoryRequest) -> Response:
    """Connect a repository; who does is its admin"""
    _check_url(call, body.clone_url)
    name = body.full_name or full_name(body.clone_url) or body.clone_url.rstrip("/").rsplit("/", 1)[-1][:512]
    row = RepoConnection(
        full_name=name, clone_url=body.clone_url, default_branch=body.default_branch, created_by=call.principal.name
    )
    try:
        async with call.state.db.transaction() as session:
            session.add(row)
            await session.flush()
            await session.refresh(row)
            await call.audit(session, f"repository:{row.id}", clone_url=row.clone_url)
            found = _view(row)
    except IntegrityError:
        raise errors.Conflict(
            f"You have connected the repository {name} already; another one of that name needs a full_name of its own."
        ) from None
    return json_response(found, 201, {"Location": f"/api/repositories/{found.id}"})


@operations.add("GET", "/api/repositories", scope=Scope.RUNS_READ, answers={200: Answer(RepositoryList)})
async def list_repositories(call: Call, query: PageQuery) -> Response:
    """List the connected repositories of which one is a member"""
    wanted = select(RepoConnection).where(access.repositories(call.principal))
    async with call.state.db.transaction() as session:
        rows, cursor = await page(session, wanted, query, RepoConnection.created_at, RepoConnection.id)
    return json_response(RepositoryList(items=[_view(row) for row in rows], next_cursor=cursor))


@operations.add(
    "GET",
    "/api/repositories/{repository_id}",
    scope=Scope.RUNS_READ,
    answers={200: Answer(RepositoryView)},
    problems=(errors.NotFound,),
)
async def get_repository(call: Call, repository_id: uuid.UUID) -> Response:
    """Look at a repository"""
    async with call.state.db.transaction() as session:
        return json_response(_view(await access.find_repository(session, call.principal, repository_id)))


@operations.add(
    "PATCH",
    "/api/repositories/{repository_id}",
    scope=Scope.RUNS_WRITE,
    answers={200: Answer(RepositoryView)},
    problems=(errors.NotFound, errors.Conflict),
)
async def change_repository(call: Call, repository_id: uuid.UUID, body: RepositoryChange) -> Response:
    """Change a repository's URL, default branch or settings"""
    if body.clone_url is not None:
        _check_url(call, body.clone_url)
    for notice in () if body.settings is None else body.settings.notify:
        try:
            urls.check_url(notice.url, production=call.state.settings.deployed)
        except urls.AddressRejected as error:
            raise errors.Conflict(
                f"This deployment does not call an address of body/settings/notify: {error}"
            ) from None
    async with call.state.db.transaction() as session:
        row = await access.find_repository(session, call.principal, repository_id, access.ADMIN, lock=True)
        row.clone_url = body.clone_url or row.clone_url
        row.default_branch = body.default_branch or row.default_branch
        if body.settings is not None:
            row.settings = {**row.settings, **_settings(row, body.settings)}
        await session.flush()
        await session.refresh(row)
        told = body.model_dump(mode="json", exclude={"settings"}, exclude_unset=True)
        if body.settings is not None:
            told["settings"] = _shown(RepositorySettings.model_validate(row.settings)).model_dump(
                mode="json", include=body.settings.model_fields_set
            )
        await call.audit(session, f"repository:{row.id}", **told)
        return json_response(_view(row))


@operations.add(
    "DELETE",
    "/api/repositories/{repository_id}",
    scope=Scope.RUNS_WRITE,
    answers={204: Answer(description="It is gone; its runs and constitutions stay with who made them")},
    problems=(errors.NotFound,),
)
async def remove_repository(call: Call, repository_id: uuid.UUID) -> Response:
    """Disconnect a repository

    Its runs belong to who made them from now on; where there are many, the older ones some minutes later.
    """
    async with call.state.db.transaction() as session:
        row = await access.find_repository(session, call.principal, repository_id, access.ADMIN, lock=True)
        row.removed_at = func.now()
        # The rest is left to the upkeep, as are runs whose holder is about to renew its lease.
        at_once = (
            select(Run.id)
            .where(Run.repo_id == repository_id)
            .order_by(Run.created_at.desc(), Run.id.desc())
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        await session.execute(update(Run).where(Run.id.in_(at_once)).values(repo_id=None))
        await session.execute(delete(RepoBranch).where(RepoBranch.repo_id == repository_id))
        await session.execute(delete(RepoMember).where(RepoMember.repo_id == repository_id))
        await call.audit(session, f"repository:{repository_id}", full_name=row.full_name)
    return Response(status_code=204)


@operations.add(
    "GET",
    "/api/repositories/{repository_id}/branches",
    scope=Scope.RUNS_READ,
    answers={200: Answer(BranchList)},
    problems=(errors.NotFound,),
)
async def list_branches(call: Call, repository_id: uuid.UUID) -> Response:
    """Which branches are known, and which are monitored"""
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id)
        rows = (
            await session.execute(
                select(RepoBranch).where(RepoBranch.repo_id == repository_id).order_by(RepoBranch.name)
            )
        ).scalars()
        items = [BranchView.model_validate(row, from_attributes=True) for row in rows]
    return json_response(BranchList(items=items))


@operations.add(
    "PUT",
    "/api/repositories/{repository_id}/branches",
    scope=Scope.RUNS_WRITE,
    answers={200: Answer(BranchView)},
    problems=(errors.NotFound,),
)
async def monitor_branch(call: Call, repository_id: uuid.UUID, body: BranchChange) -> Response:
    """Monitor a branch, or stop monitoring it"""
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id, access.WRITE, lock=True)
        values = {"id": new_id(), "repo_id": repository_id, "name": body.name, "monitored": body.monitored}
        change = (
            insert(RepoBranch)
            .values(values)
            .on_conflict_do_update(index_elements=["repo_id", "name"], set_={"monitored": body.monitored})
            .returning(RepoBranch)
        )
        row = (await session.execute(change)).scalar_one()
        await call.audit(session, f"repository:{repository_id}", branch=body.name, monitored=body.monitored)
        return json_response(BranchView.model_validate(row, from_attributes=True))


@operations.add(
    "GET",
    "/api/repositories/{repository_id}/constitution",
    scope=Scope.RUNS_READ,
    answers={200: Answer(ConstitutionList)},
    problems=(errors.NotFound,),
)
async def list_constitutions(call: Call, repository_id: uuid.UUID) -> Response:
    """The constitution's versions, the newest first"""
    async with call.state.db.transaction() as session:
        await access.find_repository(session, call.principal, repository_id)
        rows = (
            await session.execute(
                select(ConstitutionVersion)
                .where(ConstitutionVersion.repo_id == repository_id)
                .order_by(ConstitutionVersion.version.desc())
                .limit(100)
            )
        ).scalars()
        items = [ConstitutionView.model_validate(row, from_attributes=True) for row in rows]
    return json_response(ConstitutionList(items=items))


@operations.add(
    "PUT",
    "/api/repositories/{repository_id}/constitution",
    scope=Scope.RUNS_WRITE,
    answers={
        200: Answer(ConstitutionView, description="The text is the newest version's already"),
        201: Answer(ConstitutionView),
    },
    problems=(errors.NotFound,),
)
async def put_constitution(call: Call, repository_id: uuid.UUID, body: ConstitutionRequest) -> Response:
    """Give the repository a new version of its constitution"""
    digest = sha256(body.content.encode())
    async with call.state.db.transaction() as session:
        # The repository's row is the lock under which versions are numbered.
        await access.find_repository(session, call.principal, repository_id, access.WRITE, lock=True)
        newest = (
            await session.execute(
                select(ConstitutionVersion)
                .where(ConstitutionVersion.repo_id == repository_id)
                .order_by(ConstitutionVersion.version.desc())
                .limit(1)
            )
        ).scalar_one_or_none()
        if newest is not None and newest.sha256 == digest:
            return json_response(ConstitutionView.model_validate(newest, from_attributes=True), 200)
        row = ConstitutionVersion(
            repo_id=repository_id,
            version=(newest.version or 0) + 1 if newest else 1,
            content=body.content,
            sha256=digest,
            created_by=call.principal.name,
        )
        session.add(row)
        await session.flush()
        await session.refresh(row)
        await call.audit(session, f"repository:{repository_id}", version=row.version, sha256=digest)
        return json_response(ConstitutionView.model_validate(row, from_attributes=True), 201)
