"""Alembic's entry point. worker.core.db.migrate hands over a connection and the lock that goes with it."""

from typing import Any

from sqlalchemy.sql.schema import SchemaItem

from alembic import context
from worker.core.models import Base

VERSION_TABLE = "schema_migrations"


def include_object(item: SchemaItem, name: str | None, kind: str, reflected: bool, _: Any) -> bool:
    """procrastinate owns its tables; `alembic check` looks at ours."""
    return not (kind == "table" and reflected and (name or "").startswith("procrastinate_"))


def run() -> None:
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "version_table": VERSION_TABLE,
        "include_object": include_object,
        "transaction_per_migration": True,
        "compare_server_default": False,
    }
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    connection = context.config.attributes.get("connection")
    if connection is None:
        from worker.core import settings
        from worker.core.db import embedded, migrate

        with migrate.locked_connection(embedded.direct_url(settings.load())) as connection:
            context.configure(connection=connection, **options)
            with context.begin_transaction():
                context.run_migrations()
        return
    context.configure(connection=connection, **options)
    with context.begin_transaction():
        context.run_migrations()


run()
