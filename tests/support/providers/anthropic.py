"""Anthropic's messages: https://platform.claude.com/docs/en/api/messages, errors as in …/api/errors; types of the
package `anthropic`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from tests.support.providers import published
from tests.support.providers.server import KEY, Call, Model, Protocol, Refusal, Tokens, count

MODELS = {
    "claude-sonnet-4-6": Model(),
    "claude-opus-4-7": Model(reasons=True),
    # Not in the library's map: it is tried with a form, refused, and asked in words.
    "claude-3-haiku-20240307": Model(structured=False),
}
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
WORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf", "$ref"),
    *("$defs", "definitions", "default", "description", "title", "format", "minItems"),
}
BETAS = {"structured-outputs-2025-11-13"}
_LEAST_CACHED = 1024
_MOST_MARKS = 4


def error(status: int, kind: str, message: str, **headers: str) -> Refusal:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    return Refusal(status, body, headers)


def invalid(message: str) -> Refusal:
    return error(400, "invalid_request_error", message)


def read(call: Call, models: Mapping[str, Model]) -> None:
    body, headers = call.body, call.headers
    if headers.get("x-api-key") != KEY:
        raise FAULTS["unauthorized"]
    if headers.get("anthropic-version") != "2023-06-01":
        raise invalid("anthropic-version: header is required")
    betas = {beta.strip() for beta in headers.get("anthropic-beta", "").split(",") if beta.strip()}
    if betas - BETAS:
        raise invalid(f"Unexpected value(s) {', '.join(sorted(betas - BETAS))} for the `anthropic-beta` header.")
    if wrong := published.problem(body, MessageCreateParamsNonStreaming):
        path, what = wrong
        raise invalid(f"{path}: {'Extra inputs are not permitted' if what == 'unknown' else what}")
    call.model = body["model"]
    if call.model not in models:
        raise FAULTS["not_found"]
    model = models[call.model]
    if body["max_tokens"] > model.most_output:
        raise invalid(f"max_tokens: {body['max_tokens']} > {model.most_output}, which is the maximum allowed")
    _check_messages(body)
    call.seen = [(role, block["text"]) for role, block in _blocks(body)]
    form = (body.get("output_config") or {}).get("format")
    if form is not None:
        if not model.structured:
            raise invalid(f"'{call.model}' does not support output_config.format.")
        _check_schema(form["schema"])
    if sum(count(text) for _, text in call.seen) > model.context:
        raise FAULTS["too_long"]


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(role, block) in the order in which prefixes are made: system, then messages."""
    turns = [("system", body.get("system", [])), *((m["role"], m["content"]) for m in body["messages"])]
    for role, content in turns:
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield role, block


def _check_messages(body: Mapping[str, Any]) -> None:
    if body["messages"][0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    if body["messages"][-1]["role"] != "user":
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    if any(not block["text"].strip() for _, block in _blocks(body)):
        raise invalid("messages: text content blocks must be non-empty")
    if sum("cache_control" in block for _, block in _blocks(body)) > _MOST_MARKS:
        raise invalid("A maximum of 4 blocks with cache_control may be provided.")


def _check_schema(schema: dict[str, Any]) -> None:
    unions = 0
    for _, word, node in published.words(schema):
        kind = node.get("type", "object")
        if word not in WORDS or (word == "minItems" and node[word] not in (0, 1)):
            raise invalid(f"output_config.format.schema: For '{kind}' type, property '{word}' is not supported")
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            message = (
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
            raise invalid(message)
        unions += word == "anyOf"
    if unions > 16:
        raise invalid("output_config.format.schema: Schema has too many parameters with union types")


def cache(call: Call, before: Sequence[Call]) -> tuple[int, int]:
    """Up to the last mark: read where an earlier call had the same prefix with a mark, else written."""
    known = {prefix for other in before for prefix in _prefixes(other)}
    own = _prefixes(call)
    read_tokens = max((count(prefix) for prefix in own if prefix in known), default=0)
    whole = max((count(prefix) for prefix in own), default=0)
    return read_tokens, whole - read_tokens


def _prefixes(call: Call) -> list[str]:
    prefix, found = "", []
    for role, block in _blocks(call.body):
        prefix += f"{role}: {block['text']}\n"
        if block.get("cache_control") and count(prefix) >= _LEAST_CACHED:
            found.append(prefix)
    return found


def say(call: Call, text: str, ended: str, tokens: Tokens) -> Any:
    reason = {"stop": "end_turn", "length": "max_tokens"}.get(ended, ended)
    return {
        "id": f"msg_{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": max(0, tokens.prompt - tokens.cached - tokens.written),
            "cache_read_input_tokens": tokens.cached,
            "cache_creation_input_tokens": tokens.written,
            "cache_creation": {"ephemeral_5m_input_tokens": tokens.written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": tokens.completion,
            "service_tier": "standard",
        },
    }


FAULTS = {
    "rate_limited": error(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit.",
        **{"retry-after": "77", "anthropic-ratelimit-requests-remaining": "0"},
    ),
    "no_credit": error(402, "billing_error", "Your credit balance is too low to access the Anthropic API."),
    "unauthorized": error(401, "authentication_error", "invalid x-api-key"),
    "forbidden": error(403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "not_found": error(404, "not_found_error", "model: x"),
    "too_long": invalid("prompt is too long: 208310 tokens > 200000 maximum"),
    "too_large": error(413, "request_too_large", "Request exceeds the maximum size"),
    "server_error": error(500, "api_error", "Internal server error"),
    "overloaded": error(529, "overloaded_error", "Overloaded"),
}
ANTHROPIC = Protocol(
    "anthropic",
    "/v1/messages",
    MODELS,
    read,
    cache,
    say,
    FAULTS,
    lambda url: {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url},
)
