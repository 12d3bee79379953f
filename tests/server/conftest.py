"""Real servers, ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from tests.server.process import Server
from tests.server.site import Site


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers; those on one database are two processes of one site."""
    servers: list[Server] = []

    def start(database: str = "app.sqlite3", **settings: float) -> Server:
        servers.append(Server(tmp_path / database, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    """One server."""
    return serve()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Serves an application behind the layer, with the layer's options and the server's `settings`; the
    layer itself may be wrapped with `outside`."""
    sites: list[Site] = []

    def start(
        app: Any, *, store: Any = None, outside: Any = None, settings: Any = None, **options: Any
    ) -> Site:
        store = store or SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
        layer = IdempotencyMiddleware(app, store, **options)
        sites.append(Site(outside(layer) if outside else layer, store, **(settings or {})))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()
