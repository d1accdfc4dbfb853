"""Indexes that a revision builds while everything else goes on."""

from collections.abc import Mapping

from sqlalchemy import Connection, text


def build(connection: Connection, definitions: Mapping[str, str]) -> None:
    """Create what is missing, outside of a transaction. A definition is what follows CREATE, with `{}` for the name.

    One that was broken off leaves an index that is there and not valid: it is made anew.
    https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
    """
    whole = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    for name, definition in definitions.items():
        valid = connection.execute(whole, {"name": name}).scalar()
        if valid is False:
            connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
        if not valid:
            connection.execute(text(f"CREATE {definition.format(name)}"))
