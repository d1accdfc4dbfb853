"""What became of each line of a constitution, and the criteria that were read in it."""

from dataclasses import dataclass
from enum import StrEnum

from worker.verification.constitution.criteria import Criterion


class Fate(StrEnum):
    """What became of a line."""

    CRITERION = "criterion"
    PART = "part"
    NOT_READ = "not read"


@dataclass(frozen=True)
class Line:
    """What became of one passage of the constitution.

    `keys` are the criteria that it became or is part of. `requires`: it has the words of a requirement and became
    nothing, so that nobody may say that everything was checked.
    """

    line: int
    end_line: int
    text: str
    fate: Fate
    keys: tuple[str, ...] = ()
    why: str | None = None
    requires: bool = False


@dataclass(frozen=True)
class Reading:
    """Criteria in the order of the text, and what became of every line. `notes` tell what was dropped, merged or
    added."""

    criteria: tuple[Criterion, ...]
    lines: tuple[Line, ...]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[Line, ...]:
        """Lines with a requirement that became nothing."""
        return tuple(line for line in self.lines if line.requires)
