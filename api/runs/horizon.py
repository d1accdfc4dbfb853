"""Up to which transaction everything of this database has been committed or given up.

PostgreSQL's own horizon (`pg_snapshot_xmin`) is that of the whole cluster: a transaction in somebody else's database,
open for hours, holds it back. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
"""

from sqlalchemy import text

from worker.core.db.database import Database

_BEGUN = text(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,"
    " pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled"
)
# A transaction's number is told in its lower 32 bits, and one that began later is ahead; that of another role's is told
# only to who may read all statistics.
_OPEN = text(
    """
    WITH told AS (
        SELECT backend_xid::text::bigint AS xid, query = '<insufficient privilege>' AS hidden
        FROM pg_stat_activity WHERE datname = current_database()
        UNION ALL
        SELECT transaction::text::bigint, false FROM pg_prepared_xacts WHERE database = current_database()
    )
    SELECT bool_or(hidden) AS hidden,
        min(CAST(:next AS bigint) - behind) FILTER (WHERE behind < 2147483648) AS oldest
    FROM told, LATERAL (SELECT (CAST(:next AS bigint) - xid) & 4294967295 AS behind) AS distance
    """
)


async def settled(db: Database) -> int:
    """Every transaction of this database with a lesser number has ended, and what it wrote is there to be read.

    What is open is asked for after what has begun, each in a statement of its own: a transaction that ends in between
    is seen by whoever reads next.
    """
    async with db.single_statement() as connection:
        begun = (await connection.execute(_BEGUN)).one()
        open_ = (await connection.execute(_OPEN, {"next": begun.next})).one()
    if open_.hidden:
        return int(begun.settled)
    return int(begun.next if open_.oldest is None else min(begun.next, open_.oldest))
