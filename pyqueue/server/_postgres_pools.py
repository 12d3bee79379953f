"""Connections of the PostgreSQL store: a pool that carries out plans, blocking and on an event loop.

Not psycopg_pool: an event loop that ends while one of its pools is connecting never ends (3.3.3), and it
tells of a server that cannot be reached by a time-out only. A pool here has no thread and no task of its own:
who needs a connection and finds none makes one.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.errors import LockNotAvailable

from ._postgres_plans import Plan, Plans

T = TypeVar("T")

# A statement waits at most so long (ms) for a transaction that holds the key. And `ON CONFLICT` needs to be
# told the present row instead of failing.
_SETTINGS = "SET lock_timeout = 3000; SET default_transaction_isolation = 'read committed'"

_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7955436310)"
"""Two that make one table at once would meet: `IF NOT EXISTS` does not keep them apart."""

_PAUSE = 0.1
"""Seconds between two attempts to connect to a server that has gone."""


class _Connections:
    """What both pools are told.

    Args:
        plans: whose table is made when it is missing.
        conninfo: the server, as psycopg takes it.
        size: connections at most.
        timeout: seconds that a call waits for a connection, and for a server that has gone to come back.
        options: further arguments of `psycopg.connect`.
    """

    def __init__(self, plans: Plans, conninfo: str, size: int, timeout: float, options: Mapping[str, Any]):
        self.plans = plans
        self.conninfo = conninfo
        self.size = size
        self.timeout = timeout
        self.options = {**options, "autocommit": True}
        self.has_table = False

    def all_busy(self) -> psycopg.OperationalError:
        return psycopg.OperationalError(
            f"all {self.size} connections of the idempotency store have been busy for {self.timeout} s"
        )


class Pool(_Connections):
    """Blocking connections, shared by all threads of a process."""

    _process = 0
    _slots: threading.BoundedSemaphore
    _idle: list[psycopg.Connection[Any]]
    _guard = threading.Lock()

    def run(self, begin: Callable[[], Plan[T]]) -> T:
        """Carries out a plan; begins it again, on another connection, when its connection broke."""
        slots, idle = self._own()
        until = time.monotonic() + self.timeout
        if not slots.acquire(timeout=self.timeout):
            raise self.all_busy()
        try:
            while True:
                connection = _pop(idle) or self._connect(until)
                sound = False
                try:
                    result = _carry_out(begin(), connection)
                    sound = True
                    return result
                except psycopg.OperationalError:
                    if not connection.closed or time.monotonic() > until:
                        raise
                finally:
                    if sound:
                        idle.append(connection)
                    else:
                        connection.close()
        finally:
            slots.release()

    def close(self) -> None:
        """Closes the connections that are not in use. The next call opens new ones."""
        _, idle = self._own()
        while connection := _pop(idle):
            connection.close()

    def _own(self) -> tuple[threading.BoundedSemaphore, list[psycopg.Connection[Any]]]:
        """What this process has: connections do not outlive a fork."""
        with self._guard:
            if self._process != os.getpid():
                self._slots = threading.BoundedSemaphore(self.size)
                self._idle = []
                self._process = os.getpid()
            return self._slots, self._idle

    def _connect(self, until: float) -> psycopg.Connection[Any]:
        while True:
            try:
                connection = psycopg.connect(self.conninfo, **self.options)
                break
            except psycopg.OperationalError:
                if not self.has_table or time.monotonic() > until:  # at first what is wrong is told at once
                    raise
            time.sleep(_PAUSE)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        if not self.has_table:
            row = connection.execute(_EXISTS, (self.plans.table,)).fetchone()
            if row is None or not row[0]:
                with connection.transaction():
                    connection.execute(_ONE_AT_A_TIME)
                    for statement in self.plans.schema:
                        connection.execute(statement)
            self.has_table = True
        connection.execute(_SETTINGS)


class AsyncPool(_Connections):
    """Connections of one event loop."""

    def __init__(self, plans: Plans, conninfo: str, size: int, timeout: float, options: Mapping[str, Any]):
        super().__init__(plans, conninfo, size, timeout, options)
        self._slots = asyncio.Semaphore(size)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    async def run(self, begin: Callable[[], Plan[T]]) -> T:
        """See `Pool.run`."""
        until = time.monotonic() + self.timeout
        if self._slots.locked():
            try:
                async with asyncio.timeout(self.timeout):
                    await self._slots.acquire()
            except TimeoutError:
                raise self.all_busy() from None
        else:
            await self._slots.acquire()  # At once: without a timer.
        try:
            while True:
                connection = _pop(self._idle) or await self._connect(until)
                sound = False
                try:
                    result = await _carry_out_async(begin(), connection)
                    sound = True
                    return result
                except psycopg.OperationalError:
                    if not connection.closed or time.monotonic() > until:
                        raise
                finally:
                    if sound:
                        self._idle.append(connection)
                    else:
                        await connection.close()
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Closes the connections that are not in use."""
        while connection := _pop(self._idle):
            await connection.close()

    async def _connect(self, until: float) -> psycopg.AsyncConnection[Any]:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self.conninfo, **self.options)
                break
            except psycopg.OperationalError:
                if not self.has_table or time.monotonic() > until:
                    raise
            await asyncio.sleep(_PAUSE)
        try:
            await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if not self.has_table:
            row = await (await connection.execute(_EXISTS, (self.plans.table,))).fetchone()
            if row is None or not row[0]:
                async with connection.transaction():
                    await connection.execute(_ONE_AT_A_TIME)
                    for statement in self.plans.schema:
                        await connection.execute(statement)
            self.has_table = True
        await connection.execute(_SETTINGS)


def _pop(idle: list[T]) -> T | None:
    """The connection used last, which is the likeliest to be alive."""
    try:
        return idle.pop()
    except IndexError:
        return None


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
