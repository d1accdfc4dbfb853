"""The form in which a scout answers, and its reading."""

from collections.abc import Callable, Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.verification.answer import without_numbers
from worker.verification.scouting.survey import NamedPlace, PieceRead

MAX_PLACES = 100


class ScoutPlace(BaseModel):
    model_config = ConfigDict(extra="forbid")

    criterion: Annotated[str, Field(max_length=200)]
    text: Annotated[int, Field(ge=1, le=100_000)]
    start_line: Annotated[int, Field(ge=1, le=10_000_000)]
    end_line: Annotated[int, Field(ge=1, le=10_000_000)]
    quote: Annotated[str, Field(max_length=4000)]
    shows: Literal["breaks", "holds"]
    why: Annotated[str, Field(max_length=1000)]


class ScoutAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    places: Annotated[list[ScoutPlace], Field(max_length=MAX_PLACES)]


def only(keys: Collection[str]) -> Callable[[ScoutAnswer], None]:
    """A check that the answer speaks of these criteria alone."""

    def check(answer: ScoutAnswer) -> None:
        unknown = {place.criterion for place in answer.places} - set(keys)
        if unknown:
            raise ValueError(f"unknown criteria: {', '.join(sorted(key[:100] for key in unknown)[:5])}")

    return check


def read(number: int, answer: ScoutAnswer) -> PieceRead:
    """What a scout named in the piece of that number; nothing of it is checked yet."""
    return PieceRead(
        number,
        tuple(
            NamedPlace(
                text=place.text,
                criterion=place.criterion,
                start=place.start_line,
                end=place.end_line,
                quote=without_numbers(place.quote),
                holds=place.shows == "holds",
                why=place.why,
            )
            for place in answer.places
        ),
    )
