"""An idempotency store in an SQLite file: nothing to install, for any number of processes on one machine."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from .._checks import check_number
from ._recording import insist, no_transaction
from ._sqlalchemy import changes_one
from ._sqlite_inspection import SQLiteInspection
from ._sqlite_keys import COMPLETE, SCHEMA, Keys
from .responses import stored
from .stores import Claimed, Outcome, StoredResponse
from .writer import Writer

if TYPE_CHECKING:
    from aiosqlite import Connection as AioConnection

    from ._sqlalchemy import Blocking, OnLoop


class SQLiteIdempotencyStore:
    """Keeps keys and answers in the table `idempotency_keys` of an SQLite database (3.35 or later).

    All calls of a process go to one thread, which commits those that come together as one transaction. The
    file is opened by the first call, and by each process for itself, so a server may fork.

    Args:
        path: the database file, made when it is missing. It may be the application's own, which then can
            record an answer in the transaction of its effect, see `complete_in`.
        busy_timeout: seconds to wait for another process's transaction.
        prune_every: seconds between two prunings. `claim` does them in passing, a few hundred keys at a time.
        clock: Unix time in seconds, read while the database is locked. All processes that share the file
            must agree on it.

    Attributes:
        busy_timeout: as given.
        sync: the same store for code without an event loop.

    Raises:
        DeclarationError: a number is out of its range.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout: float = 30.0,
        prune_every: float = 300.0,
        clock: Callable[[], float] = time.time,
    ):
        self.busy_timeout = check_number("busy_timeout", busy_timeout, 0.0, 3600.0)
        self._path = path
        self._clock = clock
        self._keys = Keys(clock, check_number("prune_every", prune_every, 0.0, 86400.0))
        self._writer = Writer(partial(_open, path, self.busy_timeout))
        self.sync = _Sync(self._keys, self._writer)

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        return await self._writer.run_async(partial(self._keys.claim, key, fingerprint, lease, ttl))

    async def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return await self._writer.run_async(partial(self._keys.renew, claim))

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`."""
        return await self._writer.run_async(partial(self._keys.complete, claim, response))

    async def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        await self._writer.run_async(partial(self._keys.release, claim))

    async def prune(self) -> int:
        """See `IdempotencyStore.prune`. Other calls come between its transactions."""
        count = 0
        while deleted := await self._writer.run_async(self._keys.prune_some):
            count += deleted
        return count

    @overload
    def complete_in(
        self, connection: sqlite3.Connection | Blocking, claim: Claimed, response: Any
    ) -> None: ...

    @overload
    def complete_in(
        self, connection: AioConnection | OnLoop, claim: Claimed, response: Any
    ) -> Awaitable[None]: ...

    def complete_in(self, connection: Any, claim: Claimed, response: Any) -> Awaitable[None] | None:
        """Records the answer in the application's own open transaction on the same database file.

        Effect and answer are then committed, or rolled back, as one: the effect happens exactly once
        whatever crashes when. The middleware's own `complete` afterwards changes nothing of that.

        Args:
            connection: with a transaction open that holds the effect; the caller commits it. A connection of
                `sqlite3` or aiosqlite, or of SQLAlchemy a `Session`, an `AsyncSession`, a registry of either,
                a `Connection` or an `AsyncConnection`. If it is an asynchronous one, await the call.
            claim: `scope["pyqueue.claim"]`, in WSGI `environ["pyqueue.claim"]`.
            response: what this attempt, and every later one with the key, answers: a `StoredResponse`, or the
                framework's own, see `responses.stored`.

        Raises:
            NoTransaction: the connection has no transaction open.
            NotWhole: the response cannot be kept.
            ClaimLost: another attempt took the key, or this one has its answer already. Roll the transaction
                back.
            TypeError: it is no such connection.
        """
        values = self._keys.answered(claim, stored(response))
        if isinstance(connection, sqlite3.Connection) or _is_aiosqlite(connection):
            if not connection.in_transaction:
                raise no_transaction("begin one with BEGIN IMMEDIATE")
            if not isinstance(connection, sqlite3.Connection):
                return insist(_record(connection, values))
            return insist(connection.execute(COMPLETE, values).fetchone() is not None)
        return insist(changes_one(connection, COMPLETE, values, _commits_at_once))

    def inspection(self, page: int = 1000) -> SQLiteInspection:
        """For looking at the keys, see `inspection.Inspection`; `page` of them are read at once."""
        return SQLiteInspection(self._path, self.busy_timeout, self._clock, page)

    def close(self) -> None:
        """Ends what was begun and closes the file. The next call opens it again."""
        self._writer.close()


class _Sync:
    """Implements `SyncIdempotencyStore`."""

    def __init__(self, keys: Keys, writer: Writer):
        self._keys = keys
        self._writer = writer

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        return self._writer.run(partial(self._keys.claim, key, fingerprint, lease, ttl))

    def renew(self, claim: Claimed) -> bool:
        return self._writer.run(partial(self._keys.renew, claim))

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        return self._writer.run(partial(self._keys.complete, claim, response))

    def release(self, claim: Claimed) -> None:
        self._writer.run(partial(self._keys.release, claim))

    def prune(self) -> int:
        count = 0
        while deleted := self._writer.run(self._keys.prune_some):
            count += deleted
        return count


def _is_aiosqlite(connection: Any) -> bool:
    """Whoever has such a connection has imported its module."""
    module = sys.modules.get("aiosqlite")
    return module is not None and isinstance(connection, module.Connection)


async def _record(connection: AioConnection, values: Mapping[str, Any]) -> bool:
    async with connection.execute(COMPLETE, values) as cursor:
        return await cursor.fetchone() is not None


def _commits_at_once(connection: Any) -> bool:
    """Whether a statement would be a transaction of its own: `sqlite3` begins none by itself then."""
    begins = getattr(connection, "autocommit", -1) == -1 and connection.isolation_level is not None
    return not connection.in_transaction and not begins


def _open(path: str | Path, busy_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        _set_up(connection, busy_timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, busy_timeout: float) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    give_up_at = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # Where several processes start on a new file, this one statement fails at once instead of
            # waiting: two that each hold a shared lock would wait for each other.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
    for statement in SCHEMA:
        connection.execute(statement)
