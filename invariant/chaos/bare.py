"""`python -m invariant.chaos.bare URL SECONDS`: procrastinate's own worker with a task that takes its time and notes
that it was done. What the product is compared with."""

import asyncio
import contextlib
import sys

import procrastinate
import psycopg

from worker.core.db.database import libpq_url

QUEUE = "bare"
TASK = "chaos.bare"
CONCURRENCY = 4
DONE = "CREATE TABLE bare_done (job_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())"


async def serve(url: str, seconds: float) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=libpq_url(url)))

    @app.task(name=TASK, queue=QUEUE, pass_context=True)
    async def work(context: procrastinate.JobContext) -> None:
        await asyncio.sleep(seconds)
        async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as connection:
            await connection.execute("INSERT INTO bare_done (job_id) VALUES (%s)", (context.job.id,))

    async with app.open_async():
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        await app.run_worker_async(queues=[QUEUE], concurrency=CONCURRENCY)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
