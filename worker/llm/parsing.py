"""From a model's words to a value of the form that was asked for."""

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from worker.core.linear import pattern

T = TypeVar("T", bound=BaseModel)

_FENCED = pattern(r"(?s)```(?:json)?\s*\n(.*?)```")


def parse(text: str, form: type[T], check: Callable[[T], None]) -> T:
    """The answer in `text`, with prose or a fence around it or without. Raises ValueError with what is wrong."""
    if not text.strip():
        raise ValueError("it was empty")
    problem: ValueError | None = None
    for candidate in _candidates(text):
        try:
            value = form.model_validate(candidate, strict=False)
            check(value)
            return value
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors()[:5]]
            problem = problem or ValueError("; ".join(wrong))
        except ValueError as error:
            problem = problem or error
    raise problem or ValueError("it holds no JSON object")


def _candidates(text: str) -> list[Mapping[str, Any]]:
    """JSON objects in the text: the whole of it, a fenced block, or the first that begins with a brace."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    values = []
    for piece in (text, *_FENCED.findall(text)):
        with contextlib.suppress(ValueError, RecursionError):
            values.append(decoder.decode(piece.strip()))
    start = text.find("{")
    tried = 0
    while not values and start >= 0 and tried < 20:
        tried += 1
        with contextlib.suppress(ValueError, RecursionError):
            values.append(decoder.raw_decode(text, start)[0])
        start = text.find("{", start + 1)
    return [value for value in values if isinstance(value, dict)]


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")
