"""Real servers, ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.process import Server


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
