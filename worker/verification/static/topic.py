"""One thing that sentences of a constitution forbid or require, and what finds it."""

import re  # noqa: TID251  bounded: a statement of criteria.MAX_STATEMENT
from dataclasses import dataclass

from worker.verification.static.certain import Sure
from worker.verification.static.uses import Name

Words = tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    """One thing that sentences forbid or require."""

    name: str
    thing: re.Pattern[str] | None = None
    """What it is called in a sentence that forbids it; the whole of the thing."""
    required: re.Pattern[str] | None = None
    """The whole of a sentence that requires it."""
    rules: tuple[str, ...] = ()
    """`analyzer:rule` names; each finding is a violation. One that ends in `*` is a prefix."""
    shows: re.Pattern[str] | None = None
    """What the quoted code of a finding must hold for it to count."""
    says: re.Pattern[str] | None = None
    """What the message of a finding must hold for it to count."""
    not_in: re.Pattern[str] | None = None
    """Paths where findings are not surely violations."""
    sure: Sure | None = None
    """Whether a finding is surely one, where the code around it says so."""
    words: tuple[Words, ...] = ()
    """Each alternative: words that all stand in a file which holds the thing. Empty: words do not clear it."""
    silent: tuple[str, ...] = ()
    """Rules that see every case in Python: the thing is nowhere when they find nothing and no other language is
    there."""
    blind: tuple[Words, ...] = ()
    """Words in whose presence `silent` rules miss cases."""
    python: bool = False
    """It exists in Python alone."""
    marks: bool = False
    """Comments and documents for people hold it as well as code does."""
    paths: bool = False
    """A path may be it."""
    rule: bool = False
    """It is a rule that the sentence names itself."""
    unlisted: bool = False
    """Nobody knows before it runs whether the analyzer has the rule."""
    call: Name | None = None
    """A function whose calls syntax finds."""

    @property
    def mention(self) -> re.Pattern[str]:
        """Where a text speaks of it."""
        named = re.escape(self.name)
        pattern = named if self.thing is None else f"{named}|{self.thing.pattern}"
        return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def thing(pattern: str) -> re.Pattern[str]:
    """A pattern of what a thing is called, without regard to case."""
    return re.compile(pattern, re.IGNORECASE)
