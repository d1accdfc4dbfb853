"""A network that swallows everything and closes nothing: who waits on a dead connection is freed."""

import asyncio

import pytest
from sqlalchemy import make_url, text

from invariant.chaos import proxy
from invariant.postgres import Server
from worker.core.db import notify
from worker.core.db.database import Database, is_unavailable


async def test_a_silent_database_is_noticed_and_its_connections_are_cut(
    url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_SIGN_OF_LIFE_SECONDS", 0.3)
    with proxy.running(server.folder / ".s.PGSQL.5432") as network:
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        through = make_url(url).set(host="127.0.0.1", port=network.port, query=plain)
        db = Database(through.render_as_string(hide_password=False), application="test")
        looked = asyncio.Event()
        listening = asyncio.create_task(notify.listen(db, {"test": lambda _: looked.set()}, application="test"))
        async with asyncio.timeout(30):
            await looked.wait()
            looked.clear()
            async with db.single_statement() as connection:
                network.cut()
                with pytest.raises(Exception, match=r".") as stopped:
                    await connection.execute(text("SELECT 1"))
            assert is_unavailable(stopped.value)
            network.restore()
            await looked.wait()
            async with db.single_statement() as connection:
                assert await connection.scalar(text("SELECT 1")) == 1
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await db.dispose()
