"""The HTTP contract as a client sees it, for the command line."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

FINAL = frozenset({"completed", "failed", "cancelled"})
_RETRY_SECONDS = 120.0


class ApiError(RuntimeError):
    """The api said no, or could not be reached. The message is for the person at the terminal."""


class Conflict(ApiError):
    """The thing is not in a state for that."""


def is_local(url: str) -> bool:
    """Whether it is a stack of this machine: proxies are for the world outside."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Event:
    """One step of a run. `data` is what the step is known by."""

    id: str
    type: str
    data: dict[str, Any]


@dataclass
class Client:
    """A connection to one api. `agent` is what it calls itself, the User-Agent."""

    url: str
    token: str | None = None
    agent: str = "invariant"
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"User-Agent": self.agent}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=not is_local(self.url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise ApiError(f"{self.url} cannot be reached ({error or type(error).__name__}).") from None
        return _checked(response)

    def upload(self, archive: bytes) -> str:
        """Send a tar.gz; returns its upload_id. Raises ApiError."""
        response = self._request("POST", "/api/uploads", content=archive, headers={"Content-Type": "application/gzip"})
        return str(response.json()["upload_id"])

    def enqueue(self, source: dict[str, Any], constitution: str, **more: Any) -> dict[str, Any]:
        """Enqueue a run; returns it. Raises ApiError."""
        body = {"source": source, "constitution": constitution, **more}
        found: dict[str, Any] = self._request("POST", "/api/runs", json=body).json()
        return found

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._request("GET", f"/api/runs/{run_id}").json()
        return found

    def verdict(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._request("GET", f"/api/runs/{run_id}/verdict").json()
        return found

    def runs(self, **filters: str) -> Iterator[dict[str, Any]]:
        """The runs that one may see, the newest first. Raises ApiError."""
        cursor: str | None = None
        while True:
            parameters = {**filters, **({} if cursor is None else {"cursor": cursor})}
            page = self._request("GET", "/api/runs", params=parameters).json()
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def feedback(self, run_id: str) -> list[dict[str, Any]]:
        """What people marked of a run. Raises ApiError."""
        found: list[dict[str, Any]] = self._request("GET", f"/api/runs/{run_id}/feedback").json()["items"]
        return found

    def document(self, run_id: str, name: str) -> bytes:
        """`report`, `sarif` or `verdict`, as it is served."""
        return self._request("GET", f"/api/runs/{run_id}/{name}").content

    def remediate(self, run_id: str) -> dict[str, Any]:
        """Begin to fix what a run found broken; returns the remediation. Raises ApiError."""
        found: dict[str, Any] = self._request("POST", "/api/remediations", json={"run_id": run_id}).json()
        return found

    def remediation(self, remediation_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._request("GET", f"/api/remediations/{remediation_id}").json()
        return found

    def fixes(self, remediation_id: str) -> list[dict[str, Any]]:
        """In the order in which they are applied."""
        found: list[dict[str, Any]] = self._request("GET", f"/api/remediations/{remediation_id}/fixes").json()["items"]
        return found

    def audit(self, remediation_id: str) -> list[dict[str, Any]]:
        """What has happened, oldest first."""
        found: list[dict[str, Any]] = self._request("GET", f"/api/remediations/{remediation_id}/audit").json()["items"]
        return found

    def patch_of_fix(self, fix_id: str) -> str:
        return self._request("GET", f"/api/fixes/{fix_id}/patch").text

    def patch(self, remediation_id: str) -> bytes | None:
        """All that a remediation has kept, for `git apply`; None while it is not put together. Raises ApiError."""
        try:
            return self._request("GET", f"/api/remediations/{remediation_id}/patch").content
        except Conflict:
            return None

    def decide(self, fix_id: str, *, approve: bool, reason: str) -> None:
        word = "approve" if approve else "reject"
        self._request("POST", f"/api/fixes/{fix_id}/{word}", json={"reason": reason})

    def stop(self, remediation_id: str, reason: str) -> None:
        self._request("POST", f"/api/remediations/{remediation_id}/stop", json={"reason": reason})

    def cancel(self, run_id: str) -> None:
        self._request("DELETE", f"/api/runs/{run_id}")

    def follow(self, run_id: str) -> Iterator[Event]:
        """The run's events until it has ended, through any loss of the connection. Raises ApiError."""
        last = "0"
        lost_since: float | None = None
        while True:
            try:
                headers = {"Last-Event-ID": last, "Accept": "text/event-stream"}
                with self._http.stream("GET", f"/api/runs/{run_id}/events", headers=headers, timeout=30) as response:
                    if response.status_code in (502, 503, 504):
                        # A deploy, or a database that restarts: the run goes on.
                        raise httpx.ReadError(f"status {response.status_code}")
                    if response.is_error:
                        response.read()
                    _checked(response)
                    for event in _events(response):
                        last, lost_since = event.id, None
                        yield event
                        if event.type in FINAL:
                            return
            except httpx.HTTPError as error:
                lost_since = lost_since or time.monotonic()
                if time.monotonic() - lost_since > _RETRY_SECONDS:
                    raise ApiError(f"The connection to {self.url} was lost ({type(error).__name__}).") from None
            # The stream was cut, by a deploy or a proxy's limit: ask again where it stopped, but not in a busy loop.
            time.sleep(1)


def _events(response: httpx.Response) -> Iterator[Event]:
    """Server-sent events as the api writes them: one line of data each."""
    for line in response.iter_lines():
        if line.startswith("data:"):
            told = json.loads(line[5:])
            yield Event(told["id"], told["type"], told["data"])


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
        detail = f"{problem['title']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        detail = f"the answer was {response.status_code}"
    raise (Conflict if response.status_code == 409 else ApiError)(detail)
