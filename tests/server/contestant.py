"""One of several processes that claim the same keys at the same time.

    python -m tests.server.contestant STORE ADDRESS KEYS

Says `ready`, waits for a line, claims every key, and says which it won.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from pyqueue.server import Claimed, SQLiteIdempotencyStore
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.server.redis import RedisIdempotencyStore

STORES: dict[str, Any] = {
    "sqlite": SQLiteIdempotencyStore,
    "redis": RedisIdempotencyStore,
    "postgres": PostgresIdempotencyStore,
}


async def contend(store: Any, keys: int) -> list[int]:
    """Claims the keys, eight at a time, and returns those won."""
    won = []

    async def claim(key: int) -> None:
        if isinstance(await store.claim(f"key {key}", b"f", lease=3600, ttl=3600), Claimed):
            won.append(key)

    await store.claim("warm", b"f", lease=3600, ttl=3600)
    print("ready", flush=True)
    sys.stdin.readline()
    for first in range(0, keys, 8):
        await asyncio.gather(*(claim(key) for key in range(first, min(first + 8, keys))))
    if hasattr(store, "aclose"):
        await store.aclose()
    return won


if __name__ == "__main__":
    name, address, count = sys.argv[1:]
    print(*asyncio.run(contend(STORES[name](address), int(count))), flush=True)
