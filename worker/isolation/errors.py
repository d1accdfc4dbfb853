"""Why contained work gave no answer.

ContainmentFailed
├── ProcessEnded      the contained process ended before it answered: killed, out of memory, or crashed
├── TooSlow           it did not answer in time, and was ended
└── AnswerRejected    what it answered is not what was asked for
"""


class ContainmentFailed(Exception):
    """`code` is for programs, the message for people."""

    code = "containment_failed"
    transient = False


class ProcessEnded(ContainmentFailed):
    code = "contained_process_ended"


class TooSlow(ContainmentFailed):
    code = "contained_process_too_slow"


class AnswerRejected(ContainmentFailed):
    code = "contained_answer_rejected"
