"""Read a constitution with a model, and check what it read against the text and against the reading by rules.

Every criterion rests on a quote that is in the constitution; one whose quote is not there is dropped. A key is made
from the quote, so the same words keep their key in every version and whichever way they were read. What the rules find
and the model left out is asked for once more; a duty that is still missing is added as the rules read it, so that no
model can make a requirement disappear."""

from collections.abc import Mapping, Sequence

from worker.isolation.contained import Contained
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.llm.providers import EXTRACTION
from worker.verification import prompts
from worker.verification.constitution.answers import Extraction
from worker.verification.constitution.extractor import Extractor
from worker.verification.constitution.reading import Reading


async def by_model(constitution: str, gateway: Gateway, caller: Caller, process: Contained) -> Reading:
    """With the extraction model, a part of the text at a time; the text is taken apart in the contained process.

    Raises ConstitutionRejected for a text that says nothing checkable, an LlmError when no model answers.
    """
    parts: list[str] = await process.call(Extractor.begin, constitution)
    for number, part in enumerate(parts):
        question = prompts.fenced("The constitution:", part)
        left_out = await process.call(Extractor.take, number, await _ask(gateway, caller, question))
        if left_out:
            await process.call(Extractor.take, number, await _ask(gateway, caller, question, left_out))
    reading: Reading = await process.call(Extractor.reading, f"llm-{prompts.version()}")
    return reading


async def _ask(gateway: Gateway, caller: Caller, question: str, again: Sequence[int] = ()) -> Extraction:
    messages: list[Mapping[str, str]] = [
        {"role": "system", "content": prompts.text("extraction")},
        {"role": "user", "content": question},
    ]
    if again:
        listed = ", ".join(map(str, again))
        messages.append({"role": "user", "content": prompts.text("again").replace("{lines}", listed)})
    purpose = "criteria again" if again else "criteria"
    ask = Ask(EXTRACTION, purpose, tuple(messages), Extraction, prompts.version())
    answer: Extraction = (await gateway.ask(ask, caller)).value
    return answer
