"""What a provider is sent, in the parameters of the library that sends it: fields, words and roles it documents.

Each provider has its own dialect of the same question. The parts that are the same for all judges of a snapshot stand
first and are marked, in the way that each provider documents, so that they are paid once and read cheaply afterwards:

- OpenAI: https://platform.openai.com/docs/api-reference/chat/create, …/docs/guides/prompt-caching
- Anthropic: https://platform.claude.com/docs/en/api/messages, …/build-with-claude/prompt-caching
- Google: https://ai.google.dev/api/generate-content (prefixes are cached without being asked to)
- DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion (the same), …/guides/json_mode, …/thinking_mode
"""

import json
import re  # noqa: TID251  own: names of models, which the operator chooses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.core.ids import sha256
from worker.llm.providers import ANTHROPIC, COMPATIBLE, DEEPSEEK, GEMINI, OPENAI, Model

Message = Mapping[str, str]
Parameters = dict[str, Any]

# Models that reason take no temperature, and those to come are likely to reason.
_SAMPLING = {
    OPENAI: re.compile(r"^(?:gpt-3|gpt-4|chatgpt-4)"),
    GEMINI: re.compile(r"^(?:gemini-(?:1|2)\.|gemma)"),
    DEEPSEEK: re.compile(""),
    COMPATIBLE: re.compile(""),
}
_O_SERIES = re.compile(r"^o\d")
_HYBRID = re.compile(r"^deepseek-(?:v4|flash|pro)")


@dataclass(frozen=True)
class Prompt:
    """A question. The first `shared` of the messages are the same for all judges, rounds and runs of a snapshot, the
    first `batch` for all judges and rounds of a batch.

    `schema` is the form of the answer as pydantic writes it, `reduced` the same in words that providers take, or None.
    """

    messages: Sequence[Message]
    shared: int
    batch: int
    schema: Mapping[str, Any]
    reduced: Mapping[str, Any] | None


def parameters(model: Model) -> Parameters:
    """What the model is told of how to answer, whatever the question is."""
    bare = _bare(model)
    found: Parameters = {}
    if model.provider in _SAMPLING and _SAMPLING[model.provider].search(bare):
        found["temperature"] = 0
    if model.provider == DEEPSEEK and _HYBRID.search(bare):
        # It would think first, at length and out of the same allowance of tokens.
        found["thinking"] = {"type": "disabled"}
    return found


def request(model: Model, prompt: Prompt, *, structured: bool, max_tokens: int) -> Parameters:
    """The question for this model. Not `structured`: the form of the answer is asked for in words alone."""
    with_schema = structured and prompt.reduced is not None and model.provider != DEEPSEEK
    messages = _plain(prompt.messages) if with_schema else _in_words(prompt)
    found = {**parameters(model), **_limit(model, max_tokens)}
    if model.provider in (DEEPSEEK, COMPATIBLE):
        # The templates of many open models want roles that alternate.
        found["messages"] = _alternating(messages)
    elif model.provider == ANTHROPIC:
        found["messages"] = _marked(messages, (prompt.shared, prompt.batch))
    else:
        found["messages"] = _instructed(model, messages)
    if model.provider == OPENAI and prompt.shared:
        # Requests of one key are led to the machine that has the prefix.
        prefix = json.dumps(_plain(prompt.messages[: prompt.shared])).encode()
        found["prompt_cache_key"] = sha256(prefix)[:32]
    if with_schema:
        found |= _form(model, dict(prompt.reduced or {}))
    elif structured and model.provider == DEEPSEEK:
        # It knows JSON, but no schema; the prompt has to speak of JSON, and does.
        found["response_format"] = {"type": "json_object"}
    return found


def _limit(model: Model, max_tokens: int) -> Parameters:
    return {"max_completion_tokens" if model.provider == OPENAI else "max_tokens": max_tokens}


def _form(model: Model, schema: Parameters) -> Parameters:
    if model.provider == ANTHROPIC:
        return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    form = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _marked(messages: Sequence[Message], prefixes: Sequence[int]) -> list[Parameters]:
    """With Anthropic's mark after the last message of each prefix: what stands up to there is cached."""
    made: list[Parameters] = [dict(message) for message in messages]
    for length in {length for length in prefixes if length}:
        block = {"type": "text", "text": made[length - 1]["content"], "cache_control": {"type": "ephemeral"}}
        made[length - 1]["content"] = [block]
    return made


def _instructed(model: Model, messages: Sequence[Message]) -> list[Parameters]:
    """From the o-series on, OpenAI's system messages are called the developer's."""
    role = "developer" if model.provider == OPENAI and _O_SERIES.search(_bare(model)) else "system"
    return [{**message, "role": role if message["role"] == "system" else message["role"]} for message in messages]


def _bare(model: Model) -> str:
    return model.litellm_name.split("/", 1)[-1]


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def _in_words(prompt: Prompt) -> list[dict[str, str]]:
    """The messages, with the form of the answer at the end of the last: what is shared stays what it was."""
    schema = json.dumps(prompt.reduced or prompt.schema, ensure_ascii=False, separators=(",", ":"))
    messages = _plain(prompt.messages)
    last = messages[-1]
    wanted = f"Answer with one JSON object that meets this JSON schema, and with nothing else:\n{schema}"
    return [*messages[:-1], {"role": last["role"], "content": f"{last['content']}\n\n{wanted}"}]


def _alternating(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Consecutive messages of one role as one."""
    made: list[dict[str, str]] = []
    for message in messages:
        if made and made[-1]["role"] == message["role"]:
            made[-1] = {**message, "content": f"{made[-1]['content']}\n\n{message['content']}"}
        else:
            made.append(message)
    return made
