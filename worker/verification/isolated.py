"""The contained processes of verification: what they load before they are forked, and what they may raise."""

from worker.isolation.contained import Isolation
from worker.sources.errors import SourceError, SourceNotFound, SourceTooLarge, SourceUnavailable, SourceUnsafe
from worker.verification.constitution.criteria import ConstitutionRejected

_MODULES = (
    "worker.sources.make",
    "worker.verification.examination",
    "worker.verification.constitution.extractor",
    "worker.verification.context.syntax",
)
_ERRORS = (ConstitutionRejected, SourceError, SourceNotFound, SourceTooLarge, SourceUnavailable, SourceUnsafe)


def isolation() -> Isolation:
    """For one worker process."""
    return Isolation(_MODULES, _ERRORS)
