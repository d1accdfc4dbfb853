"""The tables, one file per subject. Importing this package registers them all on `Base.metadata`."""

from worker.core.models import analytics
from worker.core.models.access import ApiToken, AuditLine, RepoMember
from worker.core.models.base import Base
from worker.core.models.feedback import Feedback
from worker.core.models.installation import Installation
from worker.core.models.limits import OpenStream, RequestWindow, UploadPart
from worker.core.models.llm import LlmBudget, LlmCall, LlmProvider, LlmUse
from worker.core.models.monitor import Callback, MonitorJob, WebhookDelivery
from worker.core.models.remediation import (
    AuditEntry,
    FileBackup,
    Fix,
    FixPattern,
    KillSwitch,
    RemediationIssue,
    RemediationRun,
    RootCause,
)
from worker.core.models.repositories import (
    ConstitutionPreview,
    ConstitutionVersion,
    Criterion,
    RepoBranch,
    RepoConnection,
)
from worker.core.models.runs import (
    Artifact,
    CriterionResult,
    Finding,
    Opinion,
    Run,
    RunEvent,
    Upload,
)
from worker.core.models.work import QueuePause, WorkItem

__all__ = [
    "ApiToken",
    "Artifact",
    "AuditEntry",
    "AuditLine",
    "Base",
    "Callback",
    "ConstitutionPreview",
    "ConstitutionVersion",
    "Criterion",
    "CriterionResult",
    "Feedback",
    "FileBackup",
    "Finding",
    "Fix",
    "FixPattern",
    "Installation",
    "KillSwitch",
    "LlmBudget",
    "LlmCall",
    "LlmProvider",
    "LlmUse",
    "MonitorJob",
    "OpenStream",
    "Opinion",
    "QueuePause",
    "RemediationIssue",
    "RemediationRun",
    "RepoBranch",
    "RepoConnection",
    "RepoMember",
    "RequestWindow",
    "RootCause",
    "Run",
    "RunEvent",
    "Upload",
    "UploadPart",
    "WebhookDelivery",
    "WorkItem",
    "analytics",
]
