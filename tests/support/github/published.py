"""What GitHub publishes of its API, as far as it is used, and whether a request and an answer are as published."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema


@dataclass(frozen=True)
class Published:
    """One operation: `query` by name, `body` a JSON Schema that takes nothing it does not name."""

    name: str
    method: str
    pattern: re.Pattern[str]
    query: dict[str, Any]
    body: dict[str, Any] | None
    success: int
    statuses: tuple[int, ...]
    fields: tuple[str, ...]

    def wrong(self, query: dict[str, str], body: object) -> str | None:
        """Why a request is not one that GitHub publishes."""
        unknown = sorted(set(query) - set(self.query))
        if unknown:
            return f"undocumented query: {', '.join(unknown)}"
        for name, value in query.items():
            schema = self.query[name]
            typed = int(value) if schema.get("type") == "integer" and value.isdigit() else value
            try:
                jsonschema.validate(typed, schema)
            except jsonschema.ValidationError as error:
                return f"query {name}: {error.message}"
        if (self.body is None) != (body is None):
            return "a body where there is none, or none where there is one"
        if self.body is not None:
            try:
                jsonschema.validate(body, self.body)
            except jsonschema.ValidationError as error:
                return f"body: {error.message}"
        return None


@cache
def operations() -> tuple[Published, ...]:
    document = json.loads((Path(__file__).parent / "published.json").read_text())["operations"]
    found = []
    for name, facts in document.items():
        method, path = name.split(" ")
        pattern = re.sub(r"{(\w+)}", _part, path)
        found.append(
            Published(
                name,
                method,
                re.compile(f"^{pattern}$"),
                facts["query"],
                None if facts["body"] is None else _closed(facts["body"]),
                facts["success"],
                tuple(facts["statuses"]),
                tuple(facts["fields"] or ()),
            )
        )
    return tuple(found)


def _part(match: re.Match[str]) -> str:
    """Some parts of a path may have slashes in them."""
    return f"(?P<{match[1]}>{'.+' if match[1] in ('path', 'ref', 'basehead') else '[^/]+'})"


def find(method: str, path: str) -> tuple[Published, dict[str, str]] | None:
    for operation in operations():
        match = operation.pattern.match(path)
        if operation.method == method and match:
            return operation, match.groupdict()
    return None


def _closed(schema: Any, *, branch: bool = False) -> Any:
    """The schema, which takes no property that it does not name. A branch of several says less than the whole."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: _closed(value) for name, value in found["properties"].items()}
        if not branch and "additionalProperties" not in found:
            found["additionalProperties"] = False
    if isinstance(found.get("items"), dict):
        found["items"] = _closed(found["items"])
    for key in ("oneOf", "anyOf", "allOf"):
        if key in found:
            found[key] = [_closed(part, branch=True) for part in found[key]]
    return found
