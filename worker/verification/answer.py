"""The form in which a judge answers, and its reading into opinions."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from worker.core.linear import pattern
from worker.core.telemetry.masking import mask_code
from worker.core.vocabulary import JudgeRole, Vote
from worker.verification.context.looking import MAX_LOOKS, Look, What
from worker.verification.opinion import MAX_EVIDENCE, Evidence, Opinion
from worker.verification.votes import contradicts

_MIN_QUOTE = 4
# The mark of a hidden secret, or a part of one.
_HIDDEN = pattern(r"⟪?\s*masked\s*\d*\s*⟫?")
_NUMBER = pattern(r"^\s*\d+\| ?")


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    start_line: Annotated[int, Field(ge=1, le=10_000_000)]
    end_line: Annotated[int, Field(ge=1, le=10_000_000)]
    quote: Annotated[str, Field(max_length=8000)]


class JudgeOpinion(BaseModel):
    """One opinion, in the order in which it is to be written: what is seen, what follows, and only then the vote."""

    model_config = ConfigDict(extra="forbid")

    criterion: Annotated[str, Field(max_length=200)]
    evidence: Annotated[list[Place], Field(max_length=50)]
    absent: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)]
    rationale: Annotated[str, Field(max_length=8000)]
    vote: Vote
    score: Annotated[int | None, Field(ge=1, le=10)]
    confidence: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.vote is not Vote.ABSTAIN and (self.score is None or self.confidence is None):
            raise ValueError("a vote of PASS or FAIL needs a score and a confidence")
        return self


class Wish(BaseModel):
    """Something that the judge wants to be shown before it decides."""

    model_config = ConfigDict(extra="forbid")

    by: What
    what: Annotated[str, Field(min_length=1, max_length=300)]
    line: Annotated[int | None, Field(ge=1, le=10_000_000)] = None


class JudgeAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    see: Annotated[list[Wish], Field(max_length=20)] = []
    opinions: Annotated[list[JudgeOpinion], Field(max_length=100)]


def looks(answer: JudgeAnswer, keys: Sequence[str]) -> tuple[Look, ...]:
    """What the judge wants to be shown; nothing where it has decided on all of `keys` already."""
    decided = {opinion.criterion for opinion in answer.opinions if opinion.vote is not Vote.ABSTAIN}
    if decided.issuperset(keys):
        return ()
    wishes = (Look(wish.by, wish.what.replace("\0", ""), wish.line) for wish in answer.see)
    return tuple(dict.fromkeys(wishes))[:MAX_LOOKS]


def exactly(keys: Sequence[str], *, may_look: bool = False) -> Callable[[JudgeAnswer], None]:
    """A check that the answer holds one opinion for each of `keys` and none for anything else; or, for a judge who may
    still look, that it asks to see something."""

    def check(answer: JudgeAnswer) -> None:
        if may_look and looks(answer, keys):
            return
        given = Counter(opinion.criterion for opinion in answer.opinions)
        doubled = [key for key, count in given.items() if count > 1]
        unknown = [key for key in given if key not in keys]
        missing = [key for key in keys if key not in given]
        for what, wrong in (("more than one opinion", doubled), ("unknown criteria", unknown), ("no opinion", missing)):
            if wrong:
                raise ValueError(f"{what} for: {', '.join(key[:100] for key in wrong[:5])}")

    return check


def contradicted(pass_score: int) -> Callable[[JudgeAnswer], str | None]:
    """What to ask again of an answer whose votes and scores say opposite things; None where they agree."""

    def doubt(answer: JudgeAnswer) -> str | None:
        wrong = [o.criterion for o in answer.opinions if contradicts(o.vote, o.score, pass_score)]
        if not wrong:
            return None
        keys = ", ".join(key[:100] for key in wrong[:5])
        return (
            f"vote and score contradict each other for: {keys}. {pass_score} and above goes with PASS, below with FAIL"
        )

    return doubt


def opinion(given: JudgeOpinion, role: JudgeRole, model: str, *, round: int, asked: tuple[str, ...] = ()) -> Opinion:
    """The judge's words as an opinion; evidence as cited, not yet checked."""
    decided = given.vote is not Vote.ABSTAIN
    return Opinion(
        key=given.criterion,
        role=role,
        vote=given.vote,
        rationale=mask_code(" ".join(given.rationale.split())).replace("\0", ""),
        model=model,
        score=given.score if decided else None,
        confidence=given.confidence if decided else None,
        evidence=tuple(_evidence(place) for place in given.evidence[:MAX_EVIDENCE]),
        absent=tuple(given.absent),
        round=round,
        asked=asked,
    )


def _evidence(place: Place) -> Evidence:
    # A brace, a blank line, the mark of a hidden secret can be found in any file: such a quote shows nothing, and is
    # made one that is nowhere.
    shows = sum(character.isalnum() for character in _HIDDEN.sub("", place.quote)) >= _MIN_QUOTE
    return Evidence(
        path=place.path.removeprefix("./"),
        start_line=place.start_line,
        end_line=max(place.start_line, place.end_line),
        quote=without_numbers(place.quote) if shows else "",
        trivial=not shows,
    )


def without_numbers(quote: str) -> str:
    """Judges at times copy the line numbers along."""
    lines = quote.split("\n")
    if all(_NUMBER.match(line) for line in lines if line.strip()):
        return "\n".join(_NUMBER.sub("", line, count=1) for line in lines)
    return quote
