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
    """Tell a run's `callback_url` how it ended."""

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


class ItemJob(Job, Protocol):
    """A job that delivers a work item (worker.core.queue.work_items), which its `subject` names."""

    PRIORITY: ClassVar[int]

    @property
    def subject(self) -> str: ...

    @classmethod
    def of(cls, subject: str) -> Self: ...


_ITEMS: tuple[type[ItemJob], ...] = (DeliverCallback, FollowRun, Remediate)
ITEMS: Mapping[str, type[ItemJob]] = {job.NAME: job for job in _ITEMS}
QUEUES: tuple[str, ...] = (VerifyRun.QUEUE, DeliverCallback.QUEUE, Remediate.QUEUE)


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
