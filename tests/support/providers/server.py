"""What the strict servers share: HTTP, the calls so far, tokens that are counted, and prefixes that are cached."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from invariant.bench.provider import Request, answer
from invariant.waiting import until

KEY = "sk-strict-0123456789abcdef"


@dataclass(frozen=True)
class Model:
    """What the provider's pages say of a model. `structured`: it takes a JSON schema for its answer."""

    structured: bool = True
    reasons: bool = False
    most_output: int = 1 << 17
    context: int = 100_000


@dataclass
class Call:
    """A request as it arrived. `seen` are the texts that the model reads, in their order, with their roles."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    raw: bytes
    number: int
    model: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    accepted: bool = False

    @property
    def request(self) -> Request:
        """The same in the form that scripts of judges read."""
        messages = [{"role": role, "content": text} for role, text in self.seen]
        return Request(self.path, {"model": self.model, "messages": messages}, self.raw.decode(), self.number)


class Refusal(Exception):
    """An answer that is an error, in the provider's own form."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass(frozen=True)
class Tokens:
    """Of a call, as the provider counts them: `prompt` is all of it."""

    prompt: int
    cached: int
    written: int
    completion: int


@dataclass(frozen=True)
class Protocol:
    """One provider, as it documents itself."""

    name: str
    route: str
    models: Mapping[str, Model]
    read: Callable[[Call, Mapping[str, Model]], None]
    """Sets the call's model and what the model sees; raises Refusal for what is not published."""
    cache: Callable[[Call, Sequence[Call]], tuple[int, int]]
    """Tokens that are read from the cache, and tokens that are written to it, given the calls before."""
    say: Callable[[Call, str, str, Tokens], Any]
    """The body of an answer: the text, and how it ended: `stop`, `length`, `refusal`, or a word of the provider's."""
    faults: Mapping[str, Refusal]
    settings: Callable[[str], Mapping[str, Any]]
    """What an operator sets to be led to this server's address."""


class Server:
    """`script` gives the text of an answer; `fault` names what happens to every call instead."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.calls: list[Call] = []
        self.script: Callable[[Request], str] = answer
        self.fault: str | None = None
        self.ended = "stop"
        self.url = ""

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.protocol.settings(self.url)}

    async def handle(self, http: HttpRequest) -> JSONResponse:
        raw = await http.body()
        call = Call(http.url.path, http.headers, json.loads(raw), raw, len(self.calls) + 1)
        before = [other for other in self.calls if other.accepted]
        self.calls.append(call)
        try:
            if self.fault:
                raise self.protocol.faults[self.fault]
            self.protocol.read(call, self.protocol.models)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))
        call.accepted = True
        text = self.script(call.request) if self.ended != "refusal" else ""
        cached, written = self.protocol.cache(call, [other for other in before if other.model == call.model])
        tokens = Tokens(count("".join(text for _, text in call.seen)), cached, written, count(text))
        return JSONResponse(self.protocol.say(call, text, self.ended, tokens))


def count(text: str) -> int:
    return len(text.encode()) // 4 + 1


def common_prefix(call: Call, before: Sequence[Call], *, step: int, least: int) -> int:
    """Tokens of the longest prefix that an earlier call had too, in whole steps."""
    longest = max((_alike(json.dumps(call.seen), json.dumps(other.seen)) for other in before), default=0)
    tokens = longest // 4 // step * step
    return tokens if tokens >= least else 0


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


@contextlib.contextmanager
def running(protocol: Protocol) -> Iterator[Server]:
    """The server on a port of its own, for as long as the block lasts."""
    server = Server(protocol)
    app = Starlette(routes=[Route(protocol.route, server.handle, methods=["POST"])])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(app, loop="asyncio", lifespan="off", ws="none", log_config=None)
        serving = uvicorn.Server(config)
        thread = threading.Thread(target=serving.run, args=([listening],), daemon=True)
        thread.start()
        try:
            until(lambda: serving.started, 10, lambda: "the provider's server never started")
            yield server
        finally:
            serving.should_exit = True
            thread.join(10)
