"""The closed sets of words that rows, jobs and answers share. Each is a check constraint in the database."""

from enum import StrEnum


class RunStatus(StrEnum):
    """queued → running → completed | failed | cancelled."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


class Verdict(StrEnum):
    """A run's verdict; ERROR means the work could not be completed and says nothing of the repository."""

    PASS = "PASS"  # noqa: S105  a word, no password
    FAIL = "FAIL"
    VETO = "VETO"
    PARTIAL = "PARTIAL"
    ERROR = "ERROR"


class Vote(StrEnum):
    PASS = "PASS"  # noqa: S105  a word, no password
    FAIL = "FAIL"
    ABSTAIN = "ABSTAIN"


class Outcome(StrEnum):
    """What the consensus says of one criterion."""

    PASS = "PASS"  # noqa: S105  a word, no password
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"


class Category(StrEnum):
    SECURITY = "security"
    FUNCTIONALITY = "functionality"
    STYLE = "style"

    @property
    def rank(self) -> int:
        """0 is what is fixed first, and needs most before it is."""
        return list(Category).index(self)


class CriterionKind(StrEnum):
    """What would show that a criterion is kept. `process`: it speaks of how people work, not to be seen in the code."""

    FORBIDS = "forbids"
    EVERYWHERE = "everywhere"
    SOMEWHERE = "somewhere"
    PROCESS = "process"


class Depth(StrEnum):
    """How much of a repository is read. `full`: scouts read every line. `search`: judges see what a search over the
    repository finds, a sample of it."""

    FULL = "full"
    SEARCH = "search"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def weight(self) -> int:
        """Weight in the overall score."""
        return {"critical": 8, "high": 4, "medium": 2, "low": 1}[self.value]

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return list(Severity).index(self)


class JudgeRole(StrEnum):
    ARCHITECT = "architect"
    SECURITY = "security"
    USER_PROXY = "user_proxy"


class TribunalMode(StrEnum):
    """Who judged: LLM judges, or only the analyzers' verified findings."""

    STATIC = "static"
    LLM = "llm"


class RunMode(StrEnum):
    FULL = "full"
    DIFF = "diff"


class SourceKind(StrEnum):
    GIT = "git"
    UPLOAD = "upload"
    FILES = "files"
    REPOSITORY = "repository"
    PATH = "path"


class CallState(StrEnum):
    RESERVED = "reserved"
    COMPLETED = "completed"
    FAILED = "failed"


class FeedbackSubject(StrEnum):
    CRITERION = "criterion"
    FINDING = "finding"


class FeedbackMark(StrEnum):
    """`wrong`: the result is not right. `accepted`: it is right, and it may stay as it is."""

    WRONG = "wrong"
    ACCEPTED = "accepted"


class MonitorStatus(StrEnum):
    QUEUED = "queued"
    ENQUEUED = "enqueued"
    SKIPPED = "skipped"
    FAILED = "failed"


class SkipCause(StrEnum):
    """Why a monitored commit is not verified. `withdrawn`: what it was for is closed or gone."""

    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    NO_CONSTITUTION = "no_constitution"


class Forge(StrEnum):
    """Where a connected repository lives. `github`: its App is installed there; `git`: known by its URL alone."""

    GIT = "git"
    GITHUB = "github"


class CallbackFormat(StrEnum):
    """`slack`: what Slack's incoming webhooks take, and those who speak as they do."""

    JSON = "json"
    SLACK = "slack"


class CallbackStatus(StrEnum):
    """`refused`: its address is not one that is called."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"


class FixAction(StrEnum):
    AUTO = "AUTO"
    REVIEW = "REVIEW"
    CONFIRM = "CONFIRM"
    MANUAL = "MANUAL"


class FixStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"
    VERIFIED = "verified"
    REVERTED = "reverted"
    FAILED = "failed"


class FixOrigin(StrEnum):
    """Who made a fix: an analyzer's own, a pattern learned from fixes that were kept, or a model."""

    TOOL = "tool"
    PATTERN = "pattern"
    MODEL = "model"


class RemediationStatus(StrEnum):
    """queued → running ⇄ awaiting_approval, verifying → completed | failed | stopped | aborted | rolled_back.

    `stopped`: somebody asked for it; `aborted`: the kill switch was engaged.
    """

    QUEUED = "queued"
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"

    @property
    def is_final(self) -> bool:
        return self not in UNFINISHED_REMEDIATIONS


UNFINISHED_REMEDIATIONS = (
    RemediationStatus.QUEUED,
    RemediationStatus.RUNNING,
    RemediationStatus.AWAITING_APPROVAL,
    RemediationStatus.VERIFYING,
)


class IssueOrigin(StrEnum):
    CRITERION = "criterion"
    FINDING = "finding"


class RepoRole(StrEnum):
    """What a member may do with a repository and its runs; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def including(self) -> tuple["RepoRole", ...]:
        """The roles that may do what this one may."""
        roles = tuple(RepoRole)
        return roles[roles.index(self) :]


class Scope(StrEnum):
    """What a token may do. `admin` includes the others."""

    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    REMEDIATION_APPROVE = "remediation:approve"
    ADMIN = "admin"
