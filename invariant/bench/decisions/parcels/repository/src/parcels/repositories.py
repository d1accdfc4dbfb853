"""All SQL of the service."""

from typing import Any

from parcels.db import connection

SORTABLE = {"created": "created_at", "code": "code"}


def shipment_by_code(code: str) -> dict[str, Any] | None:
    with connection() as conn:
        row = conn.execute(
            "SELECT code, carrier, state, created_at "
            "FROM shipments "
            "WHERE code = %s AND deleted_at IS NULL",
            (code,),
        ).fetchone()
    return None if row is None else dict(zip(("code", "carrier", "state", "created_at"), row))


def list_shipments(customer: str, sort: str, limit: int) -> list[tuple[Any, ...]]:
    column = SORTABLE.get(sort, sort)
    query = f"SELECT code, state FROM shipments WHERE customer = %s ORDER BY {column} LIMIT %s"
    with connection() as conn:
        return conn.execute(query, (customer, limit)).fetchall()


def insert_shipment(code: str, carrier: str, customer: str, pin: str) -> None:
    statement = (
        "INSERT INTO shipments (code, carrier, customer, pin_hash) "
        "VALUES (%(code)s, %(carrier)s, %(customer)s, %(pin)s)"
    )
    with connection() as conn:
        conn.execute(
            statement,
            {"code": code, "carrier": carrier, "customer": customer, "pin": pin},
        )


def purge_events(table: str, days: int) -> int:
    with connection() as conn:
        cursor = conn.execute(
            "DELETE FROM %s WHERE happened_at < now() - interval '%d days'" % (table, days)
        )
    return cursor.rowcount
