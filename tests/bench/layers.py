"""The servers of the case `server`: one application, alone and behind each layer and store.

BENCH_LAYER=pyqueue BENCH_STORE=redis BENCH_URL=redis://... uvicorn --factory tests.bench.layers:create
"""

from __future__ import annotations

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.report import PYQUEUE

NO_LAYER, IDEMKIT = "no layer", "idemkit"
MEMORY, SQLITE, REDIS, POSTGRES = "memory", "sqlite", "redis", "postgres"


async def comments(request: Request) -> JSONResponse:
    """Reads JSON, and answers as if it had stored a comment."""
    comment = await request.json()
    return JSONResponse({"id": 1, "text": comment["text"]}, 201)


def create() -> Any:
    """What uvicorn serves, by the environment."""
    application = Starlette(routes=[Route("/api/comments", comments, methods=["POST"])])
    layer, store, url = (os.environ[f"BENCH_{name}"] for name in ("LAYER", "STORE", "URL"))
    wraps = {PYQUEUE: _pyqueue, IDEMKIT: _idemkit}
    return wraps[layer](application, store, url) if layer in wraps else application


def _pyqueue(application: Any, store: str, url: str) -> Any:
    from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore

    if store == REDIS:
        from pyqueue.server.redis import RedisIdempotencyStore

        return IdempotencyMiddleware(application, RedisIdempotencyStore(url))
    if store == POSTGRES:
        from pyqueue.server.postgres import PostgresIdempotencyStore

        return IdempotencyMiddleware(application, PostgresIdempotencyStore(url))
    return IdempotencyMiddleware(application, SQLiteIdempotencyStore(url))


def _idemkit(application: Any, store: str, url: str) -> Any:
    from idemkit import HttpConfig, IdempotencyMiddleware, InMemoryBackend
    from idemkit.backends.postgres import PostgresBackend
    from idemkit.backends.redis import RedisBackend

    backends: dict[str, Any] = {REDIS: RedisBackend.from_url, POSTGRES: PostgresBackend.from_url}
    backend = backends[store](url) if store in backends else InMemoryBackend()
    config = HttpConfig(scope_mode="single_tenant")  # As by default, but without a warning.
    return IdempotencyMiddleware(application, backend=backend, config=config)
