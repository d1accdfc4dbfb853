"""The worker process: configure, bring the schema to head or wait for it, supervise."""

import asyncio
import contextlib
import gc
import os
import socket
import sys
import threading

import uvloop
from sqlalchemy import text

from worker import health, isolated, tasks
from worker.core import private, settings
from worker.core.backoff import spread
from worker.core.db import embedded, migrate
from worker.core.db.database import Database, is_unavailable
from worker.core.queue import jobs
from worker.core.settings import Settings
from worker.core.telemetry import logs, tracing
from worker.core.version import VERSION
from worker.github import cloning
from worker.health import Vitals
from worker.isolation import proof
from worker.isolation.contained import Isolation
from worker.isolation.errors import ContainmentFailed
from worker.llm import client, providers
from worker.runtime.resources import Resources
from worker.sources import take
from worker.supervisor import HAND_BACK_SECONDS, Supervisor

log = logs.get("worker")

# Runs wait for models and for contained processes, hardly ever for the database: a few connections serve many.
_CONNECTIONS = 5
# Hundreds of calls of models may ask at once: each waits its turn, and no run is given up for it. Of a database that is
# gone the connections themselves tell, within seconds.
_PATIENCE_SECONDS = 120.0


def check_grace(config: Settings) -> None:
    """Where the platform tells how long it waits after SIGTERM, the drain must fit into it. Raises RuntimeError."""
    if config.platform_grace is None:
        return
    needed = config.drain_seconds + HAND_BACK_SECONDS
    if config.platform_grace < needed:
        raise RuntimeError(
            f"The platform ends a worker {config.platform_grace:g} s after SIGTERM "
            f"(RAILWAY_DEPLOYMENT_DRAINING_SECONDS), which is less than CVA_DRAIN_SECONDS and {HAND_BACK_SECONDS:g} s "
            f"to hand runs back: set it to {needed:g} or more, or lower CVA_DRAIN_SECONDS."
        )


def check_providers(config: Settings) -> None:
    """In production a worker without a provider would only ever abstain: refuse. Raises RuntimeError."""
    if config.deployed and not config.has_provider:
        names = ", ".join(config.provider_variables)
        raise RuntimeError(f"Production needs an LLM provider: set at least one of {names}.")


async def wait_for_schema(db: Database) -> None:
    """Until the database answers and is at a revision that this code runs on, which another service may be applying."""
    told = None
    while True:
        try:
            async with db.transaction() as session:
                known = await session.scalar(text("SELECT to_regclass('schema_migrations') IS NOT NULL"))
                at = await session.scalar(text("SELECT version_num FROM schema_migrations")) if known else None
            if migrate.serves(at):
                return
            problem = f"the database is {migrate.missing(at)}"
        except Exception as error:
            if not is_unavailable(error):
                raise
            problem = "the database does not answer"
        if problem != told:
            log.warning("worker waits", reason=problem)
            told = problem
        await asyncio.sleep(spread(1.0, 0.5))


async def check_pooler(db: Database) -> None:
    """Say so when statements may take for ever: through a pooler, the limits of connections are the pooler's."""
    async with db.single_statement() as connection:
        limit = await connection.scalar(text("SHOW statement_timeout"))
    if limit == "0":
        log.warning("the pooler sets no limits", advice="Give it the connect_query of docs/operations.md.")


async def serve(config: Settings, url: str, vitals: Vitals) -> None:
    assert tasks.__all__
    db = Database(
        url,
        application="invariant-worker",
        pool_size=_CONNECTIONS,
        direct_url=config.direct_database_url,
        patience=_PATIENCE_SECONDS,
    )
    holder = f"{socket.gethostname()}-{os.getpid()}"
    isolation = isolated.isolation()
    resources = Resources(settings=config, db=db, holder=holder, isolation=isolation, tokens=cloning.tokens(config))
    beating = asyncio.create_task(_beat(vitals, resources))
    try:
        # It loads what runs need while the schema is waited for.
        proving = asyncio.create_task(_prove(isolation, config, vitals))
        await wait_for_schema(db)
        if db.is_pooled:
            await check_pooler(db)
        await proving
        removed = await asyncio.to_thread(take.sweep, config)
        if removed:
            log.info("old work folders removed", count=removed)
        if config.has_provider:
            # Seconds of import that the first run need not wait for; whoever wants it meanwhile waits on its lock.
            threading.Thread(target=client.load, name="load-litellm", daemon=True).start()
        await Supervisor(resources, jobs.QUEUES, vitals).run()
    finally:
        beating.cancel()
        isolation.close()
        await db.dispose()


async def _prove(isolation: Isolation, config: Settings, vitals: Vitals) -> None:
    """Say which walls stand around what reads repositories."""
    try:
        standing = await proof.prove(isolation, config.snapshots_dir)
    except ContainmentFailed as error:
        vitals.containment = {"problem": str(error)}
        log.error("repositories cannot be contained", error=str(error))
        return
    vitals.containment = {"layers": list(standing.layers), "missing": list(standing.missing)}
    log.info("containment proven", layers=list(standing.layers), missing=list(standing.missing))


async def _beat(vitals: Vitals, resources: Resources) -> None:
    """From the first moment on: who waits for the schema is alive."""
    while True:
        vitals.beat()
        vitals.holding.set(resources.controls.holding)
        await asyncio.sleep(1)


def main() -> int:
    private.keep_private()
    try:
        config = settings.load()
        logs.configure(config, service="worker")
        tracing.configure("worker")
        check_grace(config)
        check_providers(config)
        providers.check(config)
        url = embedded.database_url(config)
    except RuntimeError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    log.info("CVA worker starting up", version=VERSION, pid=os.getpid())
    migrate.at_start(embedded.direct_url(config), apply=config.apply_migrations)
    # What was loaded so far stays; the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    vitals = Vitals()
    with contextlib.ExitStack() as on:
        try:
            on.enter_context(health.served(vitals, config.worker_port))
        except OSError as error:
            sys.stderr.write(
                f"Cannot listen on port {config.worker_port}: {error}. Set CVA_WORKER_PORT to a free one.\n"
            )
            return 1
        runner = on.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        runner.run(serve(config, url, vitals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
