"""A small application behind the middleware, for tests that start, overload and kill real servers.

    PYQUEUE_TEST_DATABASE=... uvicorn --factory application:create

Each POST to /effects, /effects/slow and so on inserts a row; GET /effects counts them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore, StoredResponse


def create() -> Any:
    """The application, with effects and keys in one database file."""
    path = Path(os.environ["PYQUEUE_TEST_DATABASE"])
    lease = float(os.environ.get("PYQUEUE_TEST_LEASE", "60"))
    ttl = float(os.environ.get("PYQUEUE_TEST_TTL", "3600"))
    store = SQLiteIdempotencyStore(path, busy_timeout=min(30.0, lease / 2))
    with transaction(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS effects (body TEXT NOT NULL)")
    return IdempotencyMiddleware(
        Application(path, store),
        store,
        paths=["/effects"],
        lease=lease,
        ttl=ttl,
        max_body=100_000,
        max_response=50_000,
        principal=lambda scope: dict(scope["headers"]).get(b"x-user", b"").decode() or None,
    )


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """One durable transaction."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.close()


class Application:
    """Answers by the last part of the path: `slow`, `crash`, `refuse`, `large`, `atomic` or anything else."""

    def __init__(self, path: Path, store: SQLiteIdempotencyStore):
        self._path = path
        self._store = store
        self._gate = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        kind = scope["path"].rpartition("/")[2]
        if scope["method"] == "GET":
            if kind == "open":
                self._gate.set()
            with transaction(self._path) as connection:
                (count,) = connection.execute("SELECT count(*) FROM effects").fetchone()
            return await self._send(send, 200, {"effects": count})
        body = (await receive())["body"]
        if kind == "refuse":
            return await self._send(send, 403, {"detail": "not yours"})
        effect = ("INSERT INTO effects VALUES (?)", (body.decode(),))
        if kind == "atomic":
            return await self._atomic(scope, effect, send)
        with transaction(self._path) as connection:
            connection.execute(*effect)
        if kind == "crash":
            raise RuntimeError("the application crashed")
        if kind == "slow":
            await self._gate.wait()
        if kind == "large":
            return await self._send(send, 200, {"filler": "x" * 200_000})
        await self._send(send, 201, {"echo": body.decode()})

    async def _atomic(self, scope: Any, effect: Any, send: Any) -> None:
        body = b'{"atomic": true}'
        with transaction(self._path) as connection:
            connection.execute(*effect)
            self._store.complete_in(connection, scope["pyqueue.claim"], StoredResponse(201, (), body))
        await self._gate.wait()
        await self._send(send, 201, {"atomic": True})

    async def _send(self, send: Any, status: int, value: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"x-from", b"application")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        body = json.dumps(value).encode()
        middle = len(body) // 2
        await send({"type": "http.response.body", "body": body[:middle], "more_body": True})
        await send({"type": "http.response.body", "body": body[middle:]})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
