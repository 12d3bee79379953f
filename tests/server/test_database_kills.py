"""A database server is killed under load, and started again: what a call has returned is not forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from pyqueue.server import Claimed, InFlight, Replay
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.server.redis import RedisIdempotencyStore
from pyqueue.testing.idempotency import ANSWER, LONG, wait_until
from tests.server.databases import DatabaseServer

KILLS = 3
THREADS = 4


class Load:
    """Threads that claim keys and complete every second one, and note what had returned."""

    def __init__(self, store: Any) -> None:
        self.claimed: list[str] = []
        self.completed: list[str] = []
        self._store = store
        self._numbers = count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            number = next(self._numbers)
            key = f"key-{number}"
            try:
                claim = self._store.claim(key, b"f", lease=LONG, ttl=LONG)
                assert isinstance(claim, Claimed)
                self.claimed.append(key)
                if number % 2 and self._store.complete(claim, ANSWER):
                    self.completed.append(key)
            except Exception:  # The server is away: nothing was promised.
                self._over.wait(0.01)


@pytest.mark.parametrize(
    ("server", "store"),
    [("redis_server", RedisIdempotencyStore), ("postgres_server", PostgresIdempotencyStore)],
    ids=["redis", "postgres"],
)
def test_what_had_returned_when_the_server_was_killed_is_known_after_it(
    server: str, store: Callable[[str], Any], request: pytest.FixtureRequest
) -> None:
    """With the settings that the documentation asks for: `appendfsync always`, and `synchronous_commit`."""
    database: DatabaseServer = request.getfixturevalue(server)
    keys = store(database.url).sync
    load = Load(keys)
    try:
        for _ in range(KILLS):
            before = len(load.completed)
            wait_until(lambda before=before: len(load.completed) >= before + 50)
            database.kill()
            database.start()
    finally:
        load.stop()
    done = set(load.completed)
    for key in load.claimed:
        outcome = keys.claim(key, b"f", lease=LONG, ttl=LONG)
        assert outcome == Replay(ANSWER) if key in done else isinstance(outcome, InFlight | Replay), key
    keys.close()
