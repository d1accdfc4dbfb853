"""Speak to GitHub as an App, through githubkit: its signatures, its tokens, its limits.

A token is made for one repository, kept until it ends, and handed to nobody but GitHub itself and, to read the
repository, git (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app).
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import httpx

from worker.core.settings import Settings
from worker.core.version import VERSION
from worker.github.errors import Conflicting, Denied, GitHubFailure, Missing, RateLimited, Rejected, Unavailable
from worker.runtime.resources import Resources

if TYPE_CHECKING:
    from githubkit import GitHub
    from githubkit.exception import RequestFailed

_SECONDS = 20.0
_MOST_PAGES = 50
# What GitHub asks for where it says nothing.
_LIMITED_SECONDS = 60.0
_PER_PAGE = 100
# What is near its end may have ended by the time it is used.
_SPARE_SECONDS = 300.0
_CLASSES: Mapping[int, type[GitHubFailure]] = {
    401: Denied, 403: Denied, 404: Missing, 409: Conflicting, 410: Missing, 451: Denied,
}  # fmt: skip
_API_VERSION = "2022-11-28"


@dataclass(frozen=True)
class Answer:
    """`data` is the JSON, or the text where that was asked for; None with 304, and where there is none."""

    data: Any
    etag: str | None


@dataclass
class _Token:
    value: str
    ends: float


class NotConfigured(GitHubFailure):
    """This installation has no App."""


@dataclass
class App:
    """The App of this installation, one for each process."""

    settings: Settings
    _repositories: dict[tuple[int, int], "GitHub[Any]"] = field(default_factory=dict)
    _tokens: dict[tuple[int, int], _Token] = field(default_factory=dict)

    def _strategy(self) -> Any:
        from githubkit import AppAuthStrategy

        key = self.settings.github_private_key
        if self.settings.github_app_id is None or key is None:
            raise NotConfigured("CVA_GITHUB_APP_ID and CVA_GITHUB_PRIVATE_KEY are not set.")
        return AppAuthStrategy(self.settings.github_app_id, key.get_secret_value().replace("\\n", "\n"))

    def _client(self, strategy: Any) -> "GitHub[Any]":
        from githubkit import GitHub
        from githubkit.cache import MemCacheStrategy

        return GitHub(
            strategy,
            base_url=f"{self.settings.github_api_url.rstrip('/')}/",
            user_agent=f"Invariant/{VERSION}",
            timeout=_SECONDS,
            # A token follows no redirect, and whose environment this is says nothing of where it goes.
            follow_redirects=False,
            trust_env=False,
            # Who may not go on now has a work item that waits without holding a worker.
            auto_retry=False,
            http_cache=False,
            # Its tokens are its own, and go with it.
            cache_strategy=MemCacheStrategy(),
        )

    def repository(self, installation_id: int, repository_id: int, full_name: str) -> "Client":
        """What the installation may do at one of its repositories; paths are below the repository's. Raises
        NotConfigured."""
        key = (installation_id, repository_id)

        def afresh() -> "GitHub[Any]":
            strategy = self._strategy().as_installation(installation_id, repository_ids=[repository_id])
            self._repositories[key] = self._client(strategy)
            return self._repositories[key]

        known = self._repositories.get(key) or afresh()
        return Client(known, f"repos/{full_name}", afresh)

    def itself(self) -> "Client":
        """What the App may ask in its own name. Raises NotConfigured."""
        return Client(self._client(self._strategy()))

    def installation(self, installation_id: int) -> "Client":
        """What the installation may do at all of its repositories. Raises NotConfigured."""
        return Client(self._client(self._strategy().as_installation(installation_id)))

    async def clone_token(self, installation_id: int, repository_id: int) -> str:
        """A token that may read one repository's contents, and nothing else. Raises GitHubFailure."""
        key = (installation_id, repository_id)
        known = self._tokens.get(key)
        if known is None or known.ends < time.time() + _SPARE_SECONDS:
            body = {"repository_ids": [repository_id], "permissions": {"contents": "read"}}
            path = f"app/installations/{installation_id}/access_tokens"
            made = (await Client(self._client(self._strategy())).post(path, body)).data
            ends = datetime.fromisoformat(made["expires_at"]).timestamp()
            known = self._tokens[key] = _Token(made["token"], ends)
        return known.value


@dataclass(frozen=True)
class Client:
    """Requests, each of which answers or raises one of worker.github.errors. Paths are below `_below`."""

    _github: "GitHub[Any]"
    _below: str = ""
    _afresh: "Callable[[], GitHub[Any]] | None" = None
    """The same with a new token: one that is kept may have been taken back."""

    async def get(
        self, path: str, *, params: Mapping[str, Any] | None = None, etag: str | None = None, raw: bool = False
    ) -> Answer:
        """`etag`: of an answer that one has; 304 says that it still holds. `raw`: a file's text instead of JSON."""
        headers = {} if etag is None else {"If-None-Match": etag}
        if raw:
            headers["Accept"] = "application/vnd.github.raw+json"
        return await self._send("GET", path, params=params, headers=headers, raw=raw)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self._send("POST", path, body=body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self._send("PATCH", path, body=body)

    async def pages(
        self, path: str, *, params: Mapping[str, Any] | None = None, items: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, page by page; `items` names them where the list is wrapped.

        Raises Rejected after the last page that is asked for: what is left out is not taken for missing.
        """
        for number in range(1, _MOST_PAGES + 1):
            answer = await self.get(path, params={**(params or {}), "per_page": _PER_PAGE, "page": number})
            page = answer.data if items is None else answer.data[items]
            for item in page:
                yield item
            if len(page) < _PER_PAGE:
                return
        raise Rejected(f"{path}: more than {_MOST_PAGES * _PER_PAGE} items are not listed")

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> Answer:
        from githubkit.exception import GitHubException

        path = "/".join(part for part in (self._below, path) if part)
        sent = {"X-GitHub-Api-Version": _API_VERSION, **(headers or {})}
        github = self._github
        try:
            try:
                found = await github.arequest(method, path, params=dict(params or {}), json=body, headers=sent)
            except GitHubException as error:
                if self._afresh is None or not _is_unauthorized(error):
                    raise
                github = self._afresh()
                found = await github.arequest(method, path, params=dict(params or {}), json=body, headers=sent)
        except GitHubException as error:
            _failed(f"{method} {path}", error)
        response = found.raw_response
        if response.is_redirect:
            raise Missing(f"{method} {path}: it has moved")
        if response.status_code == httpx.codes.NOT_MODIFIED or not response.content:
            data = None
        else:
            try:
                data = response.text if raw else response.json()
            except ValueError:
                raise Unavailable(f"{method} {path}: the answer is not JSON") from None
        return Answer(data, response.headers.get("etag"))


def app(resources: Resources) -> App:
    """The process's one App."""
    return resources.shared(App, lambda: App(resources.settings))


def _failed(what: str, error: Exception) -> NoReturn:
    """Raise the failure that githubkit's error means; one of making the token lies within another."""
    from githubkit.exception import RateLimitExceeded, RequestError, RequestFailed

    while isinstance(error, RequestError) and not isinstance(error, RequestFailed):
        if not isinstance(error.exc, RequestError):
            raise Unavailable(f"{what}: no answer ({type(error.exc).__name__})") from error
        error = error.exc
    if isinstance(error, RateLimitExceeded):
        raise RateLimited(f"{what}: a rate limit", seconds=error.retry_after.total_seconds()) from error
    if not isinstance(error, RequestFailed):
        raise Unavailable(f"{what}: {type(error).__name__}") from error
    status = error.response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited(f"{what}: too many requests", seconds=_LIMITED_SECONDS) from error
    said = f"{what}: {status} {_message(error)}".rstrip()
    kind = Unavailable if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT else _CLASSES.get(status, Rejected)
    raise kind(said) from error


def _is_unauthorized(error: Exception) -> bool:
    from githubkit.exception import RequestFailed

    return isinstance(error, RequestFailed) and error.response.status_code == httpx.codes.UNAUTHORIZED


def _message(error: "RequestFailed") -> str:
    try:
        found = error.response.json().get("message", "")
    except (ValueError, AttributeError):
        return ""
    return str(found)[:200]
