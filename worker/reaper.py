"""Find runs and work items that are neither finished nor held, and give each a fresh job.

It runs in every worker beside the queue, not as a job in it: what mends the queue cannot depend on it.
"""

import asyncio

from worker.core.backoff import spread
from worker.core.db.database import is_unavailable
from worker.core.runs import lifecycle
from worker.core.telemetry import logs
from worker.runtime import work_items
from worker.runtime.resources import Resources

log = logs.get(__name__)


async def reap_once(resources: Resources) -> int:
    """One pass; returns how many were given a fresh job. Safe when many workers do it at once."""
    patience = resources.settings.lease_seconds
    async with resources.db.transaction() as session:
        runs = await lifecycle.reap(session, patience=patience, repo_limit=resources.settings.repo_concurrency)
        items = await work_items.reap(session, patience=patience)
    for run_id, was in runs:
        log.warning("run given a fresh job", run_id=str(run_id), was=was)
    for kind, subject in items:
        log.warning("work given a fresh job", kind=kind, subject=subject)
    return len(runs) + len(items)


async def reap_forever(resources: Resources) -> None:
    """Pass after pass, with jitter so that workers do not look in step, until cancelled."""
    while True:
        await asyncio.sleep(spread(resources.settings.reap_seconds, 0.2))
        try:
            while await reap_once(resources):
                pass
        except Exception as error:
            if not is_unavailable(error):
                log.exception("the reaper failed")
