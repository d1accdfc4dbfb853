"""Why a snapshot could not be made.

SourceError
├── SourceNotFound      the repository, the ref, the upload or the folder is not there
├── SourceTooLarge      more files or bytes than the limits allow
├── SourceUnsafe        a path, a link or an address that is not accepted
└── SourceUnavailable   the other side did not answer; worth another attempt
"""


class SourceError(Exception):
    """`code` is for programs, the message for people. `transient`: trying again may help."""

    code = "source_error"
    transient = False


class SourceNotFound(SourceError):
    code = "source_not_found"


class SourceTooLarge(SourceError):
    code = "source_too_large"


class SourceUnsafe(SourceError):
    code = "source_unsafe"


class SourceUnavailable(SourceError):
    code = "source_unavailable"
    transient = True
