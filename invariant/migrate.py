"""`invariant migrate`: bring the schema to the newest revision, and say how that went."""

import argparse
import sys

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from worker.core import settings
from worker.core.db import embedded, migrate
from worker.core.telemetry import logs


def command(_: argparse.Namespace) -> int:
    """0 when the schema is at head, 1 otherwise."""
    try:
        config = settings.load()
        logs.configure(config, service="migrate")
        migrate.upgrade(embedded.direct_url(config))
    except (RuntimeError, psycopg.Error, SQLAlchemyError) as error:
        sys.stderr.write(f"{type(error).__name__}: {str(error).strip()}\n")
        return 1
    return 0
