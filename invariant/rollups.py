"""`invariant rollups rebuild`: make the analytics from the runs again. `invariant rollups verify` does the same, and
exits with 1 when anything was not as the runs say."""

import argparse
import asyncio
import sys

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from worker.analytics import sweep
from worker.analytics.sweep import Swept
from worker.core import settings
from worker.core.db import embedded
from worker.core.db.database import Database
from worker.core.telemetry import logs

_AT_ONCE = 2
WRONG = 1
FAILED = 3


def command(arguments: argparse.Namespace) -> int:
    """0 when everything is as the runs say; for `verify`, 1 when something was not and was mended; 3 on an error."""
    try:
        config = settings.load()
        logs.configure(config, service="rollups")
        swept = asyncio.run(_sweep(embedded.direct_url(config)))
    except (RuntimeError, psycopg.Error, SQLAlchemyError) as error:
        sys.stderr.write(f"{type(error).__name__}: {str(error).strip()}\n")
        return FAILED
    print(f"{swept.runs} runs measured, {swept.weeks} weeks computed, {swept.mended} rows were otherwise")
    return WRONG if arguments.what == "verify" and swept.mended else 0


async def _sweep(url: str) -> Swept:
    db = Database(url, application="invariant-rollups", pool_size=_AT_ONCE + 1)
    try:
        return await sweep.sweep(db, at_once=_AT_ONCE, tell=_tell)
    finally:
        await db.dispose()


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
