"""The only file that speaks litellm: one request to one model, and every way it can fail as one of our errors.

litellm takes seconds to import, so it is imported on first use, with the price map it brings along.
"""

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from worker.core.settings import PriceSetting, Settings
from worker.core.telemetry.masking import mask
from worker.llm import providers
from worker.llm.errors import Charge, LlmError, RateLimited, Refused, Rejected, Unavailable
from worker.llm.providers import Model

Message = Mapping[str, str]
DEFAULT_WAIT = 5.0
MAX_WAIT = 3600.0
_import = threading.Lock()
_loaded: list[Any] = []


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them."""

    prompt: int
    cached: int
    completion: int


@dataclass(frozen=True)
class Completion:
    """`usage` None where the provider gave none, or figures that cannot be true. `latency` in seconds."""

    text: str
    finish_reason: str
    refusal: str | None
    usage: Usage | None
    latency: float


def is_loaded() -> bool:
    return bool(_loaded)


async def ready() -> Any:
    """The library, configured; the first time without holding up the event loop."""
    return _loaded[0] if _loaded else await asyncio.to_thread(load)


def load() -> Any:
    """The library, configured. Blocking: seconds, the first time."""
    with _import:
        if _loaded:
            return _loaded[0]
        # Read by litellm at import; without it the price map is fetched from the network.
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        import litellm

        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.drop_params = True
        for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        _loaded.append(litellm)
        return litellm


def price(model: Model, settings: Settings) -> tuple[PriceSetting, bool]:
    """Dollars per million tokens, and whether the price is known. A price of zero is known only when it was set."""
    for name in (model.name, model.litellm_name):
        if name in settings.llm_prices:
            return settings.llm_prices[name], True
    if model.provider != providers.COMPATIBLE:
        costs = load().model_cost
        for name in (model.litellm_name, model.litellm_name.split("/", 1)[-1]):
            entry = costs.get(name, {})
            given = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
            if given[0] and given[1]:
                return PriceSetting(input=given[0] * 1e6, output=given[1] * 1e6), True
    return settings.llm_assumed_price, False


async def complete(
    model: Model, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int, settings: Settings
) -> Completion:
    """Ask once, without retries; cancelling the call closes its connection.

    `schema` is the JSON schema of the answer. Raises RateLimited, Unavailable, Rejected or Refused.
    """
    litellm = await ready()
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}
    began = time.monotonic()
    try:
        async with asyncio.timeout(settings.llm_seconds):
            try:
                answer = await _send(litellm, model, messages, max_tokens, settings, response_format=form)
            except litellm.BadRequestError as error:
                # Some endpoints know the protocol but not this part of it; the prompt holds the schema as well.
                if model.provider != providers.COMPATIBLE or "response_format" not in str(error):
                    raise
                answer = await _send(litellm, model, messages, max_tokens, settings)
    except TimeoutError:
        message = f"{model.name} did not answer within {settings.llm_seconds:.0f} s."
        raise Unavailable(message, charge=Charge.UNKNOWN) from None
    except Exception as error:
        raise _classified(litellm, error, model, settings) from None
    return _completion(answer, time.monotonic() - began, model, max_tokens)


async def _send(
    litellm: Any, model: Model, messages: Sequence[Message], max_tokens: int, settings: Settings, **more: Any
) -> Any:
    return await litellm.acompletion(
        model=model.litellm_name,
        messages=[dict(message) for message in messages],
        api_base=model.base_url,
        api_key=providers.key_of(model, settings),
        max_tokens=max_tokens,
        temperature=0,
        timeout=settings.llm_seconds,
        num_retries=0,
        max_retries=0,
        no_log=True,
        **more,
    )


def _completion(answer: Any, latency: float, model: Model, max_tokens: int) -> Completion:
    choices = getattr(answer, "choices", None) or []
    if not choices:
        raise Unavailable(f"{model.name} answered without a choice.", charge=Charge.UNKNOWN)
    message = choices[0].message
    extra = getattr(message, "provider_specific_fields", None) or {}
    text = message.content if isinstance(message.content, str) else ""
    return Completion(
        text=text,
        finish_reason=str(choices[0].finish_reason or "stop"),
        refusal=getattr(message, "refusal", None) or extra.get("refusal"),
        usage=_usage(getattr(answer, "usage", None), max_tokens),
        latency=latency,
    )


def _usage(given: Any, max_tokens: int) -> Usage | None:
    prompt, completion = getattr(given, "prompt_tokens", None), getattr(given, "completion_tokens", None)
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    # Every request has a prompt; an answer longer than was allowed was not counted honestly.
    if prompt <= 0 or completion < 0 or completion > 2 * max_tokens:
        return None
    details = getattr(given, "prompt_tokens_details", None)
    cached = getattr(details, "cached_tokens", None) or 0
    return Usage(prompt, min(max(0, cached), prompt) if isinstance(cached, int) else 0, completion)


def _classified(litellm: Any, error: Exception, model: Model, settings: Settings) -> LlmError:
    """The error as one of ours. What the provider said is shortened and masked."""
    status = getattr(error, "status_code", None)
    said = mask(" ".join(str(error).split())[:300], settings.secrets())
    if isinstance(error, litellm.RateLimitError):
        return RateLimited(f"{model.name} is rate limited.", seconds=_retry_after(error))
    if isinstance(error, litellm.ContentPolicyViolationError):
        return Refused(f"{model.name} refused by its content policy.")
    if isinstance(error, litellm.ContextWindowExceededError):
        return Rejected(f"The prompt is too long for {model.name}; lower CVA_CONTEXT_TOKENS.")
    if isinstance(error, litellm.AuthenticationError | litellm.PermissionDeniedError):
        return Rejected(f"{model.name} does not accept the key of {model.provider}.")
    if isinstance(error, litellm.NotFoundError):
        return Rejected(f"The provider {model.provider} does not know the model {model.name}.")
    if isinstance(error, litellm.Timeout):
        return Unavailable(f"{model.name} did not answer in time.", charge=Charge.UNKNOWN)
    if isinstance(error, litellm.BadRequestError | litellm.UnprocessableEntityError | litellm.UnsupportedParamsError):
        return Rejected(f"{model.name} rejected the request: {said}")
    response = getattr(error, "litellm_response_headers", None)
    # With an answer's headers the provider spoke, and a server's error is not charged. Without, who knows.
    charge = Charge.NOTHING if response is not None or _never_connected(error) else Charge.UNKNOWN
    return Unavailable(f"{model.name} is unavailable ({status or type(error).__name__}).", charge=charge)


def _never_connected(error: BaseException | None) -> bool:
    """Whether the request did not even go out, by what the error came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) or "ConnectorError" in type(error).__name__:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _retry_after(error: Exception) -> float:
    """Seconds to wait: `Retry-After` as seconds or as a date (RFC 9110, section 10.2.3), else a default."""
    headers = getattr(error, "litellm_response_headers", None)
    if headers is None:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
    given = str(headers.get("retry-after") or "").strip()
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except (TypeError, ValueError):
            return DEFAULT_WAIT
    return DEFAULT_WAIT if math.isnan(seconds) else min(max(seconds, 0.0), MAX_WAIT)
