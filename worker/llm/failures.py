"""What a provider answered instead of an answer, as one of our errors."""

import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from worker.core.linear import pattern
from worker.core.settings import Settings
from worker.core.telemetry.masking import mask
from worker.llm.errors import Charge, LlmError, RateLimited, Refused, Rejected, Unavailable
from worker.llm.providers import Model

DEFAULT_WAIT = 5.0
MAX_WAIT = 3600.0
# Each provider's words for the parameter that carries the form of the answer.
_FORM = pattern(r"(?i)response_?format|response_?(?:json_?)?schema|output_(?:format|config)|json_schema|json mode")
# No limit of a rate, and no wait helps. OpenAI sends it with 429, and tells it from one by its code alone.
_NO_CREDIT = pattern(r"(?i)insufficient balance|credit balance is too low|billing_error")
_NO_CREDIT_CODE = "insufficient_quota"
_RETRY_DELAY = pattern(r'"retryDelay":\s*"([\d.]+)s"')


def names_the_form(error: Exception) -> bool:
    """Whether the provider rejects the request for the form of the answer that it asks for."""
    return _FORM.search(str(error)) is not None


def classified(litellm: Any, error: Exception, model: Model, settings: Settings) -> LlmError:
    """The library's error as one of ours. What the provider wrote is shortened and masked."""
    status = getattr(error, "status_code", None)
    text = str(error)
    body = getattr(error, "body", None)
    code = body.get("code") if isinstance(body, dict) else None
    if status == 402 or code == _NO_CREDIT_CODE or _NO_CREDIT.search(text):
        return Rejected(f"The account at {model.provider} has no credit left.")
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
        short = mask(" ".join(text.split())[:300], settings.secrets())
        return Rejected(f"{model.name} rejected the request: {short}")
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
    """Seconds to wait: `Retry-After` as seconds or as a date (RFC 9110, section 10.2.3), Google's `RetryInfo`
    (https://ai.google.dev/gemini-api/docs/rate-limits), else a default."""
    headers = getattr(error, "litellm_response_headers", None)
    if headers is None:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
    given = str(headers.get("retry-after") or "").strip()
    delay = _RETRY_DELAY.search(str(error))
    if not given and delay:
        given = delay[1]
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except (TypeError, ValueError):
            return DEFAULT_WAIT
    return DEFAULT_WAIT if math.isnan(seconds) else min(max(seconds, 0.0), MAX_WAIT)
