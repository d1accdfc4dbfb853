"""DeepSeek's chat completions: https://api-docs.deepseek.com/api/create-chat-completion, …/guides/json_mode,
…/guides/thinking_mode, …/quick_start/error_codes. It publishes no package of its own; the lists are of these pages."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.support.providers.server import KEY, Call, Model, Protocol, Refusal, Tokens, common_prefix, count

MODELS = {
    "deepseek-v4-pro": Model(most_output=393_216),
    "deepseek-v4-flash": Model(most_output=393_216),
    # As it was until July 2026; with its limits, endpoints of others still serve it.
    "deepseek-chat": Model(structured=False, most_output=8192),
}
FIELDS = {
    *("messages", "model", "thinking", "reasoning_effort", "frequency_penalty", "max_tokens", "presence_penalty"),
    *("response_format", "stop", "stream", "stream_options", "temperature", "top_p", "tools", "tool_choice"),
    *("logprobs", "top_logprobs"),
}
OF_MESSAGES = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "prefix", "reasoning_content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}


def error(status: int, message: str, kind: str = "invalid_request_error", **headers: str) -> Refusal:
    return Refusal(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}}, headers)


def invalid(message: str) -> Refusal:
    return error(422, f"Failed to deserialize the JSON body into the target type: {message}")


def read(call: Call, models: Mapping[str, Model]) -> None:
    body = call.body
    if call.headers.get("authorization") != f"Bearer {KEY}":
        raise FAULTS["unauthorized"]
    if unknown := set(body) - FIELDS:
        raise invalid(f"unknown field `{unknown.pop()}`")
    call.model = body["model"]
    if call.model not in models:
        raise FAULTS["not_found"]
    roles = [message.get("role") for message in body["messages"]]
    for message in body["messages"]:
        if message.get("role") not in OF_MESSAGES:
            raise invalid(f"messages: unknown variant `{message.get('role')}`, expected one of `system`, `user`, …")
        if set(message) - OF_MESSAGES[message["role"]] or not isinstance(message.get("content"), str):
            raise invalid("messages: unknown field")
    if any(one == other for one, other in pairwise(roles)):
        # https://api-docs.deepseek.com/guides/reasoning_model, of old
        raise error(400, "deepseek-reasoner does not support successive user or assistant messages.")
    if not 1 <= body.get("max_tokens", 4096) <= models[call.model].most_output:
        raise error(
            400, f"Invalid max_tokens value, the valid range of max_tokens is [1, {models[call.model].most_output}]"
        )
    if body.get("thinking", {"type": "enabled"})["type"] not in ("enabled", "disabled"):
        raise invalid("thinking.type")
    call.seen = [(message["role"], message["content"]) for message in body["messages"]]
    _check_form(call, models[call.model])
    if sum(count(text) for _, text in call.seen) > models[call.model].context:
        raise FAULTS["too_long"]


def _check_form(call: Call, model: Model) -> None:
    form = call.body.get("response_format", {"type": "text"})
    if set(form) != {"type"} or form["type"] not in ("text", "json_object"):
        raise invalid(f"response_format: unknown variant `{form['type']}`, expected `text` or `json_object`")
    if form["type"] == "json_object":
        if not model.structured:
            raise error(400, "This response_format type is unavailable now")
        if not any("json" in text.lower() for _, text in call.seen):
            raise error(
                400, "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
            )


def cache(call: Call, before: Sequence[Call]) -> tuple[int, int]:
    """On disk, in units of 64 tokens (https://api-docs.deepseek.com/guides/kv_cache)."""
    return common_prefix(call, before, step=64, least=64), 0


def say(call: Call, text: str, ended: str, tokens: Tokens) -> Any:
    finish = {"refusal": "content_filter"}.get(ended, ended)
    return {
        "id": f"{call.number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": call.model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": finish}
        ],
        "usage": {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": tokens.completion,
            "total_tokens": tokens.prompt + tokens.completion,
            "prompt_tokens_details": {"cached_tokens": tokens.cached},
            "prompt_cache_hit_tokens": tokens.cached,
            "prompt_cache_miss_tokens": tokens.prompt - tokens.cached,
        },
        "system_fingerprint": "fp_strict",
    }


FAULTS = {
    "rate_limited": error(429, "Rate limit reached.", "rate_limit_reached", **{"retry-after": "77"}),
    "no_credit": error(402, "Insufficient Balance", "unknown_error"),
    "unauthorized": error(401, "Authentication Fails, Your api key is invalid", "authentication_error"),
    "not_found": error(400, "Model Not Exist"),
    "too_long": error(
        400,
        "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens (122942 in the "
        "messages, 8192 in the completion). Please reduce the length of the messages or completion.",
    ),
    "server_error": error(500, "Internal server error", "server_error"),
    "overloaded": error(503, "Service is too busy.", "service_unavailable_error"),
}
DEEPSEEK = Protocol(
    "deepseek",
    "/chat/completions",
    MODELS,
    read,
    cache,
    say,
    FAULTS,
    lambda url: {"DEEPSEEK_API_KEY": KEY, "DEEPSEEK_BASE_URL": url},
)
