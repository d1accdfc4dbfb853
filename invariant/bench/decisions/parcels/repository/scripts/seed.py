"""Fill a development database with shipments."""

import os
import random

import psycopg

STATES = ["announced", "in_transit", "delivered"]


def main() -> None:
    dsn = os.environ.get("PARCELS_DATABASE_URL", "postgresql://localhost/parcels_dev")
    with psycopg.connect(dsn) as conn:
        for number in range(200):
            conn.execute(
                "INSERT INTO shipments (code, carrier, state) VALUES (%s, %s, %s)",
                (f"DEV{number:05d}", "northpost", random.choice(STATES)),
            )
    print("200 shipments")


if __name__ == "__main__":
    main()
