"""Jobs are heard of through the process's one listening connection."""

import asyncio
import json

from procrastinate.manager import get_channel_for_queues

from tests.support.app import resources
from tests.worker.core.runs.test_lifecycle import new_run
from worker.core.db import notify
from worker.core.queue.jobs import VerifyRun
from worker.runtime.connector import Wakes


async def test_a_job_wakes_whoever_hears_its_queue_and_so_does_a_new_connection(url: str) -> None:
    wakes = Wakes()
    async with resources(url) as found:
        with wakes.hear(get_channel_for_queues([VerifyRun.QUEUE])) as jobs, wakes.hear([]) as nothing:
            listening = asyncio.create_task(notify.listen(found.db, wakes.handlers, application="test"))
            try:
                async with asyncio.timeout(10):
                    # Something may have come before it listened.
                    assert json.loads((await jobs.get())[1])["type"] == "job_inserted"
                    run_id = await new_run(found)
                    heard = json.loads((await jobs.get())[1])
                assert heard["type"] == "job_inserted"
                assert heard["job_id"] > 0, run_id
                assert nothing.empty()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        # Who has gone hears nothing more.
        wakes.handlers[next(iter(wakes.handlers))]("")
        assert jobs.empty()
