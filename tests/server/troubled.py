"""A store in trouble."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from pyqueue.server import Claimed, SQLiteIdempotencyStore, StoredResponse


class Troubled(SQLiteIdempotencyStore):
    """A store whose calls fail as often as they are told to, by either face.

    Attributes:
        failures: how often each call still fails.
        calls: the names of the calls that were made.
        lose: whether every claim is another's by now.
    """

    def __init__(self, path: Path, **failures: int):
        super().__init__(path, busy_timeout=0.2)
        self.failures = failures
        self.calls: list[str] = []
        self.lose = False
        self.sync: Any = _Blocking(self, self.sync)

    def fail(self, call: str) -> None:
        self.calls.append(call)
        if self.failures.get(call, 0) > 0:
            self.failures[call] -= 1
            raise sqlite3.OperationalError("disk I/O error")

    async def claim(self, *args: Any, **options: Any) -> Any:
        self.fail("claim")
        return await super().claim(*args, **options)

    async def renew(self, claim: Claimed) -> bool:
        self.fail("renew")
        return not self.lose and await super().renew(claim)

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        self.fail("complete")
        return not self.lose and await super().complete(claim, response)

    async def release(self, claim: Claimed) -> None:
        self.fail("release")
        await super().release(claim)


class _Blocking:
    def __init__(self, store: Troubled, healthy: Any):
        self._store = store
        self._healthy = healthy
        self.prune = healthy.prune

    def claim(self, *args: Any, **options: Any) -> Any:
        self._store.fail("claim")
        return self._healthy.claim(*args, **options)

    def renew(self, claim: Claimed) -> bool:
        self._store.fail("renew")
        return not self._store.lose and self._healthy.renew(claim)

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        self._store.fail("complete")
        return not self._store.lose and self._healthy.complete(claim, response)

    def release(self, claim: Claimed) -> None:
        self._store.fail("release")
        self._healthy.release(claim)
