"""A worker process that does nothing but claim and finish runs, as many at once as it is told.

    python -m invariant.bench.claimer URL TASKS SECONDS REPO_LIMIT

It writes a line when it is ready, and begins when one comes on standard input. At the end it says in JSON how long each
claim took, in seconds, and how often there was nothing to claim. What happened while the connections were opened does
not count.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field

import uvloop

from worker.core.db.database import Database
from worker.core.ids import new_id
from worker.core.runs import lifecycle
from worker.core.vocabulary import RunStatus
from worker.runtime.dispatch import Dispatch

WARM_SECONDS = 4.0
_LEASE_SECONDS = 60.0


@dataclass
class _Claimer:
    db: Database
    dispatch: Dispatch
    warm: float
    deadline: float
    seconds: list[float] = field(default_factory=list)
    nothing: int = 0

    async def work(self) -> None:
        while (began := time.monotonic()) < self.deadline:
            claim = await self.dispatch.claim_next(new_id())
            if claim is None:
                self.nothing += 1
                await asyncio.sleep(0.05)
                continue
            if began >= self.warm:
                self.seconds.append(time.monotonic() - began)
            async with self.db.single_statement() as connection:
                await lifecycle.finish(connection, claim, status=RunStatus.CANCELLED)


async def _main(url: str, tasks: int, seconds: float, repo_limit: int) -> dict[str, object]:
    db = Database(url, application="invariant-bench-claimer", pool_size=tasks)
    dispatch = Dispatch(db, holder=f"bench-{os.getpid()}", lease=_LEASE_SECONDS, repo_limit=repo_limit)
    warm = time.monotonic() + WARM_SECONDS
    claimer = _Claimer(db, dispatch, warm, warm + seconds)
    await asyncio.gather(*(claimer.work() for _ in range(tasks)))
    await db.dispose()
    return {"seconds": claimer.seconds, "nothing": claimer.nothing}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    # As the worker's own process does.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    _, _url, _tasks, _seconds, _repo_limit = sys.argv
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(_main(_url, int(_tasks), float(_seconds), int(_repo_limit)))))
