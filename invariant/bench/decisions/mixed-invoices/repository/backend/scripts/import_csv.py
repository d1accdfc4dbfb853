"""Imports invoices from the CSV of another program: python -m scripts.import_csv FILE."""

import csv
import os
import sys

import psycopg

from app.store import Store


def main() -> int:
    """Imports a file."""
    store = Store(psycopg.connect(os.environ["DATABASE_URL"]))
    count = 0
    with open(sys.argv[1], newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                store.add(row["customer"], [{"price": row["amount"], "count": 1}])
                count += 1
            except Exception as error:
                print(f"line {count + 1}: {error}", file=sys.stderr)
    print(f"{count} invoices")
    return 0


if __name__ == "__main__":
    sys.exit(main())
