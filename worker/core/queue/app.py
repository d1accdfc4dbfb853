"""The procrastinate app that producers and workers share. It imports no task: a producer knows a job by name.

Without `import_paths` and without an open connector it costs the api nothing; the worker gives it a connector
of its own and the tasks that worker.tasks calls up.
"""

from typing import Any

import procrastinate
import psycopg

from worker.core.db.database import Lines, connect_args, libpq_url

app = procrastinate.App(connector=procrastinate.PsycopgConnector())


def connector(
    url: str, *, application: str, pool_size: int, lines: Lines | None = None
) -> procrastinate.PsycopgConnector:
    """A connector with a pool of its own, whose connections are among `lines`. Statements are short here, so a lost
    one is noticed early."""

    async def register(connection: psycopg.AsyncConnection[Any]) -> None:
        if lines is not None:
            lines.add(connection)

    kwargs: dict[str, Any] = connect_args(application, statement_timeout=15)
    return procrastinate.PsycopgConnector(
        conninfo=libpq_url(url), min_size=1, max_size=pool_size, timeout=10, kwargs=kwargs, configure=register
    )
