"""Where a run's code comes from: the request's `source`, checked before anything is stored."""

import ipaddress
import re
import uuid
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from worker.core.settings import Settings
from worker.core.untrusted.paths import safe_path


class SourceRejected(ValueError):
    """This deployment does not take code from there. The message says why and what would do."""


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A string that Postgres can store: anything but NUL."""

GitUrl = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f-][^\x00-\x20\x7f]*$", min_length=1, max_length=2048)]
"""No white space, no control characters, no option. What else it may be depends on the deployment: check_git_url."""

GitRef = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_](([A-Za-z0-9_/+@-]|\.[A-Za-z0-9_+@-])*[A-Za-z0-9_+@-])?$", max_length=255),
]
"""A branch, tag or commit by name: nothing that git reads as an option, a range or an expression."""


def _relative_paths(files: dict[str, str]) -> dict[str, str]:
    seen: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for name in files:
        path = safe_path(name)
        if path in seen or path in folders or not seen.isdisjoint(path.parents):
            raise ValueError(f"path {name[:120]!a} stands for two things")
        seen.add(path)
        folders.update(path.parents)
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

_SCP_LIKE = re.compile(r"^[^/:]+:(?!//)")
_WEB = {"http", "https"}
_TRANSPORTS = {"https", "http", "git", "ssh", "file"}


def check_git_url(url: str, settings: Settings) -> None:
    """Accept https on an allowed host; in development also http, ssh, git, file and local paths.

    Raises SourceRejected. `CVA_GIT_HOSTS=*` allows every host; addresses are looked at when connecting.
    """
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise SourceRejected("The git URL contains spaces or control characters.")
    if url.startswith("-"):
        raise SourceRejected("The git URL starts with a dash.")
    if "::" in url.split("/", 1)[0]:
        raise SourceRejected("Remote helpers (transport::address) are not accepted as a git URL.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SourceRejected("The git URL is not a URL.") from None
    scp_user = url.split("@", 1)[0] if _SCP_LIKE.match(url) and "@" in url else ""
    if parts.password is not None or ":" in scp_user or (parts.username is not None and parts.scheme in _WEB):
        raise SourceRejected("The git URL carries credentials; they would be stored. Leave them out.")
    if parts.scheme in _WEB and (parts.query or parts.fragment):
        raise SourceRejected("The git URL carries a query, where credentials would be stored. Leave it out.")
    if settings.deployed:
        if parts.scheme != "https" or not host:
            raise SourceRejected("Only https git URLs are accepted.")
        if port not in (None, 443):
            raise SourceRejected("Only the standard https port is accepted.")
        if "*" not in settings.git_hosts and host.lower() not in settings.git_hosts:
            raise SourceRejected(f"Host {host} is not allowed. CVA_GIT_HOSTS allows: {', '.join(settings.git_hosts)}.")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return
        raise SourceRejected("The git URL must name its host, not an address.")
    if parts.scheme and parts.scheme not in _TRANSPORTS and not _SCP_LIKE.match(url):
        raise SourceRejected(f"The scheme {parts.scheme!r} is not accepted for git.")


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
