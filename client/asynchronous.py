"""The HTTP contract for programs that wait for many answers at once, such as the pages of the ui."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from client.http import ApiError, Event, is_local

_CONNECTIONS = 200
_CONNECT_SECONDS = 5.0
# A stream says something at least this often: the api's keep-alive comments.
_SILENT_SECONDS = 60.0


class Unreachable(ApiError):
    """There was no answer, or none that is the api's."""


class Refused(ApiError):
    """The api answered with a problem (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str, *, request_id: str | None, retry_after: float | None):
        super().__init__(f"{title}: {detail}")
        self.status = status
        """Of HTTP: 400 to 599."""
        self.title = title
        self.detail = detail
        self.request_id = request_id
        """Under which the api's log has it."""
        self.retry_after = retry_after
        """Seconds."""


@dataclass(frozen=True)
class Document:
    """An artifact as it is served. `content` is None where the caller's `etag` is the present one."""

    content: bytes | None
    etag: str | None


class AsyncClient:
    """Connections to one api, shared by everybody for whom something is asked.

    `agent` is the User-Agent, `seconds` how long an answer may stay away. `waited` is told of each request from when to
    when it took, by `time.perf_counter`. Every method raises Unreachable or Refused.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        agent: str,
        *,
        seconds: float = 30.0,
        waited: Callable[[float, float], None] | None = None,
    ) -> None:
        self.url = url
        self._waited = waited
        headers = {"User-Agent": agent}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            trust_env=not is_local(url),
        )
        # Streams stay open for minutes, and must leave connections to the others.
        self._streams = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=not is_local(url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._streams.aclose()

    def acting_for(self, user: str | None, request_id: str | None = None) -> "Acting":
        """The same connections, on behalf of a user; None: of whoever the token is."""
        headers = {} if user is None else {"X-CVA-User": user}
        if request_id is not None:
            headers["X-Request-ID"] = request_id
        return Acting(self, headers)

    async def send(self, method: str, path: str, headers: Mapping[str, str], **arguments: Any) -> httpx.Response:
        """A request and its whole answer, which is a success or 304."""
        began = time.perf_counter()
        try:
            response = await self._http.request(method, path, headers=headers, **arguments)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.url} cannot be reached ({type(error).__name__}).") from None
        finally:
            if self._waited is not None:
                self._waited(began, time.perf_counter())
        return _checked(response)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[AsyncIterator[Event]]:
        """Server-sent events for as long as the block lasts. Beyond the answer's head, httpx.HTTPError says that the
        connection was lost."""
        try:
            async with self._streams.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    await response.aread()
                _checked(response)
                yield _events(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"{self.url} cannot be reached ({type(error).__name__}).") from None


class Acting:
    """What is asked for one user."""

    def __init__(self, client: AsyncClient, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON. Parameters that are None or empty are left out."""
        return _value(await self._client.send("GET", path, self._headers, params=_given(parameters)))

    async def document(
        self, path: str, etag: str | None = None, accept: str | None = None, **parameters: Any
    ) -> Document:
        """The answer as it is; with an `etag`, only where it has changed since."""
        headers = dict(self._headers)
        if etag is not None:
            headers["If-None-Match"] = etag
        if accept is not None:
            headers["Accept"] = accept
        response = await self._client.send("GET", path, headers, params=_given(parameters))
        return Document(
            None if response.status_code == httpx.codes.NOT_MODIFIED else response.content,
            response.headers.get("etag"),
        )

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """`key`: the Idempotency-Key."""
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        return _value(await self._client.send("POST", path, headers, json=body))

    async def put(self, path: str, body: Any) -> Any:
        return _value(await self._client.send("PUT", path, self._headers, json=body))

    async def patch(self, path: str, body: Any) -> Any:
        return _value(await self._client.send("PATCH", path, self._headers, json=body))

    async def delete(self, path: str, **parameters: Any) -> None:
        await self._client.send("DELETE", path, self._headers, params=_given(parameters))

    async def upload(self, content: AsyncIterator[bytes], media_type: str) -> str:
        """Send an archive as it comes in; returns its upload_id."""
        headers = {**self._headers, "Content-Type": media_type}
        response = await self._client.send("POST", "/api/uploads", headers, content=content)
        return str(_value(response)["upload_id"])

    def events(self, run_id: str, after: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """A context with the run's events after the event `after`; see AsyncClient.stream."""
        headers = {**self._headers, "Last-Event-ID": after, "Accept": "text/event-stream"}
        return self._client.stream(f"/api/runs/{run_id}/events", headers)


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value not in (None, "")}


def _value(response: httpx.Response) -> Any:
    """The answer's JSON, None for an empty one."""
    try:
        return response.json() if response.content else None
    except ValueError:
        raise Unreachable(f"{response.url.host} answered with no JSON, which is not the api.") from None


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
        return response
    try:
        problem = response.json()
        title, detail = str(problem["title"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        raise Unreachable(f"{response.url.host} answered {response.status_code}, which is not the api.") from None
    wait = response.headers.get("retry-after", "")
    raise Refused(
        response.status_code,
        title,
        detail,
        request_id=problem.get("request_id"),
        retry_after=float(wait) if wait.isascii() and wait.isdigit() else None,
    )


async def _events(response: httpx.Response) -> AsyncIterator[Event]:
    """Server-sent events as the api writes them: one line of data each."""
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        try:
            told = json.loads(line[5:])
            event = Event(told["id"], told["type"], told["data"]) if "id" in told else None
            if event is None:
                # The stream was closed: the data are problem details.
                raise Refused(int(told["status"]), told["title"], told["detail"], request_id=None, retry_after=None)
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"{response.url.host} sent an event that is not the api's.") from None
        yield event
