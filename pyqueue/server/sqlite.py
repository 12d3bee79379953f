"""An idempotency store in an SQLite file: nothing to install, for any number of processes on one machine."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .._checks import check_number
from ._sqlite_inspection import SQLiteInspection
from .responses import stored
from .stores import Claimed, ClaimLost, InFlight, Mismatch, NoTransaction, Outcome, Replay, StoredResponse
from .writer import Writer

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS idempotency_keys (
        key TEXT PRIMARY KEY,
        fingerprint BLOB NOT NULL,
        token TEXT NOT NULL,
        claimed_at REAL NOT NULL,
        ends_at REAL NOT NULL,  -- of the lease, or once there is a status of the answer
        status INTEGER,
        headers TEXT,
        body BLOB
    )
    """,
    "CREATE INDEX IF NOT EXISTS idempotency_keys_ends_at ON idempotency_keys (ends_at)",
)

_CLAIM = """
    INSERT INTO idempotency_keys (key, fingerprint, token, claimed_at, ends_at)
    VALUES (:key, :fingerprint, :token, :now, :ends_at)
    ON CONFLICT (key) DO UPDATE SET
        fingerprint = excluded.fingerprint, token = excluded.token, claimed_at = excluded.claimed_at,
        ends_at = excluded.ends_at, status = NULL, headers = NULL, body = NULL
    WHERE ends_at <= :now
    RETURNING token
"""

_READ = "SELECT fingerprint, claimed_at, status, headers, body FROM idempotency_keys WHERE key = ?"

_RENEW = """
    UPDATE idempotency_keys SET ends_at = ?
    WHERE key = ? AND token = ? AND status IS NULL RETURNING key
"""

_COMPLETE = """
    UPDATE idempotency_keys SET status = ?, headers = ?, body = ?, ends_at = ?
    WHERE key = ? AND token = ? AND status IS NULL RETURNING key
"""

_IS_COMPLETE = "SELECT 1 FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NOT NULL"

_PRUNE = """
    DELETE FROM idempotency_keys
    WHERE key IN (SELECT key FROM idempotency_keys WHERE ends_at <= ? LIMIT ?)
"""

_RELEASE = "DELETE FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NULL RETURNING key"


_PRUNED_AT_ONCE = 500
"""Keys: few enough that the claim which deletes them in passing is not held up (about 3 ms)."""


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
        self._keys = _Keys(clock, check_number("prune_every", prune_every, 0.0, 86400.0))
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

    def complete_in(self, connection: sqlite3.Connection, claim: Claimed, response: Any) -> None:
        """Records the answer in the application's own open transaction on the same database file.

        Effect and answer are then committed, or rolled back, as one: the effect happens exactly once
        whatever crashes when. The middleware's own `complete` afterwards changes nothing of that.

        Args:
            connection: with a transaction open that holds the effect; the caller commits it.
            claim: `scope["pyqueue.claim"]`, in WSGI `environ["pyqueue.claim"]`.
            response: what this attempt, and every later one with the key, answers: a `StoredResponse`, or the
                framework's own, see `responses.stored`.

        Raises:
            NoTransaction: the connection has no transaction open.
            NotWhole: the response cannot be kept.
            ClaimLost: another attempt took the key, or this one has its answer already. Roll the transaction
                back.
        """
        if not connection.in_transaction:
            raise NoTransaction(
                "complete_in needs the open transaction that holds the effect: begin it with BEGIN IMMEDIATE"
            )
        if not self._keys.keep(connection, claim, stored(response)):
            raise ClaimLost("another attempt took this idempotency key: roll the transaction back")

    def inspection(self, page: int = 1000) -> SQLiteInspection:
        """For looking at the keys, see `inspection.Inspection`; `page` of them are read at once."""
        return SQLiteInspection(self._path, self.busy_timeout, self._clock, page)

    def close(self) -> None:
        """Ends what was begun and closes the file. The next call opens it again."""
        self._writer.close()


class _Sync:
    """Implements `SyncIdempotencyStore`."""

    def __init__(self, keys: _Keys, writer: Writer):
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


class _Keys:
    """What is done to the table, each within a transaction that the caller opens and commits."""

    def __init__(self, clock: Callable[[], float], prune_every: float):
        self._clock = clock
        self._prune_every = prune_every
        self._pruned_at = float("-inf")

    def claim(
        self, key: str, fingerprint: bytes, lease: float, ttl: float, connection: sqlite3.Connection
    ) -> Outcome:
        now = self._clock()
        due = now - self._pruned_at >= self._prune_every
        if due and self.prune_some(connection) < _PRUNED_AT_ONCE:
            self._pruned_at = now
        token = uuid.uuid4().hex
        values = {"key": key, "fingerprint": fingerprint, "token": token, "now": now, "ends_at": now + lease}
        if connection.execute(_CLAIM, values).fetchone() is not None:
            return Claimed(key, token, lease, ttl)
        known, claimed_at, status, headers, body = connection.execute(_READ, (key,)).fetchone()
        if known != fingerprint:
            return Mismatch()
        if status is None:
            return InFlight(now - claimed_at)
        pairs = tuple(
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(headers)
        )
        return Replay(StoredResponse(status, pairs, body))

    def renew(self, claim: Claimed, connection: sqlite3.Connection) -> bool:
        values = (self._clock() + claim.lease, claim.key, claim.token)
        return connection.execute(_RENEW, values).fetchone() is not None

    def complete(self, claim: Claimed, response: StoredResponse, connection: sqlite3.Connection) -> bool:
        if self.keep(connection, claim, response):
            return True
        return connection.execute(_IS_COMPLETE, (claim.key, claim.token)).fetchone() is not None

    def keep(self, connection: sqlite3.Connection, claim: Claimed, response: StoredResponse) -> bool:
        """Whether the answer was recorded: the claim is its own, and had none before."""
        headers = json.dumps([[n.decode("latin-1"), v.decode("latin-1")] for n, v in response.headers])
        ends_at = self._clock() + claim.ttl
        values = (response.status, headers, response.body, ends_at, claim.key, claim.token)
        return connection.execute(_COMPLETE, values).fetchone() is not None

    def release(self, claim: Claimed, connection: sqlite3.Connection) -> None:
        connection.execute(_RELEASE, (claim.key, claim.token))

    def prune_some(self, connection: sqlite3.Connection) -> int:
        """Deletes at most `_PRUNED_AT_ONCE` keys that have ended, and returns how many."""
        return connection.execute(_PRUNE, (self._clock(), _PRUNED_AT_ONCE)).rowcount


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
    for statement in _SCHEMA:
        connection.execute(statement)
