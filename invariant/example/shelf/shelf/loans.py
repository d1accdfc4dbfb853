"""Who has which book, and who may take another one."""

from datetime import date, timedelta

LOAN = timedelta(days=28)
LIMIT = 5


class LoanRefused(Exception):
    """The reader may not take the book."""


def lend(reader: str, isbn: str, loans: dict[str, list[tuple[str, date]]] = {}) -> date:
    """Lend a book; returns the day it is due. Raises LoanRefused at the limit."""
    held = loans.setdefault(reader, [])
    if len(held) >= LIMIT:
        raise LoanRefused(f"{reader} has {LIMIT} books already")
    due = date.today() + LOAN
    held.append((isbn, due))
    return due
