"""How a run can fail: a set of codes that is closed in each version, with a line for each in docs/state-machine.md."""

from enum import StrEnum
from typing import ClassVar


class FailureCode(StrEnum):
    """For programs: it stands in the run's row, its events and the api's `error`. The words for people come with it."""

    SOURCE_ERROR = "source_error"
    SOURCE_NOT_FOUND = "source_not_found"
    SOURCE_TOO_LARGE = "source_too_large"
    SOURCE_UNSAFE = "source_unsafe"
    SOURCE_UNAVAILABLE = "source_unavailable"
    SOURCE_CHANGED = "source_changed"
    NOT_JUDGED = "not_judged"
    PATCH_REJECTED = "patch_rejected"
    CONTAINMENT_FAILED = "containment_failed"
    PROCESS_ENDED = "contained_process_ended"
    PROCESS_TOO_SLOW = "contained_process_too_slow"
    ANSWER_REJECTED = "contained_answer_rejected"
    CONSTITUTION_REJECTED = "constitution_rejected"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    OVER_BUDGET = "over_budget"
    ANSWER_UNPARSEABLE = "answer_unparseable"
    MODEL_REFUSED = "model_refused"
    NO_USABLE_ANSWER = "no_usable_answer"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    INTERNAL_ERROR = "internal_error"


class RunFailure(Exception):
    """What ends an attempt. The message says what happened, and what to do, in one sentence without secrets."""

    code: ClassVar[FailureCode]
    transient: ClassVar[bool] = False
    """Trying again may help."""
    provider: str | None = None
    """Of models: who was asked, by the name that the settings have for it."""
