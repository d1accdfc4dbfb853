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

from worker.core.failure import FailureCode, RunFailure


class Charge(StrEnum):
    """What an attempt that failed has cost: nothing, what its usage says, or nobody knows."""

    NOTHING = "nothing"
    USAGE = "usage"
    UNKNOWN = "unknown"


class LlmError(RunFailure):
    """The message holds no part of a prompt. The gateway sets the provider."""

    def __init__(self, message: str, *, charge: Charge = Charge.NOTHING) -> None:
        super().__init__(message)
        self.charge = charge


class Transient(LlmError):
    code = FailureCode.PROVIDER_UNAVAILABLE
    transient = True


class RateLimited(Transient):
    """`seconds` is how long the provider asks to wait."""

    code = FailureCode.PROVIDER_RATE_LIMITED

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(Transient):
    code = FailureCode.PROVIDER_UNAVAILABLE


class Rejected(LlmError):
    code = FailureCode.PROVIDER_REJECTED


class Refused(LlmError):
    code = FailureCode.MODEL_REFUSED


class Unparseable(LlmError):
    code = FailureCode.ANSWER_UNPARSEABLE


class OverBudget(LlmError):
    code = FailureCode.OVER_BUDGET
