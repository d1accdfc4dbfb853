"""Questions as the product asks them, of each kind."""

from typing import Any

from worker.llm.gateway import Ask
from worker.llm.providers import EXTRACTION
from worker.verification import prompts
from worker.verification.answer import JudgeAnswer, exactly
from worker.verification.constitution.extraction import Extraction

KEYS = ["no-eval-1a2b3c4d", "no-todo-5e6f7a8b"]
CODE = "\n".join(f"{number}| value_{number} = compute({number})" for number in range(1, 400))


def judge(role: str = "architect", *, task: str = "", code: str = CODE, fence: str = "snapshot") -> Ask[JudgeAnswer]:
    """A judge's question, in a debate where there is a `task`; what all judges share comes first."""
    material = (
        prompts.fenced("Parts of the repository, and what static analysis found in them:", f"=== app/main.py\n{code}"),
        prompts.fenced(
            "The criteria, each with its key:", "\n".join(f"{key} (style, low, forbids): No `eval(`." for key in KEYS)
        ),
    )
    last = (
        prompts.text(role),
        *((prompts.text("debate"), prompts.fenced("What the other judges said:", task)) if task else ()),
        prompts.text("answer").replace("{keys}", ", ".join(KEYS)),
    )
    messages = (
        {"role": "system", "content": prompts.text("rules")},
        {"role": "user", "content": "\n\n".join(material)},
        {"role": "user", "content": "\n\n".join(last)},
    )
    kind = "debate" if task else "judge"
    return Ask(role, kind, messages, JudgeAnswer, prompts.version(), exactly(KEYS), shared=2, fence=fence)


def extraction() -> Ask[Any]:
    text = "1| # Rules\n2| - Code MUST NOT call `eval(`.\n3| - Code SHOULD NOT hold `TODO`."
    messages = (
        {"role": "system", "content": prompts.text("extraction")},
        {"role": "user", "content": prompts.fenced("The constitution:", text)},
    )
    return Ask(EXTRACTION, "criteria", messages, Extraction, prompts.version(), shared=1, fence=text)
