"""What a model reads in a constitution, a part of the text at a time, held against the text: code within a contained
process, to which the model's answers are brought."""

from collections.abc import Sequence

from worker.verification.constitution import answers, criteria, joining, reading
from worker.verification.constitution.answers import Extraction, Read, Source
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.constitution.fates import Fate
from worker.verification.constitution.reading import Reading
from worker.verification.constitution.source import normalized

_CHUNK_CHARS = 6_000
_MAX_AGAIN = 60
_MAX_READ = 4 * criteria.MAX_CRITERIA


class Extractor:
    """The reading of one constitution: `begin`, then `take` the answer to each part, then `reading`."""

    def __init__(self) -> None:
        self._source = Source([], Reading((), (), ""))
        self._parts: list[tuple[int, list[str]]] = []
        self._read: list[Read] = []
        self._reasons: dict[int, str] = {}
        self._notes: list[str] = []

    def begin(self, constitution: str) -> list[str]:
        """The parts of the text as a model is shown them, with the numbers of their lines."""
        text = normalized(constitution)
        self._source = Source(text.split("\n"), reading.unchecked(text))
        self._parts = _parts(self._source.lines)
        return [_numbered(first, part, self._source) for first, part in self._parts]

    def take(self, number: int, answer: Extraction) -> list[int]:
        """The answer to a part: what of it stands in the text is kept. Lines that the model left out are given back.

        Raises ConstitutionRejected where it reads more than can be verified.
        """
        first, part = self._parts[number]
        self._read += answers.accepted(answer, first, part, self._source, self._notes)
        self._reasons.update(_reasons(answer, first, part))
        if len(self._read) > _MAX_READ:
            raise ConstitutionRejected(
                f"The model reads more than {_MAX_READ} criteria in the constitution; at most {criteria.MAX_CRITERIA} "
                f"are verified in one run. Split it."
            )
        within = [line for line in self._source.by_rules.lines if first <= line.line < first + len(part)]
        return [line.line for line in joining.missing(within, self._read)][:_MAX_AGAIN]

    def reading(self, method: str) -> Reading:
        """The criteria of the whole text. Raises ConstitutionRejected for one that says nothing checkable."""
        joined = joining.joined(self._read, self._source.by_rules, self._reasons, self._notes, method)
        return reading.checked(joined)


def _reasons(answer: Extraction, first: int, part: Sequence[str]) -> dict[int, str]:
    """Why lines became no criterion, of those that the model was asked about."""
    return {line.line: " ".join(line.why.split()) for line in answer.not_read if first <= line.line < first + len(part)}


def _numbered(first: int, part: Sequence[str], source: Source) -> str:
    numbered = "\n".join(f"{number}| {line}" for number, line in enumerate(part, start=first))
    return f"{_above(first, source)}{numbered}"


def _parts(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """(number of the first line, lines), cut at headings where there are any, else between paragraphs."""
    parts: list[tuple[int, list[str]]] = [(1, [])]
    size = 0
    fenced = False
    before = ""
    for number, line in enumerate(lines, start=1):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        heading = size > _CHUNK_CHARS // 2 and line.startswith("#") and not fenced
        paragraph = size > _CHUNK_CHARS and not before.strip() and not line.startswith((" ", "\t"))
        if heading or paragraph or size > 2 * _CHUNK_CHARS:
            parts.append((number, []))
            size = 0
        parts[-1][1].append(line)
        size += len(line) + 1
        before = line
    return [(first, part) for first, part in parts if any(line.strip() for line in part)]


def _above(first: int, source: Source) -> str:
    """Titles and leads above the part that begins at line `first`, which speak of what stands in it."""
    if first == 1:
        return ""
    inside = {key for line in source.by_rules.lines if line.line >= first for key in line.keys}
    titles = [
        f"» {line.text}"
        for line in source.by_rules.lines
        if line.line < first
        and line.fate is Fate.PART
        and line.why == reading.OF_WHAT_FOLLOWS
        and inside & {*line.keys}
    ]
    return "\n".join(["(above it stands)", *titles[-8:], "(the part to be read)", ""]) if titles else ""
