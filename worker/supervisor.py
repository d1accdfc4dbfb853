"""Keep a procrastinate worker alive for as long as this process lives, and end it well.

procrastinate delivers well and survives badly: a worker that lost its connections may stay and do nothing.
So it is watched from outside, through the heartbeat it should write, and rebuilt with a new pool and a new
listener whenever it ends, goes silent or was pruned. Runs that are at work when that happens go on: they hold
leases of their own, and a retired worker only waits for them.
"""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from procrastinate import App
from procrastinate.worker import Worker
from sqlalchemy import text

from worker import upkeep
from worker.analytics import chores as analytics
from worker.core.backoff import full_jitter
from worker.core.db import notify
from worker.core.db.database import is_unavailable
from worker.core.queue import app as queue
from worker.core.runs import lifecycle
from worker.core.telemetry import logs
from worker.github import chores as github
from worker.health import Vitals
from worker.reaper import reap_forever
from worker.remediation import chores as remediation
from worker.runtime.connector import Wakes, connector
from worker.runtime.periodic import do_forever
from worker.runtime.resources import Resources

log = logs.get(__name__)

_HEARTBEAT_SECONDS = 5.0
_SILENT_SECONDS = 20.0
_PROBE_SECONDS = 5.0
_TROUBLED_PROBE_SECONDS = 1.0
_POLL_SECONDS = 2.0
# It fetches, ends and counts jobs one statement at a time.
_QUEUE_CONNECTIONS = 3
_BACKOFF_CAP_SECONDS = 4.0
# After the drain every run hands itself back; this long the process waits for that.
HAND_BACK_SECONDS = 10.0


@dataclass(eq=False)
class _Service:
    """One procrastinate worker with its own pool, and the task it runs in."""

    app: App
    worker: Worker
    queues: frozenset[str]
    stopped: bool = False
    task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        async with self.app.open_async():
            # `run` forgets an earlier `stop`: one that came while the pool was opening must count all the same.
            if not self.stopped:
                await self.worker.run()

    def stop(self) -> None:
        """Fetch nothing more; what is at work goes on."""
        self.stopped = True
        self.worker.stop()


@dataclass
class Supervisor:
    """`queues` are those to serve; `stop` may be called from a signal handler, twice to be brief."""

    resources: Resources
    queues: Sequence[str]
    vitals: Vitals = field(default_factory=Vitals)
    _wakes: Wakes = field(default_factory=Wakes)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _retired: set[_Service] = field(default_factory=set)
    _paused: frozenset[str] = frozenset()

    def stop(self) -> None:
        """Stop fetching and drain; asked again, hand everything back at once."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped; returns when every run has ended or was handed back."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        db, settings = self.resources.db, self.resources.settings
        handlers = {lifecycle.CONTROL_CHANNEL: self.resources.controls.poke, **self._wakes.handlers}
        side = [
            asyncio.create_task(reap_forever(self.resources)),
            *(
                asyncio.create_task(do_forever(kind, chores, self.resources))
                for kind, chores in {**upkeep.CHORES, **remediation.CHORES, **github.chores(settings)}.items()
            ),
            *(
                asyncio.create_task(do_forever(kind, chores, self.resources, look=min(5.0, settings.rollup_seconds)))
                for kind, chores in analytics.chores(settings).items()
            ),
            asyncio.create_task(notify.listen(db, handlers, application="invariant-worker-wakes")),
        ]
        try:
            await self._serve_forever()
        finally:
            for task in side:
                task.cancel()
            await asyncio.gather(*side, return_exceptions=True)

    async def _serve_forever(self) -> None:
        failures = 0
        service: _Service | None = None
        while not self._stopping.is_set():
            # Before anything is fetched.
            await self._look_at_pauses(None)
            service = self._start()
            log.info("worker serving", queues=list(self.queues), concurrency=self.resources.settings.worker_concurrency)
            began = asyncio.get_running_loop().time()
            reason = await self._watch(service)
            if self._stopping.is_set():
                break
            self._retire(service)
            self.vitals.problem = reason
            self.vitals.rebuilds.inc()
            failures = 1 if asyncio.get_running_loop().time() - began > 60 else failures + 1
            delay = full_jitter(failures, base=0.5, cap=_BACKOFF_CAP_SECONDS, floor=0.1)
            log.warning("worker rebuilt", reason=reason, retry_seconds=round(delay, 2))
            await self._sleep(delay)
        await self._drain(service)

    def _start(self) -> _Service:
        settings = self.resources.settings
        queue_connector = connector(
            self.resources.db, application="invariant-worker-queue", pool_size=_QUEUE_CONNECTIONS, wakes=self._wakes
        )
        app = queue.app.with_connector(queue_connector)
        queues = self._served()
        worker = Worker(
            app=app,
            queues=queues,
            name=self.resources.holder,
            concurrency=settings.worker_concurrency,
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            stalled_worker_timeout=60,
            delete_jobs="successful",
            additional_context={"resources": self.resources},
            install_signal_handlers=False,
        )

        return _Service(app, worker, frozenset(queues))

    def _served(self) -> list[str]:
        return [name for name in self.queues if name not in self._paused]

    async def _look_at_pauses(self, service: _Service | None) -> None:
        """Have `service` fetch from what is not paused; without news from the database it stays as it is."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS), self.resources.db.transaction() as session:
                paused = frozenset(await session.scalars(text("SELECT queue FROM queue_pauses")))
        except Exception as error:
            if not (is_unavailable(error) or isinstance(error, TimeoutError)):
                log.exception("the pauses cannot be read")
            return
        if paused != self._paused:
            self._paused = paused
            if service is not None:
                service.worker.queues = self._served()
            log.info("queues served", queues=self._served())

    def _retire(self, service: _Service) -> None:
        """Stop it, and keep it until what it has at work has ended."""
        service.stop()
        self._retired.add(service)

        def forget(task: asyncio.Task[None]) -> None:
            self._retired.discard(service)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.info("retired worker ended", error=_first_line(error))

        service.task.add_done_callback(forget)

    async def _watch(self, service: _Service) -> str:
        """Wait until the worker ends, goes silent or is not known any more; returns which."""
        heard = asyncio.get_running_loop().time()
        while not self._stopping.is_set():
            await self._look_at_pauses(service)
            if not service.queues.issuperset(self._served()):
                # It listens to the queues it began with.
                return "a queue was resumed"
            stopping = asyncio.create_task(self._stopping.wait())
            patience = _PROBE_SECONDS if self.vitals.problem is None else _TROUBLED_PROBE_SECONDS
            await asyncio.wait({service.task, stopping}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if service.task.done():
                error = None if service.task.cancelled() else service.task.exception()
                return f"it ended: {_first_line(error)}" if error else "it ended by itself"
            now = asyncio.get_running_loop().time()
            answer = await self._heartbeat_age(service.worker.worker_id)
            if answer == "gone":
                return "it was pruned"
            if answer == "unknown":
                self.vitals.problem = "the database does not answer"
            elif isinstance(answer, float) and answer < _SILENT_SECONDS:
                self.vitals.problem = None
                heard = now
            elif now - heard > _SILENT_SECONDS:
                return f"it was silent for {now - heard:.0f} s"
        return "stopping"

    async def _heartbeat_age(self, worker_id: int | None) -> float | str:
        """Seconds since the worker's last heartbeat; "gone" without a row, "unknown" when nobody can tell."""
        if worker_id is None:
            return "never"
        try:
            async with asyncio.timeout(_PROBE_SECONDS), self.resources.db.transaction() as session:
                age = await session.scalar(
                    text(
                        "SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::float8"
                        " FROM procrastinate_workers WHERE id = :id"
                    ),
                    {"id": worker_id},
                )
        except Exception as error:
            if not (is_unavailable(error) or isinstance(error, TimeoutError)):
                log.exception("the watchdog cannot look")
            return "unknown"
        return "gone" if age is None else float(age)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout=seconds)
        except TimeoutError:
            return

    async def _drain(self, service: _Service | None) -> None:
        """Let running work end within CVA_DRAIN_SECONDS, then have it hand itself back."""
        controls, settings = self.resources.controls, self.resources.settings
        controls.close()
        if service is not None:
            self._retire(service)
        self.vitals.problem = "it drains"
        log.info("worker draining", holding=controls.holding, drain_seconds=settings.drain_seconds)
        hurry: asyncio.Future[Any] = asyncio.create_task(self._hurry.wait())
        waiting: asyncio.Future[Any] = asyncio.gather(
            *(retired.task for retired in self._retired), return_exceptions=True
        )
        await asyncio.wait({hurry, waiting}, timeout=settings.drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not waiting.done():
            controls.drain()
            await asyncio.wait({waiting}, timeout=HAND_BACK_SECONDS)
        for retired in self._retired:
            retired.task.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        log.info("worker stopped", still_holding=controls.holding)


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}"
