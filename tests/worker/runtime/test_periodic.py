"""Periodic tasks and whose turn they are."""

import asyncio

from sqlalchemy import text

from tests.support.app import resources
from worker.runtime.periodic import has_turn


async def test_of_all_workers_that_ask_in_a_while_one_has_the_turn(url: str) -> None:
    async with resources(url) as found, resources(url) as other:
        for _ in range(3):
            asked = await asyncio.gather(
                *(has_turn(db, "a", every=60) for db in (found.db, other.db) for _ in range(10)),
            )
            assert asked.count(True) == 1
            assert await has_turn(other.db, "b", every=0)
            async with found.db.transaction() as session:
                await session.execute(text("UPDATE periodic_turns SET due_at = now() - interval '1 s'"))


async def test_who_asks_too_early_writes_nothing(url: str) -> None:
    async with resources(url) as found:
        assert await has_turn(found.db, "a", every=60)
        state = text("SELECT xmin::text, xmax::text, ctid::text FROM periodic_turns")
        async with found.db.transaction() as session:
            before = (await session.execute(state)).one()
        assert not await has_turn(found.db, "a", every=60)
        async with found.db.transaction() as session:
            assert (await session.execute(state)).one() == before
