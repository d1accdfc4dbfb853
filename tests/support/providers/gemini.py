"""Google's generateContent: https://ai.google.dev/api/generate-content, errors as in
https://ai.google.dev/gemini-api/docs/troubleshooting; types of the package `google-genai`.

Its JSON is that of protocol buffers: names in camel case or as they stand in the definition are both accepted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from google.genai import types
from pydantic import ValidationError

from tests.support.providers import published
from tests.support.providers.server import KEY, Call, Model, Protocol, Refusal, Tokens, common_prefix, count

MODELS = {
    "gemini-2.5-pro": Model(reasons=True),
    "gemini-3.7-flash": Model(reasons=True),
    # Not in the library's map.
    "gemini-9-nano": Model(structured=False),
}
# https://ai.google.dev/api/generate-content#request-body
FIELDS = {
    *("contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent"),
    *("tool_config", "safety_settings", "system_instruction", "generation_config", "cached_content"),
}
# https://ai.google.dev/api/generate-content#FIELDS.response_json_schema
WORDS = {
    *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"),
    *("minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"),
    "propertyOrdering",
}


def error(status: int, name: str, message: str, *details: Mapping[str, Any]) -> Refusal:
    body = {"code": status, "message": message, "status": name, **({"details": list(details)} if details else {})}
    return Refusal(status, {"error": body})


def invalid(message: str, *details: Mapping[str, Any]) -> Refusal:
    return error(400, "INVALID_ARGUMENT", message, *details)


def read(call: Call, models: Mapping[str, Model]) -> None:
    body = call.body
    if call.headers.get("x-goog-api-key") != KEY:
        raise FAULTS["unauthorized"]
    if unknown := set(body) - FIELDS:
        raise _unknown(unknown.pop(), "")
    call.model = call.path.rsplit("/", 1)[-1].split(":")[0]
    if call.model not in models:
        raise FAULTS["not_found"]
    model = models[call.model]
    contents = [_checked(types.Content, content, f"contents[{n}]") for n, content in enumerate(body["contents"])]
    system = body.get("systemInstruction", body.get("system_instruction"))
    instruction = [] if system is None else [_checked(types.Content, system, "system_instruction")]
    given = body.get("generationConfig", body.get("generation_config", {}))
    config = _checked(types.GenerationConfig, given, "generation_config")
    if any(content.role not in ("user", "model") for content in contents):
        raise invalid("Please use a valid role: user, model.")
    if contents[0].role != "user" or contents[-1].role != "user":
        raise invalid("Please ensure that single turn requests end with a user role or the role field is empty.")
    call.seen = [(c.role or "system", part.text or "") for c in (*instruction, *contents) for part in c.parts or ()]
    if not all(text for _, text in call.seen):
        raise invalid("Unable to submit request because it must have a text parameter.")
    if (config.max_output_tokens or 1) > model.most_output:
        raise invalid(f"Unable to submit request because it has a maxOutputTokens value of {config.max_output_tokens}.")
    if config.response_json_schema is not None or config.response_schema is not None:
        _check_form(config, model)
    if sum(count(text) for _, text in call.seen) > model.context:
        raise FAULTS["too_long"]


def _checked(kind: Any, value: Any, path: str) -> Any:
    try:
        return kind.model_validate(value)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        if first["type"] == "extra_forbidden":
            raise _unknown(str(first["loc"][-1]), path) from None
        raise invalid(f"Invalid value at '{path}.{'.'.join(map(str, first['loc']))}': {first['msg']}") from None


def _unknown(name: str, path: str) -> Refusal:
    description = f'Invalid JSON payload received. Unknown name "{name}"{path and f" at {path!r}"}: Cannot find field.'
    violation = {"field": path, "description": description}
    return invalid(description, {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})


def _check_form(config: Any, model: Model) -> None:
    if not model.structured:
        raise invalid("JSON mode is not enabled for this model")
    if config.response_mime_type != "application/json":
        raise invalid("Response schema requires response_mime_type: application/json")
    for path, word, node in published.words(config.response_json_schema or {}):
        if word not in WORDS:
            raise _unknown(word, f"generation_config.response_json_schema{path}")
        if "$ref" in node and not word.startswith("$"):
            raise invalid(f"response_json_schema{path}: no other properties may be set beside $ref")


def cache(call: Call, before: Sequence[Call]) -> tuple[int, int]:
    """Without being asked to; of 2048 tokens and more (https://ai.google.dev/gemini-api/docs/caching)."""
    return common_prefix(call, before, step=1, least=2048), 0


def say(call: Call, text: str, ended: str, tokens: Tokens) -> Any:
    reason = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}.get(ended, ended)
    usage = {
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": tokens.completion,
        "totalTokenCount": tokens.prompt + tokens.completion,
        **({"cachedContentTokenCount": tokens.cached} if tokens.cached else {}),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.prompt}],
    }
    body = {"usageMetadata": usage, "modelVersion": call.model, "responseId": f"r{call.number}"}
    if ended == "blocked":
        return {**body, "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if text:
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    return {**body, "candidates": [candidate]}


_QUOTA = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateContentInputTokensPerModelPerMinute", "quotaValue": "250000"}],
}
_WAIT = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "77s"}
_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
FAULTS = {
    "rate_limited": error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", _QUOTA, _WAIT),
    "no_credit": error(400, "FAILED_PRECONDITION", "Please enable billing on your project in Google AI Studio."),
    "unauthorized": invalid("API key not valid. Please pass a valid API key.", _KEY),
    "forbidden": error(403, "PERMISSION_DENIED", "Your API key doesn't have the required permissions."),
    "not_found": error(404, "NOT_FOUND", "models/x is not found for API version v1beta."),
    "too_long": invalid("The input token count (1500000) exceeds the maximum number of tokens allowed (1048576)."),
    "server_error": error(500, "INTERNAL", "An internal error has occurred. Please retry."),
    "overloaded": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}
GEMINI = Protocol(
    "gemini",
    "/v1beta/models/{model}",
    MODELS,
    read,
    cache,
    say,
    FAULTS,
    lambda url: {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url},
)
