"""Find runs and work items that are neither finished nor held, and give each a fresh job.

It runs in every worker beside the queue, not as a job in it: what mends the queue cannot depend on it.
"""

import asyncio

from worker.core.backoff import spread
from worker.core.db.database import is_unavailable, timed_out
from worker.core.runs import lifecycle
from worker.core.telemetry import logs
from worker.runtime import work_items
from worker.runtime.resources import Resources

log = logs.get(__name__)

_FIRST_SECONDS = 1.0


async def reap_once(resources: Resources) -> int:
    """One pass; returns how many were given a fresh job. Safe when many workers do it at once."""
    return await _reap_runs(resources) + await _reap_items(resources)


async def _reap_runs(resources: Resources) -> int:
    settings = resources.settings
    async with resources.db.transaction() as session:
        runs = await lifecycle.reap(session, patience=settings.lease_seconds, repo_limit=settings.repo_concurrency)
    for run_id, was in runs:
        log.warning("run given a fresh job", run_id=str(run_id), was=was)
    return len(runs)


async def _reap_items(resources: Resources) -> int:
    async with resources.db.transaction() as session:
        items = await work_items.reap(session, patience=resources.settings.lease_seconds)
    for kind, subject in items:
        log.warning("work given a fresh job", kind=kind, subject=subject)
    return len(items)


async def reap_forever(resources: Resources) -> None:
    """Pass after pass, with jitter so that workers do not look in step, until cancelled.

    Runs and work items apart: what is wrong with the one keeps nobody from mending the other. The first pass comes
    soon after the start: workers that are killed again and again must still find what their like left behind.
    """
    pause = _FIRST_SECONDS
    while True:
        await asyncio.sleep(spread(min(pause, resources.settings.reap_seconds), 0.2))
        pause = resources.settings.reap_seconds
        for reap in (_reap_runs, _reap_items):
            try:
                while await reap(resources):
                    pass
            except Exception as error:
                if timed_out(error) or not is_unavailable(error):
                    log.exception("the reaper failed", at=reap.__name__.removeprefix("_reap_"))
