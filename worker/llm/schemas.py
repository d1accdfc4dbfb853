"""Forms of answers as JSON schemas in the words that every provider's structured output takes.

OpenAI, Anthropic and Google document different subsets of JSON Schema; what is made here lies in all three. Bounds,
patterns and formats are only told to the model, in the description: pydantic checks them when the answer is there.

- https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
- https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
- https://ai.google.dev/api/generate-content#FIELDS.response_json_schema
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

# The narrowest of the documented limits: Anthropic's of unions, OpenAI's of depth and of properties.
_MOST_UNIONS = 16
_MOST_LEVELS = 10
_MOST_PROPERTIES = 5000
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matching {}",
    "format": "in the format {}",
}
_PLAIN = ("string", "integer", "number", "boolean", "null")


class _Inexpressible(Exception):
    """The subset has no words for this."""


def reduced(schema: Mapping[str, Any]) -> Schema | None:
    """`schema`, as pydantic writes it, in words that every provider takes; None where they do not suffice.

    References are replaced by what they refer to, every object is closed, and every property is required: a field
    that has a default is asked for all the same.
    """
    try:
        made = _node(schema, schema.get("$defs", {}), ())
    except _Inexpressible:
        return None
    within = _levels(made) <= _MOST_LEVELS and _count(made, "anyOf") <= _MOST_UNIONS
    return made if made.get("type") == "object" and within and _properties(made) <= _MOST_PROPERTIES else None


def _node(schema: Mapping[str, Any], definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        if name in inside or name not in definitions:
            raise _Inexpressible
        rest = {word: value for word, value in schema.items() if word != "$ref"}
        return _node({**definitions[name], **rest}, definitions, (*inside, name))
    made: Schema = {}
    if "allOf" in schema:
        if len(schema["allOf"]) != 1:
            raise _Inexpressible
        return _node({**schema["allOf"][0], **_without(schema, "allOf")}, definitions, inside)
    variants = schema.get("anyOf", schema.get("oneOf"))
    if variants is not None:
        made["anyOf"] = [_node(variant, definitions, inside) for variant in variants]
    elif "const" in schema or "enum" in schema:
        made |= _choice(schema)
    elif schema.get("type") == "object":
        made |= _object(schema, definitions, inside)
    elif schema.get("type") == "array":
        if "prefixItems" in schema or not isinstance(schema.get("items"), Mapping):
            raise _Inexpressible
        made |= {"type": "array", "items": _node(schema["items"], definitions, inside)}
    elif schema.get("type") in _PLAIN:
        made["type"] = schema["type"]
    else:
        raise _Inexpressible
    if description := _description(schema):
        made["description"] = description
    return made


def _object(schema: Mapping[str, Any], definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Schema:
    if schema.get("additionalProperties", False) is not False or "patternProperties" in schema:
        # A mapping of any keys: no provider's strict form has it.
        raise _Inexpressible
    properties = {name: _node(value, definitions, inside) for name, value in schema.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _choice(schema: Mapping[str, Any]) -> Schema:
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    names = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}
    types = {names.get(type(value)) for value in values}
    # Google takes enumerations of strings and of numbers alone.
    if len(types) != 1 or not types <= {"string", "integer", "number"}:
        raise _Inexpressible
    return {"type": types.pop(), "enum": list(values)}


def _description(schema: Mapping[str, Any]) -> str:
    given = str(schema.get("description", ""))
    bounds = [words.format(schema[word]) for word, words in _BOUNDS.items() if word in schema]
    return " ".join(part for part in (given, f"({', '.join(bounds)})" if bounds else "") if part)


def _without(schema: Mapping[str, Any], word: str) -> Schema:
    return {other: value for other, value in schema.items() if other != word}


def _children(schema: Schema) -> list[Schema]:
    items = [schema["items"]] if "items" in schema else []
    return [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *items]


def _levels(schema: Schema) -> int:
    below = max((_levels(child) for child in _children(schema)), default=0)
    return below + (schema.get("type") in ("object", "array"))


def _count(schema: Schema, word: str) -> int:
    return (word in schema) + sum(_count(child, word) for child in _children(schema))


def _properties(schema: Schema) -> int:
    return len(schema.get("properties", ())) + sum(_properties(child) for child in _children(schema))
