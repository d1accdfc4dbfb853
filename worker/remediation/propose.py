"""Ask a model for a fix: what is to be mended and the code around it go in, edits that can be made come out.

The question holds nothing but the issue and its files, secrets masked. Edits that do not apply are asked about once
more, with the reason; of several answers that would do the smallest is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from worker.core.telemetry.masking import mask_code
from worker.llm import providers
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.remediation import edits, prompts
from worker.remediation.edits import Edit
from worker.remediation.plan import Step
from worker.remediation.worktree import Text

_WHOLE = 400
_AROUND = 60
_MAX_SHOWN = 120_000


class EditAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str = Field(max_length=1024)
    search: str = Field(max_length=60_000)
    replace: str = Field(max_length=60_000)


class FixAnswer(BaseModel):
    """What a fixer answers."""

    model_config = ConfigDict(extra="forbid")

    rationale: str = Field(max_length=4000)
    edits: list[EditAnswer] = Field(max_length=edits.MAX_EDITS)
    breaking: bool
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Suggestion:
    """What a model suggests. Without edits it says in `rationale` why it cannot."""

    edits: tuple[Edit, ...]
    rationale: str
    breaking: bool
    confidence: float
    model: str


async def suggest(
    step: Step, texts: Sequence[Text], gateway: Gateway, caller: Caller, *, fence: str, complaint: str | None = None
) -> Suggestion:
    """A suggestion for one step. `texts` are its files as they are now, `fence` seeds the nonce; `complaint` says what
    was wrong with the suggestion before. Raises LlmError."""
    shown = {text.path: text.lines for text in texts if text.lines is not None}
    ask = Ask(
        role=providers.REMEDIATION,
        purpose="fix",
        messages=messages(step, shown, complaint),
        answer=FixAnswer,
        prompt_version=prompts.version(),
        check=lambda answer: check(answer, shown),
        fence=fence,
    )
    given = await gateway.ask(ask, caller)
    answer = given.value
    return Suggestion(
        tuple(Edit(edit.path, edit.search, edit.replace) for edit in answer.edits),
        plain(answer.rationale),
        answer.breaking,
        answer.confidence,
        given.model.name,
    )


def plain(words: str) -> str:
    """A model's words as they may be stored and shown: one paragraph, no secret, nothing that nobody sees."""
    seen = "".join(character if character.isprintable() else " " for character in words)
    return mask_code(" ".join(seen.split()))


def check(answer: FixAnswer, shown: Mapping[str, Sequence[str]]) -> None:
    """Raises ValueError for edits that cannot be made in what was shown."""
    for one in answer.edits:
        if one.path not in shown:
            raise ValueError(f"{one.path[:200]!a} was not shown: change the files that were.")
        edits.locate(Edit(one.path, one.search, one.replace), shown[one.path])


def messages(step: Step, shown: Mapping[str, Sequence[str]], complaint: str | None) -> tuple[Mapping[str, str], ...]:
    """The question."""
    category = step.category
    listed = []
    for number, issue in enumerate(step.issues, start=1):
        places = [place for place in issue.places if place in step.places]
        listed.append(f"{number}. {issue.statement}")
        listed.append(f"   Found: {issue.message}")
        listed += [
            f"   At {place.path}:{place.start_line}-{place.end_line}" + (f" ({place.rule})" if place.rule else "")
            for place in places
        ]
    task = [
        prompts.fenced("The issues, with the places to mend:", _plain("\n".join(listed))),
        prompts.fenced("The code around them:", _plain(_code(step, shown))),
        prompts.text(category.value),
    ]
    if complaint is not None:
        task.append(prompts.fenced("A fix that was proposed before did not do, because:", _plain(complaint)))
    task.append(prompts.text("answer"))
    return (
        {"role": "system", "content": prompts.text("rules")},
        {"role": "user", "content": "\n\n".join(task)},
    )


def _plain(text: str) -> str:
    return text.replace("\0", " ")


def _code(step: Step, shown: Mapping[str, Sequence[str]]) -> str:
    """Each file whole where it is short, otherwise its head and what surrounds the places; lines are numbered."""
    pieces = []
    left = _MAX_SHOWN
    for path in step.files:
        lines = shown.get(path)
        if lines is None:
            continue
        wanted = set(range(len(lines))) if len(lines) <= _WHOLE else set(range(min(40, len(lines))))
        for place in step.places:
            if place.path == path:
                wanted.update(range(max(0, place.start_line - 1 - _AROUND), min(len(lines), place.end_line + _AROUND)))
        text = [f"=== {path}"]
        before = -1
        for at in sorted(wanted):
            if at != before + 1:
                text.append("…")
            text.append(f"{at + 1}| {lines[at]}")
            before = at
        piece = "\n".join(text)[:left]
        left -= len(piece)
        pieces.append(piece)
        if left <= 0:
            break
    return "\n".join(pieces)
