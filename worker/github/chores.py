"""What looks after connected repositories from time to time."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import text

from worker.core.backoff import spread
from worker.core.github import deliveries
from worker.core.queue import work_items
from worker.core.queue.jobs import LookAtRepository, TakeDeliveries, enqueue
from worker.core.settings import Settings
from worker.core.telemetry import logs
from worker.github import connecting
from worker.github.errors import GitHubFailure
from worker.runtime.periodic import Chore
from worker.runtime.resources import Resources

log = logs.get(__name__)

_BATCH = 500
_UNTAKEN_SECONDS = 10.0
_INSTALLATIONS_SECONDS = 3600.0
# Beginning with those that nobody has looked at for longest; `looked_at` is set at once, so that each has its turn.
_DUE = text(
    """
    UPDATE repo_connections SET looked_at = clock_timestamp() WHERE id IN (
        SELECT id FROM repo_connections
        WHERE removed_at IS NULL AND suspended_at IS NULL AND installation_id IS NOT NULL
            AND coalesce(looked_at < clock_timestamp() - make_interval(secs => :seconds), true)
        ORDER BY looked_at NULLS FIRST LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)


async def look(resources: Resources) -> None:
    """Have those looked at whose turn it is."""
    values = {"seconds": resources.settings.monitor_seconds, "batch": _BATCH}
    async with resources.db.transaction() as session:
        due = (await session.scalars(_DUE, values)).all()
    for repository_id in due:
        async with resources.db.transaction() as session:
            await work_items.wake(session, LookAtRepository(str(repository_id)))


async def reconcile(resources: Resources) -> None:
    """Have the connected repositories be those that the App is installed on."""
    if resources.settings.github_app_id is None:
        return
    try:
        log.info("installations looked at", outcome=await connecting.reconcile(resources))
    except GitHubFailure as error:
        log.warning("installations not looked at", reason=str(error))


async def take(resources: Resources) -> None:
    """Have deliveries taken that wait although nobody is at them: whoever was may have died at the last moment."""
    async with resources.db.transaction() as session:
        for subject in await deliveries.untaken(session, seconds=_UNTAKEN_SECONDS):
            await enqueue(session, TakeDeliveries(subject), priority=TakeDeliveries.PRIORITY)


def chores(settings: Settings) -> Mapping[str, Mapping[str, Chore]]:
    """By the kind of their work items."""
    every = min(60.0, settings.monitor_seconds / 2)
    return {
        "github": {
            "look": Chore(look, partial(spread, every, 0.1)),
            "reconcile": Chore(reconcile, partial(spread, max(_INSTALLATIONS_SECONDS, settings.monitor_seconds), 0.1)),
            "take": Chore(take, partial(spread, _UNTAKEN_SECONDS, 0.1)),
        }
    }
