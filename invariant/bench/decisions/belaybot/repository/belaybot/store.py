"""What the bot remembers. All SQL is here."""

import pickle
from pathlib import Path

import aiosqlite

SCHEMA = """
CREATE TABLE IF NOT EXISTS partners (user INTEGER, place TEXT, evening TEXT);
CREATE TABLE IF NOT EXISTS reminders (user INTEGER, place TEXT, at REAL);
"""


class Store:
    def __init__(self, path: str) -> None:
        self.path = path

    async def open(self) -> None:
        async with aiosqlite.connect(self.path) as db:
            await db.executescript(SCHEMA)

    async def looking(self, user: int, place: str, evening: str) -> list[int]:
        """Remember that somebody looks for a partner, and answer who else does."""
        async with aiosqlite.connect(self.path) as db:
            rows = await db.execute_fetchall(
                "SELECT user FROM partners WHERE place = ? AND evening = ? AND user <> ?",
                (place, evening, user),
            )
            await db.execute("INSERT INTO partners VALUES (?, ?, ?)", (user, place, evening))
            await db.commit()
        return [row[0] for row in rows]

    async def due(self, now: float) -> list[tuple[int, str]]:
        async with aiosqlite.connect(self.path) as db:
            rows = await db.execute_fetchall(
                "SELECT user, place FROM reminders WHERE at <= ?", (now,)
            )
        return [(row[0], row[1]) for row in rows]

    async def forget(self, user: int) -> None:
        async with aiosqlite.connect(self.path) as db:
            await db.execute("DELETE FROM partners WHERE user = ?", (user,))
            await db.commit()


def load_cache(path: Path) -> dict[str, str]:
    """Read the cache of places that a former process left behind."""
    return pickle.loads(path.read_bytes()) if path.exists() else {}
