"""How long a question waits for one of a process's connections."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from worker.core.db.database import Database, is_unavailable


async def test_question_waits_for_a_busy_connection_as_long_as_its_process_has_patience(url: str) -> None:
    """Many at once are no outage: nobody's run is given up because others asked first."""
    for patience, waits in ((0.2, False), (20.0, True)):
        db = Database(url, application="invariant-tests", pool_size=1, patience=patience)
        try:
            async with db.single_statement() as connection:
                await connection.execute(text("SELECT 1"))
                asking = asyncio.create_task(_ask(db))
                done, _ = await asyncio.wait({asking}, timeout=0.6)
                assert bool(done) is not waits
            if waits:
                assert await asyncio.wait_for(asking, 10) == 1
            else:
                with pytest.raises(PoolTimeout) as failed:
                    await asking
                assert is_unavailable(failed.value)
        finally:
            await db.dispose()


async def _ask(db: Database) -> int:
    async with db.single_statement() as connection:
        found: int = (await connection.execute(text("SELECT 1"))).scalar_one()
        return found
