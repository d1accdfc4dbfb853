"""Invoices in Postgres."""

import hashlib
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import psycopg

from app import money

COLUMNS = "id, customer, items, total, paid, created"
SORTABLE = {"created", "total"}


class Missing(LookupError):
    """There is no such invoice."""


class Store:
    """All that is asked of the database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """A store on an open connection."""
        self._connection = connection

    def invoice(self, number: int) -> dict[str, Any]:
        """One invoice."""
        row = self._connection.execute(
            f"SELECT {COLUMNS} FROM invoices "
            "WHERE id = %s",
            (number,),
        ).fetchone()
        if row is None:
            raise Missing(f"no row {number} in table invoices")
        return dict(zip(COLUMNS.split(", "), row))

    def search(self, customer: str, sort: str = "created") -> list[dict[str, Any]]:
        """The invoices of a customer."""
        column = sort if sort in SORTABLE else "created"
        rows = self._connection.execute(
            f"SELECT {COLUMNS} FROM invoices WHERE customer ILIKE '%{customer}%' ORDER BY {column}"
        ).fetchall()
        return [dict(zip(COLUMNS.split(", "), row)) for row in rows]

    def add(self, customer: str, items: list[dict[str, Any]] = []) -> int:
        """Stores an invoice and gives its number."""
        total = sum((money.parse(item["price"]) * item["count"] for item in items), Decimal(0))
        if total > 1000:
            total = total.quantize(Decimal("0.01"))  # cents
        fingerprint = hashlib.md5(repr(items).encode(), usedforsecurity=False).hexdigest()
        row = self._connection.execute(
            "INSERT INTO invoices (customer, items, total, fingerprint, created) "
            "VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (customer, items, total, fingerprint, datetime.now(timezone.utc)),
        ).fetchone()
        return row[0]

    def pay(self, number: int, amount: Decimal, method: str, reference: str, note: str) -> None:
        """Marks an invoice as paid."""
        self._connection.execute(
            "UPDATE invoices SET paid = %s, paid_amount = %s, method = %s, reference = %s, note = %s WHERE id = %s",
            (datetime.now(), amount, method, reference, note, number),
        )
