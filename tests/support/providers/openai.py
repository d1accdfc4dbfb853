"""OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat/create, errors as in
https://platform.openai.com/docs/guides/error-codes; types of the package `openai`, made from its OpenAPI document."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from tests.support.providers import published
from tests.support.providers.server import KEY, Call, Model, Protocol, Refusal, Tokens, common_prefix, count

MODELS = {
    "gpt-5.1": Model(reasons=True),
    "gpt-6-sol": Model(reasons=True),
    "o3": Model(reasons=True),
    "gpt-4.1": Model(most_output=32_768),
    "gpt-4-turbo": Model(structured=False, most_output=4096),
}
# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
WORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"),
    *("description", "title", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum"),
    *("exclusiveMaximum", "minItems", "maxItems"),
}


def error(status: int, message: str, *, code: str | None = None, param: str | None = None, **more: str) -> Refusal:
    kind = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}
    body = {"message": message, "type": kind.get(status, "invalid_request_error"), "param": param, "code": code}
    return Refusal(status, {"error": body}, more)


def read(call: Call, models: Mapping[str, Model]) -> None:
    body = call.body
    if call.headers.get("authorization") != f"Bearer {KEY}":
        raise FAULTS["unauthorized"]
    if wrong := published.problem(body, CompletionCreateParamsNonStreaming):
        path, what = wrong
        if what == "unknown":
            raise error(400, f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)
        raise error(400, f"Invalid value for '{path}': {what}.", code="invalid_value", param=path)
    call.model = body["model"]
    if call.model not in models:
        raise FAULTS["not_found"]
    model = models[call.model]
    if model.reasons:
        for name, instead in (("max_tokens", "max_completion_tokens"), ("temperature", None)):
            if name in body:
                hint = f" Use '{instead}' instead." if instead else " Only the default (1) value is supported."
                message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
                raise error(400, message, code="unsupported_parameter", param=name)
    limit = body.get("max_completion_tokens", body.get("max_tokens", 1))
    if limit > model.most_output:
        message = f"max_tokens is too large: {limit}. This model supports at most {model.most_output} completion tokens"
        raise error(400, message, code="invalid_value", param="max_tokens")
    if len(body.get("prompt_cache_key", "")) > 64:
        raise error(400, "Invalid 'prompt_cache_key': string too long.", code="string_above_max_length")
    call.seen = [(m["role"], _text(m["content"])) for m in body["messages"]]
    _check_form(call, model)
    if sum(count(text) for _, text in call.seen) > model.context:
        raise FAULTS["too_long"]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _check_form(call: Call, model: Model) -> None:
    form = call.body.get("response_format", {"type": "text"})
    if form["type"] == "json_object" and not any("json" in text.lower() for _, text in call.seen):
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise error(400, message, param="messages")
    if form["type"] != "json_schema":
        return
    if not model.structured:
        message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
        raise error(400, message, param="response_format")
    given = form["json_schema"]
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", given["name"]):
        raise error(400, "Invalid 'response_format.json_schema.name'.", param="response_format")
    if given.get("strict"):
        _check_schema(given["schema"])


def _check_schema(schema: dict[str, Any]) -> None:
    def wrong(what: str) -> Refusal:
        message = f"Invalid schema for response_format 'answer': {what}"
        return error(400, message, code="invalid_schema", param="response_format")

    if schema.get("type") != "object":
        raise wrong("schema must be a JSON Schema of 'type: \"object\"'.")
    for path, word, node in published.words(schema):
        if word not in WORDS:
            raise wrong(f"In context={path or '()'}, '{word}' is not permitted.")
        if word == "$ref" and len(node) > 1:
            raise wrong(f"In context={path}, $ref cannot have keywords {set(node) - {'$ref'}}.")
        if node.get("type") == "object":
            if node.get("additionalProperties") is not False:
                raise wrong(f"In context={path or '()'}, 'additionalProperties' is required to be false.")
            if set(node.get("required", ())) != set(node.get("properties", {})):
                raise wrong(f"In context={path or '()'}, 'required' is required to include every key in properties.")


def cache(call: Call, before: Sequence[Call]) -> tuple[int, int]:
    """Of 1024 tokens and more, in steps of 128, among calls of one key."""
    key = call.body.get("prompt_cache_key")
    alike = [other for other in before if other.body.get("prompt_cache_key") == key]
    return common_prefix(call, alike, step=128, least=1024), 0


def say(call: Call, text: str, ended: str, tokens: Tokens) -> Any:
    message = {"role": "assistant", "content": text, "refusal": None}
    if ended == "refusal":
        message |= {"content": None, "refusal": "I'm sorry, I can't help with that."}
    finish = {"length": "length", "content_filter": "content_filter"}.get(ended, "stop")
    return {
        "id": f"chatcmpl-{call.number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": tokens.completion,
            "total_tokens": tokens.prompt + tokens.completion,
            "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
    }


FAULTS = {
    "rate_limited": error(429, "Rate limit reached for gpt-5.1.", code="rate_limit_exceeded", **{"retry-after": "77"}),
    "no_credit": error(429, "You exceeded your current quota.", code="insufficient_quota"),
    "unauthorized": error(401, "Incorrect API key provided: sk-***.", code="invalid_api_key"),
    "forbidden": error(
        403, "Country, region, or territory not supported.", code="unsupported_country_region_territory"
    ),
    "not_found": error(404, "The model `x` does not exist or you do not have access to it.", code="model_not_found"),
    "too_long": error(
        400,
        "This model's maximum context length is 100000 tokens. However, your messages resulted in 100001 tokens.",
        code="context_length_exceeded",
        param="messages",
    ),
    "server_error": error(500, "The server had an error while processing your request."),
    "overloaded": error(503, "The engine is currently overloaded, please try again later."),
}
OPENAI = Protocol(
    "openai",
    "/v1/chat/completions",
    MODELS,
    read,
    cache,
    say,
    FAULTS,
    lambda url: {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1"},
)
