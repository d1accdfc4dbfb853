"""Forms of answers in the words that every provider takes, checked by the lists that the strict servers refuse by."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field

from tests.support.providers import anthropic, gemini, openai, published
from worker.llm import schemas
from worker.verification.answer import JudgeAnswer
from worker.verification.constitution.extraction import Extraction


class Kind(StrEnum):
    FORBIDS = "forbids"
    REQUIRED = "required"


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^/]")]
    line: Annotated[int, Field(ge=1, le=10**7)]


class Cat(BaseModel):
    type: Literal["cat"]
    title: str = "names of properties are no words of a schema"
    minimum: float = 0.5


class Dog(BaseModel):
    type: Literal["dog"]
    places: list[Place] = []


class Zoo(BaseModel):
    """Whatever pydantic makes of the forms that the product may have."""

    kind: Kind
    score: Annotated[int | None, Field(ge=1, le=10, description="how well")] = None
    share: float = Field(0.0, gt=0, lt=1, multiple_of=0.5)
    place: Place = Field(description="where")
    maybe: Place | None = None
    animals: list[Annotated[Cat | Dog, Field(discriminator="type")]] = Field(default=[], max_length=5, min_length=2)
    level: Literal[1, 2, 3] = 1
    done: bool = False
    words: list[list[str]] = []


class Tree(BaseModel):
    children: list["Tree"] = []


class Mapped(BaseModel):
    prices: dict[str, float]


class Pair(BaseModel):
    both: tuple[int, str]


class Anything(BaseModel):
    what: Any


FORMS = [JudgeAnswer, Extraction, Zoo, Place]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_is_taken_by_every_provider(form: type[BaseModel]) -> None:
    made = schemas.reduced(form.model_json_schema())
    assert made is not None
    openai._check_schema(made)
    anthropic._check_schema(made)
    used = {word for _, word, _ in published.words(made)}
    assert used <= openai.WORDS & anthropic.WORDS & gemini.WORDS
    assert "$ref" not in used
    jsonschema.Draft202012Validator.check_schema(made)


def test_what_is_valid_stays_valid_and_what_is_dropped_is_said() -> None:
    value = {
        "kind": "forbids",
        "score": None,
        "share": 0.5,
        "place": {"path": "a", "line": 1},
        "maybe": None,
        "animals": [{"type": "cat", "title": "t", "minimum": 1}, {"type": "dog", "places": []}],
        "level": 2,
        "done": True,
        "words": [["a"]],
    }
    made = schemas.reduced(Zoo.model_json_schema())
    assert made is not None
    Zoo.model_validate(value)
    jsonschema.validate(value, made)
    for wrong in ({**value, "kind": "else"}, {**value, "more": 1}, {**value, "level": 4}, {**value, "place": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, made)
    properties = made["properties"]
    assert properties["score"]["description"] == "how well"
    assert properties["score"]["anyOf"][0]["description"] == "(at least 1, at most 10)"
    assert properties["place"]["description"] == "where"
    assert properties["animals"]["description"] == "(at least 2 items, at most 5 items)"
    assert made["required"] == list(value)


@pytest.mark.parametrize("form", [Tree, Mapped, Pair, Anything])
def test_what_has_no_words_is_asked_for_without(form: type[BaseModel]) -> None:
    assert schemas.reduced(form.model_json_schema()) is None


def test_more_unions_than_are_taken_are_asked_for_without() -> None:
    fields: dict[str, Any] = {f"field_{n}": {"anyOf": [{"type": "string"}, {"type": "null"}]} for n in range(17)}
    assert schemas.reduced({"type": "object", "properties": fields}) is None
    fields.popitem()
    assert schemas.reduced({"type": "object", "properties": fields}) is not None
