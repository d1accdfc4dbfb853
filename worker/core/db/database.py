"""The engine, the sessions, and the one way to open a transaction."""

import asyncio
import contextlib
import os
import socket
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from worker.core.db.turns import Turns

_IDLE_SECONDS = 2.0
# Of the connections, one asker may have a fifth at once.
_SHARE = 5
_VITAL = 2

# A connection that Postgres, a proxy or the network dropped is noticed within half a minute.
KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def libpq_url(url: str) -> str:
    """`url` as libpq reads it: without SQLAlchemy's driver name, `postgres://` spelled out."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    return parsed.set(drivername="postgresql").render_as_string(hide_password=False)


def connect_args(
    application: str, *, statement_timeout: float = 30.0, lock_timeout: float = 10.0, pooled: bool = False
) -> dict[str, Any]:
    """Keywords of every connection; times in seconds.

    `pooled`: to a pooler in transaction mode, such as PgBouncer. There each transaction may be on another connection,
    which has no statements prepared, and whose limits are the pooler's (docs/operations.md).
    """
    if pooled:
        return {"connect_timeout": 5, "application_name": application, "prepare_threshold": None, **KEEPALIVES}
    limits = {"statement_timeout": statement_timeout, "lock_timeout": lock_timeout}
    options = [*(f"-c {name}={round(seconds * 1000)}" for name, seconds in limits.items()), "-c timezone=UTC"]
    options.append("-c idle_in_transaction_session_timeout=60000")
    return {
        "connect_timeout": 5,
        "application_name": application,
        "options": " ".join(options),
        **KEEPALIVES,
    }


def _ping_after_idling(engine: AsyncEngine) -> None:
    """Ask a connection that lay idle for a sign of life before it is used, and replace it without one.

    Asking every time (`pool_pre_ping`) would be a round trip more for every transaction.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error:
            raise DisconnectionError from None


class Lines:
    """The connections of a process, so that all of them can be cut when one has been found dead without a word.

    A half-open connection says nothing and ends nothing: whoever waits on it waits for ever, and so does a
    cancellation, for which psycopg waits on the same connection. Cut, it is an error like any other loss.
    """

    def __init__(self) -> None:
        self._open: weakref.WeakSet[psycopg.AsyncConnection[Any]] = weakref.WeakSet()

    def add(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._open.add(connection)

    def cut(self) -> None:
        """Shut the sockets down; those who wait on them get an OperationalError."""
        for connection in list(self._open):
            if not connection.closed:
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)


class Stopwatch:
    """Counts the seconds that a connection's statements take, from the question to the answer."""

    def __init__(self, connection: Connection) -> None:
        self.seconds = 0.0
        self._began = 0.0
        event.listen(connection, "before_cursor_execute", self._start)
        event.listen(connection, "after_cursor_execute", self._stop)

    def _start(self, *_: object) -> None:
        self._began = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


class Database:
    """An engine and its sessions. One per process.

    `direct_url` is the database itself where `url` is a pooler in transaction mode: one cannot listen through it.
    `patience` is how long (seconds) a question waits for one of the process's connections before the database counts as
    unavailable.
    """

    def __init__(
        self,
        url: str,
        *,
        application: str,
        pool_size: int = 10,
        direct_url: str | None = None,
        patience: float = 10.0,
    ) -> None:
        self.url = libpq_url(url)
        self.direct_url = self.url if direct_url is None else libpq_url(direct_url)
        self.is_pooled = direct_url is not None
        self.application = application
        self.lines = Lines()
        self._turns = Turns(max(1, pool_size // _SHARE))
        pool = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": patience, "pool_use_lifo": True}
        address = make_url(self.url).set(drivername="postgresql+psycopg")
        self.engine: AsyncEngine = create_async_engine(
            address, connect_args=connect_args(application, pooled=self.is_pooled), **pool
        )
        _ping_after_idling(self.engine)
        self._register(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        # A pool of its own: a connection need not be told, at every turn, which kind it is.
        self._autocommit: AsyncEngine = create_async_engine(
            address,
            connect_args=connect_args(application, pooled=self.is_pooled),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            **pool,
        )
        # Leases are renewed however many questions wait for a connection. Opened when the first one is.
        self._vital: AsyncEngine = create_async_engine(
            address,
            # One whose row is held, by its own run's end for instance, is soon asked again; the others go first.
            connect_args=connect_args(application, lock_timeout=1.0, pooled=self.is_pooled),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            **{**pool, "pool_size": _VITAL},
        )
        for engine in (self._autocommit, self._vital):
            _ping_after_idling(engine)
            self._register(engine)

    def _register(self, engine: AsyncEngine) -> None:
        @event.listens_for(engine.sync_engine, "connect")
        def add(connection: Any, _: ConnectionPoolEntry) -> None:
            self.lines.add(connection.driver_connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end of the block, or rolled back whole on any error. One in which
        nothing is asked costs nothing."""
        async with self._turns.one():
            session = self._sessions()
            try:
                yield session
                if session.in_transaction():
                    await session.commit()
            finally:
                if session.in_transaction():
                    # To its end, though whoever waits is cancelled: the connection goes back to the pool clean.
                    closing = asyncio.create_task(session.close())
                    await asyncio.shield(closing)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[tuple[AsyncSession, "Stopwatch"]]:
        """A session that reads, and sees what was committed before its first statement and nothing that came later;
        and how long its statements took.
        """
        async with self.transaction() as session:
            connection = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            assert connection.sync_connection is not None
            yield session, Stopwatch(connection.sync_connection)

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection for exactly one statement, which is a transaction of its own: committed when it returns.

        It saves the round trips of BEGIN and COMMIT. A second statement would be a second transaction.
        """
        async with self._turns.one():
            connection = await self._autocommit.connect()
            try:
                yield connection
            finally:
                # Asks the database nothing, so there is nothing that a cancellation could break off.
                await connection.close()

    @asynccontextmanager
    async def vital_statement(self) -> AsyncIterator[AsyncConnection]:
        """As `single_statement`, for what must not wait behind anything else: the renewal of a lease."""
        async with self._vital.connect() as connection:
            yield connection

    async def dispose(self) -> None:
        for engine in (self.engine, self._autocommit, self._vital):
            await engine.dispose()


async def driver_connection(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The session's own psycopg connection: what runs on it belongs to the session's transaction."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, psycopg.AsyncConnection)
    return connection


def is_unavailable(error: BaseException) -> bool:
    """True when `error` says that the database could not be reached, not that a statement was wrong."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        return isinstance(error, OperationalError) and _is_outage(error.orig)
    return isinstance(error, ConnectionError) or (isinstance(error, psycopg.OperationalError) and _is_outage(error))


def timed_out(error: BaseException) -> bool:
    """True when a statement, or its wait for a lock, took longer than it may; the database itself is there."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) in ("57014", "55P03")


# SQLSTATE classes (PostgreSQL, appendix A): connection exception, insufficient resources, operator intervention
# (a server that stops, a query that is cancelled), lock not available.
_OUTAGE = ("08", "53", "57", "55P03")


def _is_outage(error: object) -> bool:
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(_OUTAGE)
