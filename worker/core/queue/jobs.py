"""The job contract: small frozen values that say what to do, apart from the code that does it.

A job carries ids only. NAME is permanent: renaming it would orphan the jobs that wait under the old one.
"""

import uuid
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.db.database import driver_connection
from worker.core.queue.app import app


class Job(Protocol):
    NAME: ClassVar[str]
    QUEUE: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class VerifyRun:
    """Take one run up and bring it to its verdict."""

    NAME: ClassVar[str] = "verification.verify_run"
    QUEUE: ClassVar[str] = "verification"
    run_id: uuid.UUID


@dataclass(frozen=True)
class _OfARun:
    """What is owed because of a run."""

    run_id: uuid.UUID

    @property
    def subject(self) -> str:
        return str(self.run_id)

    @classmethod
    def of(cls, subject: str) -> Self:
        return cls(uuid.UUID(subject))


@dataclass(frozen=True)
class DeliverCallback(_OfARun):
    """Owe a message to everybody who is to be told how a run ended; SendCallback sends it."""

    NAME: ClassVar[str] = "monitoring.deliver_callback"
    QUEUE: ClassVar[str] = "monitoring"
    # Before any run: it is short, and somebody waits for it.
    PRIORITY: ClassVar[int] = 20


@dataclass(frozen=True)
class FollowRun(_OfARun):
    """See what a run that has ended means for remediation: one begins, or one goes on that waited for it."""

    NAME: ClassVar[str] = "remediation.follow_run"
    QUEUE: ClassVar[str] = "remediation"
    PRIORITY: ClassVar[int] = 20


@dataclass(frozen=True)
class Remediate:
    """Bring one remediation as far as it can go without somebody's answer."""

    NAME: ClassVar[str] = "remediation.remediate"
    QUEUE: ClassVar[str] = "remediation"
    PRIORITY: ClassVar[int] = 5
    remediation_id: uuid.UUID

    @property
    def subject(self) -> str:
        return str(self.remediation_id)

    @classmethod
    def of(cls, subject: str) -> Self:
        return cls(uuid.UUID(subject))


@dataclass(frozen=True)
class _OfASubject:
    """What is owed of whatever `subject` names."""

    subject: str

    @classmethod
    def of(cls, subject: str) -> Self:
        return cls(subject)


@dataclass(frozen=True)
class TakeDeliveries(_OfASubject):
    """Take what GitHub told of one repository or installation, in the order in which it came."""

    NAME: ClassVar[str] = "github.take_deliveries"
    QUEUE: ClassVar[str] = "github"
    PRIORITY: ClassVar[int] = 15


@dataclass(frozen=True)
class LookAtRepository(_OfASubject):
    """Ask a repository's forge for what no delivery told: its branches, its pull requests, its members."""

    NAME: ClassVar[str] = "github.look_at_repository"
    QUEUE: ClassVar[str] = "github"
    PRIORITY: ClassVar[int] = 0


@dataclass(frozen=True)
class ReportCheck(_OfASubject):
    """Tell GitHub how it stands with a monitored commit."""

    NAME: ClassVar[str] = "github.report_check"
    QUEUE: ClassVar[str] = "github"
    PRIORITY: ClassVar[int] = 20


@dataclass(frozen=True)
class OpenPullRequest(_OfASubject):
    """Bring what a remediation has kept to a branch of its own, with one pull request."""

    NAME: ClassVar[str] = "github.open_pull_request"
    QUEUE: ClassVar[str] = "github"
    PRIORITY: ClassVar[int] = 10


@dataclass(frozen=True)
class ReadConstitution(_OfASubject):
    """Read a constitution that somebody writes; the subject is the hash of its text."""

    NAME: ClassVar[str] = "verification.read_constitution"
    QUEUE: ClassVar[str] = "monitoring"
    # Before anything else: somebody types.
    PRIORITY: ClassVar[int] = 30


@dataclass(frozen=True)
class SendCallback(_OfASubject):
    """Send one message to one address."""

    NAME: ClassVar[str] = "monitoring.send_callback"
    QUEUE: ClassVar[str] = "callbacks"
    PRIORITY: ClassVar[int] = 20


class ItemJob(Job, Protocol):
    """A job that delivers a work item (worker.core.queue.work_items), which its `subject` names."""

    PRIORITY: ClassVar[int]

    @property
    def subject(self) -> str: ...

    @classmethod
    def of(cls, subject: str) -> Self: ...


_ITEMS: tuple[type[ItemJob], ...] = (
    DeliverCallback, SendCallback, FollowRun, Remediate, TakeDeliveries, LookAtRepository, ReportCheck, OpenPullRequest,
    ReadConstitution,
)  # fmt: skip
ITEMS: Mapping[str, type[ItemJob]] = {job.NAME: job for job in _ITEMS}
QUEUES: tuple[str, ...] = (
    VerifyRun.QUEUE, DeliverCallback.QUEUE, SendCallback.QUEUE, Remediate.QUEUE, TakeDeliveries.QUEUE,
)  # fmt: skip
SUBJECT = "coalesce({args}->>'run_id', {args}->>'remediation_id', {args}->>'subject')"
"""In SQL: the subject of the item that a job's `args` deliver."""


def subject_of(arguments: Mapping[str, Any]) -> str:
    """The subject of the item that a job with such arguments delivers."""
    return next(str(arguments[name]) for name in ("run_id", "remediation_id", "subject") if name in arguments)


async def enqueue(session: AsyncSession, job: Job, *, priority: int = 0, at: datetime | None = None) -> int:
    """Add `job` in the session's transaction; returns the queue's id for it. A rollback takes it along."""
    deferrer = app.configure_task(
        job.NAME,
        queue=job.QUEUE,
        priority=priority,
        schedule_at=at,
        connection=await driver_connection(session),
        allow_unknown=True,
    )
    arguments = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in asdict(job).items()}
    return await deferrer.defer_async(**arguments)
