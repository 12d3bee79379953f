"""Sites whose effects are counted: what a process does with one request, by each store.

An effect is a row (in Redis an element of a list), written with nothing that would keep it from being written
twice.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, Protocol

import psycopg
import redis

from pyqueue.server import Claimed, SQLiteIdempotencyStore, StoredResponse
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.server.redis import RedisIdempotencyStore


class Site(Protocol):
    """One process's half of a site. Opened in that process.

    Attributes:
        store: its idempotency store.
    """

    store: Any

    def effect(self, key: str) -> None:
        """Writes the effect, in a transaction of its own."""
        ...

    def effect_with_answer(self, claim: Claimed, response: StoredResponse) -> None:
        """Writes the effect and records the answer, in one transaction."""
        ...

    def effects(self) -> Counter[str]:
        """How many effects each key has had."""
        ...

    def close(self) -> None:
        """Closes the site's connections; the store's are the caller's."""
        ...


class SQLiteSite:
    """Effects and keys in one file. `address`: its path."""

    def __init__(self, address: str):
        self.store = SQLiteIdempotencyStore(address)
        self._connection = sqlite3.connect(address, timeout=30, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL)")

    def effect(self, key: str) -> None:
        self._connection.execute("INSERT INTO effects VALUES (?)", (key,))

    def effect_with_answer(self, claim: Claimed, response: StoredResponse) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            self._connection.execute("INSERT INTO effects VALUES (?)", (claim.key,))
            self.store.complete_in(self._connection, claim, response)

    def effects(self) -> Counter[str]:
        return Counter(key for (key,) in self._connection.execute("SELECT key FROM effects"))

    def close(self) -> None:
        self._connection.close()
        self.store.close()


class PostgresSite:
    """Effects and keys in one database. `address`: its URL."""

    def __init__(self, address: str):
        self.store = PostgresIdempotencyStore(address, pool_size=1)
        self._connection = psycopg.connect(address, autocommit=True)
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(1)")
            self._connection.execute("CREATE TABLE IF NOT EXISTS effects (key text NOT NULL)")

    def effect(self, key: str) -> None:
        self._connection.execute("INSERT INTO effects VALUES (%s)", (key,))

    def effect_with_answer(self, claim: Claimed, response: StoredResponse) -> None:
        with self._connection.transaction():
            self.effect(claim.key)
            self.store.complete_in(self._connection, claim, response)

    def effects(self) -> Counter[str]:
        return Counter(key for (key,) in self._connection.execute("SELECT key FROM effects"))

    def close(self) -> None:
        self._connection.close()


class RedisSite:
    """Effects beside the keys, never in one step with them. `address`: the server's URL."""

    def __init__(self, address: str):
        self.store = RedisIdempotencyStore(address)
        self._client = redis.Redis.from_url(address)

    def effect(self, key: str) -> None:
        self._client.rpush("effects", key)

    def effect_with_answer(self, claim: Claimed, response: StoredResponse) -> None:
        raise NotImplementedError("Redis has no transaction of the application's")

    def effects(self) -> Counter[str]:
        return Counter(
            key.decode() for key in self._client.lrange("effects", 0, -1) if isinstance(key, bytes)
        )

    def close(self) -> None:
        self._client.close()


SITES: dict[str, type[SQLiteSite] | type[PostgresSite] | type[RedisSite]] = {
    "sqlite": SQLiteSite,
    "postgres": PostgresSite,
    "redis": RedisSite,
}

MODES = {"sqlite": ("transaction", "lease"), "postgres": ("transaction", "lease"), "redis": ("lease",)}
"""What each store can promise: effect and answer in one transaction, or one after the other under a lease."""
