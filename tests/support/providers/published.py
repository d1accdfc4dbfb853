"""JSON against types as a provider's package publishes them: TypedDicts, checked as its server would check them.

pydantic lets a TypedDict have fields that it does not name; a server does not.
"""

import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union

import typing_extensions

_SCALARS = {str: str, int: int, float: (int, float), bool: bool, type(None): type(None)}
_WRAPPERS = (typing_extensions.Required, typing_extensions.NotRequired, typing.Required, typing.NotRequired)


def problem(value: Any, hint: Any, path: str = "") -> tuple[str, str] | None:
    """(path, what is wrong) of the first thing in `value` that `hint` does not allow; "unknown" for a field's name."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is typing.Annotated or origin in _WRAPPERS:
        return problem(value, arguments[0], path)
    if origin in (Union, types.UnionType):
        return _of_union(value, arguments, path)
    if origin is Literal:
        return None if value in arguments else (path, f"should be one of {', '.join(map(repr, arguments))}")
    if typing_extensions.is_typeddict(hint):
        return _of_typed_dict(value, hint, path)
    if hint in _SCALARS:
        right = isinstance(value, _SCALARS[hint]) and (hint is bool or not isinstance(value, bool))
        return None if right else (path, f"should be {hint.__name__}")
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return None if isinstance(value, dict) else (path, "should be an object")
    if origin is not None and isinstance(origin, type) and issubclass(origin, Iterable):
        return _of_list(value, arguments, path)
    # What has no form in JSON, such as the package's own objects.
    return (path, "is of no type known") if isinstance(hint, type) and hint is not object else None


def _of_list(value: Any, arguments: tuple[Any, ...], path: str) -> tuple[str, str] | None:
    if not isinstance(value, list):
        return path, "should be a list"
    checked = (problem(item, arguments[0], f"{path}[{number}]") for number, item in enumerate(value))
    return next((wrong for wrong in checked if wrong), None)


def _of_union(value: Any, variants: tuple[Any, ...], path: str) -> tuple[str, str] | None:
    """No problem, if a variant has none; else the one of the variant that comes furthest."""
    wrongs = []
    for variant in variants:
        wrong = problem(value, variant, path)
        if wrong is None:
            return None
        wrongs.append((wrong[1] == "unknown", len(wrong[0]), wrong))
    return max(wrongs)[2]


def _of_typed_dict(value: Any, hint: Any, path: str) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return path, "should be an object"
    hints = typing_extensions.get_type_hints(hint, include_extras=True)
    at = f"{path}." if path else ""
    checked = [problem(value[name], hints[name], f"{at}{name}") for name in value if name in hints]
    # Where annotations are texts, the class itself does not know which of them say Required.
    required = {
        name for name, of in hints.items() if typing.get_origin(of) in (typing.Required, typing_extensions.Required)
    }
    missing = [name for name in {*hint.__required_keys__, *required} if name not in value]
    unknown = [name for name in value if name not in hints]
    if unknown and not missing and not any(checked):
        return f"{at}{unknown[0]}", "unknown"
    if wrong := next((one for one in checked if one), None):
        return wrong
    return (f"{at}{missing[0]}", "is required") if missing else None


def words(schema: Any, path: str = "") -> Iterable[tuple[str, str, dict[str, Any]]]:
    """(path, word, node) of every word of a JSON schema; names of properties and definitions are no words."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        yield path, word, schema
        if word in ("properties", "$defs", "definitions"):
            for name, child in value.items():
                yield from words(child, f"{path}.{name}")
        elif word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for number, child in enumerate(value):
                yield from words(child, f"{path}.{word}[{number}]")
        elif word in ("items", "additionalProperties", "not"):
            yield from words(value, f"{path}.{word}")
