"""An idempotency store in an SQLite file: nothing to install, for any number of processes on one machine."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .stores import Claimed, ClaimLost, InFlight, Mismatch, Outcome, Replay, StoredResponse

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
    WHERE key = ? AND token = ? RETURNING key
"""

_RELEASE = "DELETE FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NULL RETURNING key"


class SQLiteIdempotencyStore:
    """Keeps keys and answers in the table `idempotency_keys` of an SQLite database (3.35 or later).

    Args:
        path: the database file, made when it is missing. It may be the application's own, which then can
            record an answer in the transaction of its effect, see `complete_in`.
        busy_timeout: seconds to wait for another process's transaction.
        prune_every: seconds between two prunings, which `claim` does in passing.
        clock: Unix time in seconds. All processes that share the file must agree on it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout: float = 30.0,
        prune_every: float = 300.0,
        clock: Callable[[], float] = time.time,
    ):
        self._path = path
        self._busy_timeout = busy_timeout
        self._prune_every = prune_every
        self._clock = clock
        self._pruned_at = float("-inf")
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        return await asyncio.to_thread(self._claim, key, fingerprint, lease, ttl)

    async def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        values = (self._clock() + claim.lease, claim.key, claim.token)
        return await asyncio.to_thread(self._changes_one, _RENEW, values)

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`."""
        return await asyncio.to_thread(self._changes_one, _COMPLETE, self._completion(claim, response))

    async def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        await asyncio.to_thread(self._changes_one, _RELEASE, (claim.key, claim.token))

    async def prune(self) -> int:
        """See `IdempotencyStore.prune`."""
        return await asyncio.to_thread(self._prune)

    def complete_in(self, connection: sqlite3.Connection, claim: Claimed, response: StoredResponse) -> None:
        """Records the answer in the application's own open transaction on the same database file.

        Effect and answer are then committed, or rolled back, as one: the effect happens exactly once
        whatever crashes when. The middleware's own `complete` afterwards changes nothing of that.

        Args:
            connection: with a transaction open that holds the effect; the caller commits it.
            claim: `scope["pyqueue.claim"]`.
            response: what this attempt, and every later one with the key, answers.

        Raises:
            ClaimLost: another attempt took the key. Roll the transaction back.
        """
        if connection.execute(_COMPLETE, self._completion(claim, response)).fetchone() is None:
            raise ClaimLost("another attempt took this idempotency key: roll the transaction back")

    def close(self) -> None:
        """Closes the file. The next call opens it again."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _completion(self, claim: Claimed, response: StoredResponse) -> tuple[object, ...]:
        headers = json.dumps([[n.decode("latin-1"), v.decode("latin-1")] for n, v in response.headers])
        ends_at = self._clock() + claim.ttl
        return response.status, headers, response.body, ends_at, claim.key, claim.token

    def _claim(self, key: str, fingerprint: bytes, lease: float, ttl: float) -> Outcome:
        now = self._clock()
        if now - self._pruned_at >= self._prune_every:
            self._prune()
        token = uuid.uuid4().hex
        values = {"key": key, "fingerprint": fingerprint, "token": token, "now": now, "ends_at": now + lease}
        with self._transaction() as connection:
            if connection.execute(_CLAIM, values).fetchone() is not None:
                return Claimed(key, token, lease, ttl)
            row = connection.execute(_READ, (key,)).fetchone()
        known, claimed_at, status, headers, body = row
        if known != fingerprint:
            return Mismatch()
        if status is None:
            return InFlight(now - claimed_at)
        pairs = tuple((n.encode("latin-1"), v.encode("latin-1")) for n, v in json.loads(headers))
        return Replay(StoredResponse(status, pairs, body))

    def _prune(self) -> int:
        now = self._clock()
        self._pruned_at = now
        with self._transaction() as connection:
            return connection.execute("DELETE FROM idempotency_keys WHERE ends_at <= ?", (now,)).rowcount

    def _changes_one(self, statement: str, values: tuple[object, ...]) -> bool:
        with self._transaction() as connection:
            return connection.execute(statement, values).fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that is durable when it ends. One at a time in a process: SQLite has one writer."""
        with self._guard:
            connection = self._connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        # Opened on first use, not by the constructor: a server that forks its workers opens one in each.
        connection = sqlite3.connect(
            self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for statement in _SCHEMA:
            connection.execute(statement)
        return connection
