"""The api as a page sees it: on behalf of who is logged in."""

import json
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from client.asynchronous import Acting, AsyncClient, Document
from ui.session import User, user_of

# Of JSON; as values it is four to five times that.
_KEPT_BYTES = 24 << 20


class LoginNeeded(Exception):
    """Nobody is logged in; `to` is where they wanted to go."""

    def __init__(self, to: str) -> None:
        super().__init__("Nobody is logged in.")
        self.to = to

    @property
    def login(self) -> str:
        return f"/login?{urlencode({'to': self.to})}"


def require_user(request: Request) -> User:
    """Raises LoginNeeded."""
    user = user_of(request.session)
    if user is None:
        raise LoginNeeded(_wanted(request))
    return user


def _wanted(request: Request) -> str:
    if request.method != "GET" or "hx-request" in request.headers:
        return "/runs"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def api(request: Request) -> Acting:
    """Raises LoginNeeded."""
    client: AsyncClient = request.app.state.client
    return client.acting_for(require_user(request).name, request.state.request_id)


def day_start(value: str) -> str:
    """What a date field says, as an instant; what is none is left to the api to refuse."""
    return f"{value}T00:00:00Z" if value and "T" not in value else value


class Documents:
    """Parsed artifacts, which never change, as many as fit. The api is asked each time whether one may see it."""

    def __init__(self, most: int = _KEPT_BYTES) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[str, tuple[str, int, Any]] = OrderedDict()

    async def get(self, api: Acting, path: str) -> Any:
        """The artifact's JSON. Raises Unreachable, Refused."""
        known = self._kept.get(path)
        document: Document = await api.document(path, etag=known[0] if known else None)
        if document.content is None and known is not None:
            if path in self._kept:
                self._kept.move_to_end(path)
            return known[2]
        content = document.content or b"null"
        value = json.loads(content)
        if document.etag is not None and len(content) < self._most:
            self._keep(path, document.etag, len(content), value)
        return value

    def _keep(self, path: str, etag: str, size: int, value: Any) -> None:
        self._forget(path)
        self._kept[path] = (etag, size, value)
        self._size += size
        while self._size > self._most:
            self._forget(next(iter(self._kept)))

    def _forget(self, path: str) -> None:
        old = self._kept.pop(path, None)
        if old is not None:
            self._size -= old[1]


def documents(request: Request) -> Documents:
    kept: Documents = request.app.state.documents
    return kept
