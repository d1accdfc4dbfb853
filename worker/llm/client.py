"""The only file that speaks litellm: one request to one model, and its answer.

litellm takes seconds to import, so it is imported on first use, with the price map it brings along.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.core.settings import Settings
from worker.llm import failures, providers, requests
from worker.llm.errors import Charge, Unavailable
from worker.llm.providers import ANTHROPIC, COMPATIBLE, Model
from worker.llm.requests import Prompt

_import = threading.Lock()
_loaded: list[Any] = []
# What the library takes for an ordinary end. https://api-docs.deepseek.com/api/create-chat-completion
_BROKEN_OFF = ("insufficient_system_resource",)
# A record of each call for whoever registered for them, which nobody here has, is a tenth of a call's processor time.
_UNLOGGED = {"no-log": True}
# Models that turned out not to take the form of an answer, by name and address, for as long as this process lives.
_without_form: set[tuple[str, str | None]] = set()


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them. `prompt` is all of the prompt: what was read from the cache (`cached`),
    what was written to it (`written`), and the rest."""

    prompt: int
    cached: int
    written: int
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
        # Read by litellm at import and at the first call; without them its tables are fetched from the network.
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        import litellm

        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.drop_params = True
        for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        _loaded.append(litellm)
        return litellm


def entry(model: Model) -> Mapping[str, Any]:
    """What the library's map says of the model: its prices, its limits, what it can do; empty for one it does not know.

    Blocking the first time."""
    if model.provider == COMPATIBLE:
        return {}
    known = load().model_cost
    return known.get(model.litellm_name) or known.get(model.litellm_name.split("/", 1)[-1]) or {}


def _takes_form(model: Model) -> bool:
    """Whether the model may be given the form of its answer: so says the map; one that it does not know is tried."""
    if (model.litellm_name, model.base_url) in _without_form:
        return False
    known = entry(model)
    # For Anthropic the other word counts models whose form the library would feign with a tool.
    word = "supports_native_structured_output" if model.provider == ANTHROPIC else "supports_response_schema"
    return not known or bool(known.get(word))


async def complete(model: Model, prompt: Prompt, *, max_tokens: int, settings: Settings) -> Completion:
    """Ask once, without retries; cancelling the call closes its connection.

    A provider that rejects the form of the answer is asked once more without it; the form is in the prompt then.
    Raises RateLimited, Unavailable, Rejected or Refused.
    """
    litellm = await ready()
    max_tokens = min(max_tokens, entry(model).get("max_output_tokens") or max_tokens)
    structured = _takes_form(model)
    began = time.monotonic()
    try:
        async with asyncio.timeout(settings.llm_seconds):
            try:
                asked = requests.request(model, prompt, structured=structured, max_tokens=max_tokens)
                answer = await _send(litellm, model, asked, settings)
            except (litellm.BadRequestError, litellm.UnprocessableEntityError) as error:
                if not structured or not failures.names_the_form(error):
                    raise
                asked = requests.request(model, prompt, structured=False, max_tokens=max_tokens)
                answer = await _send(litellm, model, asked, settings)
                _without_form.add((model.litellm_name, model.base_url))
    except TimeoutError:
        message = f"{model.name} did not answer within {settings.llm_seconds:.0f} s."
        raise Unavailable(message, charge=Charge.UNKNOWN) from None
    except Exception as error:
        raise failures.classified(litellm, error, model, settings) from None
    return _completion(answer, time.monotonic() - began, model, max_tokens)


async def _send(litellm: Any, model: Model, asked: Mapping[str, Any], settings: Settings) -> Any:
    return await litellm.acompletion(
        model=model.litellm_name,
        api_base=model.base_url,
        api_key=providers.key_of(model, settings),
        timeout=settings.llm_seconds,
        num_retries=0,
        max_retries=0,
        **_UNLOGGED,
        **asked,
    )


def _completion(answer: Any, latency: float, model: Model, max_tokens: int) -> Completion:
    choices = getattr(answer, "choices", None) or []
    if not choices:
        raise Unavailable(f"{model.name} answered without a choice.", charge=Charge.UNKNOWN)
    native = (getattr(choices[0], "provider_specific_fields", None) or {}).get("native_finish_reason")
    if native in _BROKEN_OFF:
        raise Unavailable(f"{model.name} broke off ({native}).", charge=Charge.UNKNOWN)
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
    cached = _within(getattr(details, "cached_tokens", None), prompt)
    return Usage(prompt, cached, _within(getattr(details, "cache_write_tokens", None), prompt - cached), completion)


def _within(count: Any, most: int) -> int:
    return min(max(0, count), most) if isinstance(count, int) else 0
