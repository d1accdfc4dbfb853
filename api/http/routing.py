"""Operations: one declaration that routes, authenticates, validates, and describes itself for OpenAPI.

An endpoint is an async function whose parameters say what it takes: `call` (the request and who makes it),
`body` and `query` (pydantic models), and the path's parameters by their names.
"""

import inspect
import re  # noqa: TID251  own: the paths of this code
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import NOBODY, Principal
from api.http import errors
from api.http.admission import admit
from api.http.body import whole_body
from api.state import State
from worker.core import audit
from worker.core.vocabulary import Scope

Endpoint = Callable[..., Awaitable[Response]]


@dataclass(frozen=True)
class Answer:
    """One possible success. `model` describes a JSON body; otherwise `media_type` alone. `also`: other media types
    that can be asked for."""

    model: Any = None
    media_type: str = "application/json"
    also: tuple[str, ...] = ()
    description: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """`scope` None is open to everybody; `takes` is the media type of a body that is not JSON."""

    method: str
    path: str
    endpoint: Endpoint
    scope: Scope | None
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    problems: tuple[type[errors.Problem], ...]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    path_types: Mapping[str, Any]
    takes: tuple[str, ...]
    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        return getattr(self.endpoint, "__name__", "operation")


@dataclass(frozen=True)
class Call:
    """One request, authenticated."""

    request: Request
    principal: Principal
    state: State
    operation: str
    """The OpenAPI document's name for what is asked for."""

    @property
    def request_id(self) -> str:
        found: str = self.request.state.request_id
        return found

    def line(self, subject: str | None, **data: object) -> audit.Line:
        """The audit log's line of this request."""
        client = self.request.client
        return audit.Line(
            actor=self.principal.name or audit.SERVICE,
            operation=self.operation,
            subject=subject,
            token_id=None if self.principal.token is None else self.principal.token.id,
            request_id=self.request_id,
            address=None if client is None else client.host,
            data=data,
        )

    async def audit(self, session: AsyncSession, subject: str | None, **data: object) -> None:
        """Write down that it was done, in the transaction that does it. `subject` is `kind:id`."""
        await audit.write(session, self.line(subject, **data))


@dataclass
class Operations:
    """A module's operations, in the order they are declared."""

    tag: str
    found: list[Operation] = field(default_factory=list)

    def add(
        self,
        method: str,
        path: str,
        *,
        scope: Scope | None,
        answers: Mapping[int, Answer],
        problems: tuple[type[errors.Problem], ...] = (),
        takes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare an endpoint. The first line of its docstring becomes the operation's summary."""

        def declare(endpoint: Endpoint) -> Endpoint:
            hints = get_type_hints(endpoint, include_extras=True)
            names = re.findall(r"{(\w+)}", path)
            self.found.append(
                Operation(
                    method=method,
                    path=path,
                    endpoint=endpoint,
                    scope=scope,
                    summary=inspect.getdoc(endpoint) or "",
                    tag=self.tag,
                    answers=answers,
                    problems=problems,
                    body=hints.get("body"),
                    query=hints.get("query"),
                    path_types={name: hints[name] for name in names},
                    takes=takes,
                    headers=headers or {},
                )
            )
            return endpoint

        return declare


def routes(operations: list[Operation]) -> list[Route]:
    """One Starlette route per path, which knows all of the path's methods."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [
        Route(path, _dispatcher(methods), methods=list(methods), include_in_schema=False)
        for path, methods in by_path.items()
    ]


def _dispatcher(methods: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    runners = {method: _runner(operation) for method, operation in methods.items()}

    async def dispatch(request: Request) -> Response:
        return await runners["GET" if request.method == "HEAD" else request.method](request)

    return dispatch


def _runner(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    path_adapters = {name: TypeAdapter(kind) for name, kind in operation.path_types.items()}

    async def run(request: Request) -> Response:
        state: State = request.app.state.invariant
        if operation.scope is None:
            principal = NOBODY
        else:
            principal = await admit(request, state, operation.scope)
        arguments: dict[str, Any] = {}
        for name, adapter in path_adapters.items():
            arguments[name] = _validated(adapter.validate_strings, request.path_params[name], f"path/{name}")
        if operation.query is not None:
            arguments["query"] = _validated(operation.query.model_validate_strings, _query(request), "query")
        elif request.query_params:
            name = next(iter(request.query_params))
            raise errors.InvalidRequest(f"query/{errors.printable(name)[:100]}: there is no such parameter here")
        call = Call(request, principal, state, operation.name)
        if operation.body is None:
            return await operation.endpoint(call, **arguments)
        _require_json(request)
        async with whole_body(request, principal, state) as content:
            arguments["body"] = _parsed(request, content, operation.body)
            return await operation.endpoint(call, **arguments)

    return run


def _query(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise errors.InvalidRequest(f"query/{errors.printable(name)[:100]}: is given twice")
        found[name] = value
    return found


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise errors.UnsupportedMediaType("Send the body as application/json.")


def _parsed(request: Request, content: bytes, model: type[BaseModel]) -> BaseModel:
    request.state.body = content
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        if found[0]["type"] == "json_invalid":
            raise errors.MalformedRequest(f"The body is not JSON: {errors.printable(found[0]['msg'])}.") from None
        raise errors.from_validation(found, "body") from None


def _validated(validate: Callable[[Any], Any], value: Any, root: str) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise errors.from_validation(found, root) from None


def json_response(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The model as the answer."""
    return Response(
        model.model_dump_json(), status_code=status, media_type="application/json", headers=dict(headers or {})
    )
