"""Why contained work gave no answer.

ContainmentFailed
├── ProcessEnded      the contained process ended before it answered: killed, out of memory, or crashed
├── TooSlow           it did not answer in time, and was ended
└── AnswerRejected    what it answered is not what was asked for
"""

from worker.core.failure import FailureCode, RunFailure


class ContainmentFailed(RunFailure):
    code = FailureCode.CONTAINMENT_FAILED


class ProcessEnded(ContainmentFailed):
    code = FailureCode.PROCESS_ENDED


class TooSlow(ContainmentFailed):
    code = FailureCode.PROCESS_TOO_SLOW


class AnswerRejected(ContainmentFailed):
    code = FailureCode.ANSWER_REJECTED
