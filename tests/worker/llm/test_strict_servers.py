"""The strict servers are strict: a request that is right is taken, and each of its ways to be wrong is not."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.support.providers import PROTOCOLS, Server, running
from tests.support.providers.server import KEY

SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
PROMPT = {"role": "user", "content": "Answer in JSON."}
RULES = {"role": "system", "content": "Be just."}
PARTS = [{"text": "Answer in JSON."}]
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
    "deepseek": "/chat/completions",
}
HEADERS = {
    "openai": {"authorization": f"Bearer {KEY}"},
    "anthropic": {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    "gemini": {"x-goog-api-key": KEY},
    "deepseek": {"authorization": f"Bearer {KEY}"},
}
RIGHT: dict[str, dict[str, Any]] = {
    "openai": {
        "model": "gpt-4.1",
        "messages": [RULES, PROMPT, PROMPT],
        "temperature": 0,
        "max_completion_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
    },
    "anthropic": {
        "model": "claude-sonnet-4-6",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be just.", "cache_control": {"type": "ephemeral"}}],
        "messages": [PROMPT],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "gemini": {
        "contents": [{"role": "user", "parts": PARTS}],
        "systemInstruction": {"parts": PARTS},
        "generationConfig": {
            "temperature": 0,
            "maxOutputTokens": 100,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    },
    "deepseek": {
        "model": "deepseek-v4-pro",
        "messages": [RULES, PROMPT],
        "max_tokens": 100,
        "response_format": {"type": "json_object"},
        "thinking": {"type": "disabled"},
    },
}


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for step in path[:-1]:
            body = body[step]
        body[path[-1]] = value

    return change


def of_schema(*path: Any) -> dict[str, Callable[[Any], None]]:
    """Ways in which a schema of strict modes is wrong."""
    return {
        "a word it does not take": put(*path, "properties", "word", "maxLength", value=10),
        "a reference with company": put(*path, "properties", "word", "if", value={}),
    }


FORM = ("response_format", "json_schema", "schema")
WRONG: dict[str, dict[str, Callable[[Any], None]]] = {
    "openai": {
        "a field": put("no_log", value=True),
        "a field of a message": put("messages", 0, "cache_control", value={"type": "ephemeral"}),
        "a role": put("messages", 0, "role", value="judge"),
        "a reasoning model's temperature": put("model", value="gpt-5.1"),
        "no such form": put("model", value="gpt-4-turbo"),
        "too many tokens": put("max_completion_tokens", value=10**6),
        "an open object": put(*FORM, "additionalProperties", value=True),
        "a property that is not required": put(*FORM, "required", value=[]),
        "a name": put("response_format", "json_schema", "name", value="an answer"),
        "nothing of JSON": lambda body: body.update(response_format={"type": "json_object"}, messages=[RULES]),
        **of_schema(*FORM),
    },
    "anthropic": {
        "a field": put("no_log", value=True),
        "a temperature": put("temperature", value=0),
        "the form of old": put("output_format", value={"type": "json_schema", "schema": SCHEMA}),
        "a role": put("messages", 0, "role", value="judge"),
        "the model's word last": put("messages", value=[PROMPT, {"role": "assistant", "content": "{"}]),
        "an empty text": put("system", 0, "text", value=" "),
        "a mark": put("system", 0, "cache_control", value={"type": "for ever"}),
        "no limit": lambda body: body.pop("max_tokens"),
        "an open object": put("output_config", "format", "schema", "additionalProperties", value=True),
        **of_schema("output_config", "format", "schema"),
    },
    "gemini": {
        "a field": put("no_log", value=True),
        "a field of the configuration": put("generationConfig", "maxTokens", value=1),
        "a role": put("contents", 0, "role", value="assistant"),
        "a system's turn": put("contents", 0, "role", value="system"),
        "no type": put("generationConfig", "responseMimeType", value="text/plain"),
        **of_schema("generationConfig", "responseJsonSchema"),
    },
    "deepseek": {
        "a field": put("no_log", value=True),
        "a schema": put("response_format", value=RIGHT["openai"]["response_format"]),
        "a role": put("messages", 0, "role", value="developer"),
        "a mark": put("messages", 1, "cache_control", value={"type": "ephemeral"}),
        "two of a role": put("messages", value=[RULES, PROMPT, PROMPT]),
        "nothing of JSON": put("messages", value=[RULES]),
        "too many tokens": put("max_tokens", value=10**6),
    },
}


@pytest.fixture(scope="module", params=PROTOCOLS)
def strict(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(PROTOCOLS[request.param]) as server:
        yield server


def test_what_is_right_is_taken_and_what_is_wrong_is_refused(strict: Server) -> None:
    name = strict.protocol.name
    with httpx.Client(base_url=strict.url, headers=HEADERS[name]) as client:
        answer = client.post(PATHS[name], json=RIGHT[name])
        assert answer.status_code == 200, answer.text
        for what, change in WRONG[name].items():
            body = deepcopy(RIGHT[name])
            change(body)
            answer = client.post(PATHS[name], json=body)
            assert answer.status_code in (400, 422), (what, answer.text)
            assert answer.json()["error"]["message"], what
        assert client.post(PATHS[name], json=RIGHT[name], headers=dict.fromkeys(HEADERS[name], "x")).status_code >= 400
