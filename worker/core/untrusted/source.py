"""Where a run's code comes from: the request's `source`, checked before anything is stored."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from worker.core.settings import Settings
from worker.core.untrusted.paths import Tree, safe_path
from worker.core.untrusted.urls import SourceRejected, check_git_url

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A string that Postgres can store: anything but NUL."""

GitUrl = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f-][^\x00-\x20\x7f]*$", min_length=1, max_length=2048)]
"""No white space, no control characters, no option. What else it may be depends on the deployment: check_git_url."""

GitRef = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_](([A-Za-z0-9_/+@-]|\.[A-Za-z0-9_+@-])*[A-Za-z0-9_+@-])?$", max_length=255),
]
"""A branch, tag or commit by name: nothing that git reads as an option, a range or an expression."""


_MAX_FOLDERS = 10_000


def _relative_paths(files: dict[str, str]) -> dict[str, str]:
    tree = Tree(most_folders=_MAX_FOLDERS)
    for name in files:
        tree.add(safe_path(name))
    return files


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GitSource(_Source):
    """A git repository at a branch, tag or commit."""

    kind: Literal["git"]
    url: GitUrl
    ref: GitRef | None = Field(None, description="branch, tag or commit; default: the remote's HEAD")


class UploadSource(_Source):
    """An archive that was sent to POST /api/uploads."""

    kind: Literal["upload"]
    upload_id: uuid.UUID


class FilesSource(_Source):
    """The files themselves, path by path."""

    kind: Literal["files"]
    files: Annotated[dict[str, str], AfterValidator(_relative_paths)] = Field(min_length=1, max_length=5000)


class RepositorySource(_Source):
    """A connected repository."""

    kind: Literal["repository"]
    repository_id: uuid.UUID
    branch: GitRef | None = None
    commit: str | None = Field(None, pattern="^([0-9a-f]{40}|[0-9a-f]{64})$", description="in full")


class PathSource(_Source):
    """A folder of the worker's own machine; in development only."""

    kind: Literal["path"]
    path: Text = Field(min_length=1, max_length=4096)


Source = Annotated[GitSource | UploadSource | FilesSource | RepositorySource | PathSource, Field(discriminator="kind")]

adapter: TypeAdapter[GitSource | UploadSource | FilesSource | RepositorySource | PathSource] = TypeAdapter(Source)


def check(source: object, settings: Settings) -> None:
    """Refuse what this deployment does not take. Raises SourceRejected."""
    if isinstance(source, GitSource):
        check_git_url(source.url, settings)
    elif isinstance(source, PathSource) and settings.deployed:
        raise SourceRejected("Local paths are accepted in development only.")


def public_view(source: object) -> dict[str, object]:
    """The source as it is stored and shown: `files` without their contents."""
    if isinstance(source, FilesSource):
        return {"kind": "files", "count": len(source.files)}
    assert isinstance(source, BaseModel)
    return source.model_dump(mode="json", exclude_none=True)


def fetched(kind: str, stored: Mapping[str, Any]) -> object:
    """A stored source as what is fetched from somewhere; None for what was sent."""
    if kind in ("git", "path"):
        return adapter.validate_python(stored)
    if kind == "repository":
        return GitSource(kind="git", url=stored["url"], ref=stored.get("ref"))
    return None
