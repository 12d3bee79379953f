"""Connections of the PostgreSQL store: a pool that carries out plans, blocking and on an event loop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from psycopg.errors import LockNotAvailable

from ._postgres_plans import Plan, Plans

T = TypeVar("T")

_LOCK_TIMEOUT = "SET lock_timeout = 3000"
"""Milliseconds that a statement waits for a transaction that holds the key."""

_ISOLATION = "SET default_transaction_isolation = 'read committed'"
"""What `ON CONFLICT` needs to be told the present row instead of failing."""

_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7955436310)"
"""Two that make one table at once would meet: `IF NOT EXISTS` does not keep them apart."""


class Pool:
    """Blocking connections, opened at first use and shared by all threads.

    Args:
        plans: whose table is made when it is missing.
        conninfo: the server, as psycopg takes it.
        size: connections at most.
        timeout: seconds that a call waits for a connection, and for a server that has gone to come back.
        options: further arguments of `psycopg.connect`.
    """

    def __init__(self, plans: Plans, conninfo: str, size: int, timeout: float, options: Mapping[str, Any]):
        self._plans = plans
        self._conninfo = conninfo
        self._size = size
        self._timeout = timeout
        self._options = {**options, "autocommit": True}
        self._guard = threading.Lock()
        self._opened: psycopg_pool.ConnectionPool[psycopg.Connection[Any]] | None = None
        self._process = 0

    def run(self, begin: Callable[[], Plan[T]]) -> T:
        """Carries out a plan; begins it again, on another connection, when its connection broke."""
        until = time.monotonic() + self._timeout
        while True:
            pool = self._open()
            with pool.connection(max(until - time.monotonic(), 0.1)) as connection:
                try:
                    return _carry_out(begin(), connection)
                except psycopg.OperationalError:
                    if not connection.closed or time.monotonic() > until:
                        raise
            pool.check()  # the others may be as dead

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        with self._guard:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _open(self) -> psycopg_pool.ConnectionPool[psycopg.Connection[Any]]:
        with self._guard:
            if self._opened is None or self._process != os.getpid():  # a pool does not outlive a fork
                # Not the pool's first connection: its errors would reach nobody.
                with psycopg.connect(self._conninfo, **self._options) as connection:
                    self._make_table(connection)
                self._opened = psycopg_pool.ConnectionPool(
                    self._conninfo,
                    kwargs=self._options,
                    configure=_configure,
                    min_size=1,
                    max_size=self._size,
                    open=True,
                )
                self._process = os.getpid()
            return self._opened

    def _make_table(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(_EXISTS, (self._plans.table,)).fetchone()
        if row is None or not row[0]:
            with connection.transaction():
                connection.execute(_ONE_AT_A_TIME)
                for statement in self._plans.schema:
                    connection.execute(statement)


class AsyncPool:
    """Connections of one event loop; else as `Pool`."""

    def __init__(self, plans: Plans, conninfo: str, size: int, timeout: float, options: Mapping[str, Any]):
        self._plans = plans
        self._conninfo = conninfo
        self._timeout = timeout
        self._options = {**options, "autocommit": True}
        self._guard = asyncio.Lock()
        self._is_open = False
        self._pool = psycopg_pool.AsyncConnectionPool(
            conninfo,
            kwargs=self._options,
            configure=_configure_async,
            min_size=1,
            max_size=size,
            open=False,
        )

    async def run(self, begin: Callable[[], Plan[T]]) -> T:
        """See `Pool.run`."""
        until = time.monotonic() + self._timeout
        if not self._is_open:
            await self._open()
        while True:
            async with self._pool.connection(max(until - time.monotonic(), 0.1)) as connection:
                try:
                    return await _carry_out_async(begin(), connection)
                except psycopg.OperationalError:
                    if not connection.closed or time.monotonic() > until:
                        raise
            await self._pool.check()

    async def close(self) -> None:
        """Closes the connections, for good."""
        await self._pool.close()

    async def _open(self) -> None:
        async with self._guard:
            if not self._is_open:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, **self._options
                ) as connection:
                    await self._make_table(connection)
                await self._pool.open()
                self._is_open = True

    async def _make_table(self, connection: psycopg.AsyncConnection[Any]) -> None:
        row = await (await connection.execute(_EXISTS, (self._plans.table,))).fetchone()
        if row is None or not row[0]:
            async with connection.transaction():
                await connection.execute(_ONE_AT_A_TIME)
                for statement in self._plans.schema:
                    await connection.execute(statement)


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_LOCK_TIMEOUT)
    connection.execute(_ISOLATION)


async def _configure_async(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute(_LOCK_TIMEOUT)
    await connection.execute(_ISOLATION)


def _carry_out(plan: Plan[T], connection: psycopg.Connection[Any]) -> T:
    try:
        statement = next(plan)
        while True:
            try:
                rows = connection.execute(*statement).fetchall()
            except LockNotAvailable as error:
                statement = plan.throw(error)
            else:
                statement = plan.send(rows)
    except StopIteration as end:
        value: T = end.value
        return value


async def _carry_out_async(plan: Plan[T], connection: psycopg.AsyncConnection[Any]) -> T:
    try:
        statement = next(plan)
        while True:
            try:
                rows = await (await connection.execute(*statement)).fetchall()
            except LockNotAvailable as error:
                statement = plan.throw(error)
            else:
                statement = plan.send(rows)
    except StopIteration as end:
        value: T = end.value
        return value
