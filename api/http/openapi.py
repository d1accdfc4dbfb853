"""The OpenAPI 3.1 document, made from the operations and from the models that validate."""

import re  # noqa: TID251  own: what this code says of itself
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from api.http import errors
from api.http.routing import Answer, Operation
from worker.core.version import VERSION

_REF = "#/components/schemas/{model}"
_ALWAYS = (errors.MalformedRequest, errors.InvalidRequest, errors.Unavailable)
_SECURED = (errors.Unauthenticated, errors.Forbidden, errors.TooManyRequests)
_WITH_BODY = (errors.BodyTooLarge, errors.UnsupportedMediaType, errors.RequestTimeout)

_DESCRIPTION = """Verifies a repository against a written constitution.

Errors are problem details (RFC 9457). Lists take `limit` and an opaque `cursor`. Every answer carries
`X-Request-ID`. What belongs to others is not there: 404, and nothing of it in lists, streams and figures. The service
token acts for the user that `X-CVA-User` names, with that user's rights. Live progress is also at the WebSockets
`/ws/{run_id}?after=` and `/ws?after=`, with the token in the header or as `?token=`; they close with 4401 when the
token has ended, and with 4404 when the run is not there any more.
"""


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document as JSON-ready values."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Invariant", "version": VERSION, "description": _DESCRIPTION, "license": {"name": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "token": {"type": "apiKey", "in": "header", "name": "X-API-Token"},
            },
        },
    }


def _models(operation: Operation) -> list[tuple[type[BaseModel], Any]]:
    found: list[tuple[type[BaseModel], Any]] = []
    if operation.body is not None:
        found.append((operation.body, "validation"))
    found += [(a.model, "serialization") for a in operation.answers.values() if a.model is not None]
    return found


def _schemas(operations: Sequence[Operation]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    models: list[tuple[type[BaseModel], Any]] = [(errors.ProblemView, "serialization")]
    for operation in operations:
        models += _models(operation)
    schemas, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)
    return schemas, definitions.get("$defs", {})


def _operation(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    summary, _, description = operation.summary.partition("\n")
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary.strip(),
        "tags": [operation.tag],
        "parameters": [*_path(operation), *_query(operation), *_headers(operation)],
        "responses": _responses(operation, schemas),
    }
    if description.strip():
        found["description"] = re.sub(r"\s+", " ", description.strip())
    if operation.scope is not None:
        found["security"] = [{"bearer": []}, {"token": []}]
        found["x-scope"] = operation.scope.value
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[(operation.body, "validation")]}}
        found["requestBody"] = {"required": True, "content": content}
    elif operation.takes:
        binary = {"schema": {"type": "string", "format": "binary"}}
        found["requestBody"] = {"required": True, "content": dict.fromkeys(operation.takes, binary)}
    return found


def _path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": TypeAdapter(kind).json_schema()}
        for name, kind in operation.path_types.items()
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REF)
    defined = schema.get("$defs", {})
    parameters = []
    for name, field in schema.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_null(_inlined(field, defined)),
        }
        if "description" in field:
            parameter["description"] = field["description"]
        parameters.append(parameter)
    return parameters


def _inlined(schema: Any, defined: Mapping[str, Any]) -> Any:
    """The schema with its references resolved: a parameter's few enums need no component of their own."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(defined[schema["$ref"].rsplit("/", 1)[-1]], defined)
        return {key: _inlined(value, defined) for key, value in schema.items() if key != "title"}
    return [_inlined(item, defined) for item in schema] if isinstance(schema, list) else schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is absent or a value; there is no way to write null."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**options[0], **rest}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    patterns = {"Idempotency-Key": r"^[\x20-\x7e]{1,255}$", "Last-Event-ID": r"^\d{1,9}$"}
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string", "pattern": patterns.get(name, r"^[\x21-\x7e]{1,200}$")},
        }
        for name, description in operation.headers.items()
    ]


def _responses(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, answer in operation.answers.items():
        found[str(status)] = _answer(answer, status, schemas)
    problems: list[type[errors.Problem]] = [*operation.problems, *_ALWAYS]
    if operation.scope is not None:
        problems += _SECURED
    if operation.path_types:
        problems.append(errors.NotFound)
    if operation.body is not None or operation.takes:
        problems += _WITH_BODY
    for problem in problems:
        content = {errors.MEDIA_TYPE: {"schema": schemas[(errors.ProblemView, "serialization")]}}
        entry = found.setdefault(str(problem.status), {"description": problem.title, "content": {}})
        entry["content"].update(content)
        if problem.title not in entry["description"]:
            entry["description"] += f"; {problem.title}"
    return dict(sorted(found.items()))


def _answer(answer: Answer, status: int, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.description or ("Accepted" if status == 202 else "Success")}
    if status not in (204, 304):
        schema = schemas[(answer.model, "serialization")] if answer.model is not None else {}
        found["content"] = {answer.media_type: {"schema": schema} if schema else {}}
        found["content"] |= {media_type: {"schema": {"type": "string"}} for media_type in answer.also}
    if answer.headers:
        found["headers"] = {
            name: {"description": text, "required": name == "Location", "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return found
