"""How a call to a model can end other than well: a closed set.

LlmError
├── Transient          trying again later may help
│   ├── RateLimited    the provider said when
│   └── Unavailable    no answer, or one that was cut off
├── Rejected           the request itself, or the key, is not accepted
├── Refused            the model or its filter declined to answer
├── Unparseable        an answer that is not what was asked for, after one repair
└── OverBudget         the run's or the day's money is used up
"""

from enum import StrEnum


class Charge(StrEnum):
    """What an attempt that failed has cost: nothing, what its usage says, or nobody knows."""

    NOTHING = "nothing"
    USAGE = "usage"
    UNKNOWN = "unknown"


class LlmError(Exception):
    """The message says what happened in one sentence and holds no secret and no part of a prompt."""

    code = "llm_error"
    provider: str | None = None
    """Who was asked, by the name that the settings have for it; the gateway sets it."""

    def __init__(self, message: str, *, charge: Charge = Charge.NOTHING) -> None:
        super().__init__(message)
        self.charge = charge


class Transient(LlmError):
    code = "provider_unavailable"


class RateLimited(Transient):
    """`seconds` is how long the provider asks to wait."""

    code = "provider_rate_limited"

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(Transient):
    code = "provider_unavailable"


class Rejected(LlmError):
    code = "provider_rejected"


class Refused(LlmError):
    code = "model_refused"


class Unparseable(LlmError):
    code = "answer_unparseable"


class OverBudget(LlmError):
    code = "over_budget"
