"""What the SQLite store does to its table, apart from any connection of its own."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

from ._headers import headers_from_text, headers_to_text
from .stores import Claimed, InFlight, Mismatch, Outcome, Replay, StoredResponse

SCHEMA = (
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

COMPLETE = """
    UPDATE idempotency_keys SET status = :status, headers = :headers, body = :body, ends_at = :ends_at
    WHERE key = :key AND token = :token AND status IS NULL RETURNING key
"""

_IS_COMPLETE = "SELECT 1 FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NOT NULL"

_PRUNE = """
    DELETE FROM idempotency_keys
    WHERE key IN (SELECT key FROM idempotency_keys WHERE ends_at <= ? LIMIT ?)
"""

_RELEASE = "DELETE FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NULL RETURNING key"


_PRUNED_AT_ONCE = 500
"""Keys: few enough that the claim which deletes them in passing is not held up (about 3 ms)."""


class Keys:
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
        return Replay(StoredResponse(status, headers_from_text(headers), body))

    def renew(self, claim: Claimed, connection: sqlite3.Connection) -> bool:
        values = (self._clock() + claim.lease, claim.key, claim.token)
        return connection.execute(_RENEW, values).fetchone() is not None

    def complete(self, claim: Claimed, response: StoredResponse, connection: sqlite3.Connection) -> bool:
        if connection.execute(COMPLETE, self.answered(claim, response)).fetchone() is not None:
            return True
        return connection.execute(_IS_COMPLETE, (claim.key, claim.token)).fetchone() is not None

    def answered(self, claim: Claimed, response: StoredResponse) -> dict[str, Any]:
        """The parameters of what records an answer."""
        return {
            "key": claim.key,
            "token": claim.token,
            "status": response.status,
            "headers": headers_to_text(response),
            "body": response.body,
            "ends_at": self._clock() + claim.ttl,
        }

    def release(self, claim: Claimed, connection: sqlite3.Connection) -> None:
        connection.execute(_RELEASE, (claim.key, claim.token))

    def prune_some(self, connection: sqlite3.Connection) -> int:
        """Deletes at most `_PRUNED_AT_ONCE` keys that have ended, and returns how many."""
        return connection.execute(_PRUNE, (self._clock(), _PRUNED_AT_ONCE)).rowcount
