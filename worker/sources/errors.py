"""Why a snapshot could not be made.

SourceError
├── SourceNotFound      the repository, the ref, the upload or the folder is not there
├── SourceTooLarge      more files or bytes than the limits allow
├── SourceUnsafe        a path, a link or an address that is not accepted
├── PatchRejected       the patch does not apply to what the source names
└── SourceUnavailable   the other side did not answer; worth another attempt
"""

from worker.core.failure import FailureCode, RunFailure


class SourceError(RunFailure):
    code = FailureCode.SOURCE_ERROR


class SourceNotFound(SourceError):
    code = FailureCode.SOURCE_NOT_FOUND


class SourceTooLarge(SourceError):
    code = FailureCode.SOURCE_TOO_LARGE


class SourceUnsafe(SourceError):
    code = FailureCode.SOURCE_UNSAFE


class PatchRejected(SourceError):
    code = FailureCode.PATCH_REJECTED


class SourceUnavailable(SourceError):
    code = FailureCode.SOURCE_UNAVAILABLE
    transient = True
