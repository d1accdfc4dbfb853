"""Read a constitution with a model, and check what it read against the text and against the reading by rules.

Every criterion rests on a quote that is in the constitution; one whose quote is not there is dropped. A key is made
from the quote, so the same words keep their key in every version and whichever way they were read. What the rules find
and the model left out is asked for once more; a duty that is still missing is added as the rules read it, so that no
model can make a requirement disappear."""

import asyncio
from collections.abc import Mapping, Sequence

from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.llm.providers import EXTRACTION
from worker.verification import prompts
from worker.verification.constitution import answers, criteria, joining, reading
from worker.verification.constitution.answers import Extracted, Extraction, Read, Source
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.constitution.reading import Fate, Line, Reading
from worker.verification.constitution.source import normalized

__all__ = ["Extracted", "Extraction", "by_model"]

_CHUNK_CHARS = 6_000
_MAX_AGAIN = 60
_MAX_READ = 4 * criteria.MAX_CRITERIA


async def by_model(constitution: str, gateway: Gateway, caller: Caller) -> Reading:
    """With the extraction model, a part of the text at a time.

    Raises ConstitutionRejected for a text that says nothing checkable, an LlmError when no model answers.
    """
    text = normalized(constitution)
    source = Source(text.split("\n"), await asyncio.to_thread(reading.unchecked, text))
    notes: list[str] = []
    read: list[Read] = []
    reasons: dict[int, str] = {}
    for first, part in _parts(source.lines):
        within = [line for line in source.by_rules.lines if first <= line.line < first + len(part)]
        question = _question(first, part, source)
        answer = await _ask(gateway, caller, question)
        read += await asyncio.to_thread(answers.accepted, answer, first, part, source, notes)
        reasons.update(_reasons(answer, first, part))
        left_out = joining.missing(within, read)
        if left_out:
            again = await _ask(gateway, caller, question, left_out[:_MAX_AGAIN])
            read += await asyncio.to_thread(answers.accepted, again, first, part, source, notes)
            reasons.update(_reasons(again, first, part))
        if len(read) > _MAX_READ:
            raise ConstitutionRejected(
                f"The model reads more than {_MAX_READ} criteria in the constitution; at most {criteria.MAX_CRITERIA} "
                f"are verified in one run. Split it."
            )
    method = f"llm-{prompts.version()}"
    return reading.checked(await asyncio.to_thread(joining.joined, read, source.by_rules, reasons, notes, method))


def _reasons(answer: Extraction, first: int, part: Sequence[str]) -> dict[int, str]:
    """Why lines became no criterion, of those that the model was asked about."""
    return {line.line: " ".join(line.why.split()) for line in answer.not_read if first <= line.line < first + len(part)}


def _question(first: int, part: Sequence[str], source: Source) -> str:
    numbered = "\n".join(f"{number}| {line}" for number, line in enumerate(part, start=first))
    return prompts.fenced("The constitution:", f"{_above(first, source)}{numbered}")


async def _ask(gateway: Gateway, caller: Caller, question: str, again: Sequence[Line] = ()) -> Extraction:
    messages: list[Mapping[str, str]] = [
        {"role": "system", "content": prompts.text("extraction")},
        {"role": "user", "content": question},
    ]
    if again:
        listed = ", ".join(str(line.line) for line in again)
        messages.append({"role": "user", "content": prompts.text("again").replace("{lines}", listed)})
    purpose = "criteria again" if again else "criteria"
    ask = Ask(EXTRACTION, purpose, tuple(messages), Extraction, prompts.version())
    answer: Extraction = (await gateway.ask(ask, caller)).value
    return answer


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
