"""CVA_MONITOR_WORKER: a worker process beside the api, for a deployment with one service."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

from worker.core.backoff import full_jitter
from worker.core.settings import Settings
from worker.core.telemetry import logs

log = logs.get("api.companion")

_GRACE_SECONDS = 15.0


@contextlib.asynccontextmanager
async def companion(settings: Settings) -> AsyncIterator[None]:
    """Keep a worker process running for as long as the block lasts, where the settings ask for one."""
    if not settings.monitor_worker:
        yield
        return
    keeper = asyncio.create_task(_keep(settings))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep(settings: Settings) -> None:
    failures = 0
    # The api has migrated already, or was told not to.
    environment = {**os.environ, "CVA_APPLY_MIGRATIONS": ""}
    while True:
        began = asyncio.get_running_loop().time()
        try:
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "worker", env=environment)
        except OSError as error:
            log.error("worker process not started", error=error.strerror, retry_seconds=10)
            await asyncio.sleep(10)
            continue
        try:
            code: int | None = await process.wait()
        except asyncio.CancelledError:
            await _end(process, settings.drain_seconds + _GRACE_SECONDS)
            raise
        failures = 1 if asyncio.get_running_loop().time() - began > 60 else failures + 1
        delay = full_jitter(failures, base=1.0, cap=30.0, floor=0.5)
        log.error("worker process ended", code=code, retry_seconds=round(delay, 1))
        await asyncio.sleep(delay)


async def _end(process: asyncio.subprocess.Process, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), timeout=seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
