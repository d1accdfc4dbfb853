"""The repositories that the App was installed on, and what may be asked and told there."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from worker.core.backoff import spread
from worker.core.models import RepoConnection
from worker.github import client
from worker.github.client import Client
from worker.github.errors import RateLimited, Unavailable
from worker.runtime.resources import Resources
from worker.runtime.work_items import Later

_UNAVAILABLE_SECONDS = 60.0


@dataclass(frozen=True)
class Connected:
    """A repository as its row has it, whose installation is there."""

    id: uuid.UUID
    full_name: str
    default_branch: str
    forge_id: int
    installation_id: int


def connected(row: RepoConnection | None) -> Connected | None:
    """None for a repository that was removed, that no installation connected, or whose installation is suspended."""
    if row is None or row.removed_at is not None or row.suspended_at is not None:
        return None
    if row.forge_id is None or row.installation_id is None:
        return None
    return Connected(row.id, row.full_name, row.default_branch, row.forge_id, row.installation_id)


async def find(session: AsyncSession, repository_id: uuid.UUID) -> Connected | None:
    """As `connected`, by the repository's id."""
    return connected(await session.get(RepoConnection, repository_id))


def repository(resources: Resources, found: Connected) -> Client:
    """Raises NotConfigured."""
    return client.app(resources).repository(found.installation_id, found.forge_id, found.full_name)


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """What passes by itself is tried again when it has passed. Raises Later for it, and any other failure as it is."""
    try:
        yield
    except RateLimited as error:
        raise Later(str(error), seconds=spread(max(1.0, error.seconds), 0.1)) from error
    except Unavailable as error:
        raise Later(str(error), seconds=spread(_UNAVAILABLE_SECONDS, 0.5)) from error
