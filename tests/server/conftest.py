"""Real servers, ended with the test; database servers with the last test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from building.databases import DATABASES, POSTGRES, REDIS, Database
from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from tests.server.databases import PostgresServer, RedisServer
from tests.server.process import Server
from tests.server.site import Site
from tests.server.troubled import Troubled
from tests.server.watched import Application, Watched

_ABSENT = "{} is not installed"


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


def _skip_where_absent(database: Database) -> None:
    if database.find() is None:
        pytest.skip(_ABSENT.format(database.name))


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    """A Redis server for all tests."""
    _skip_where_absent(REDIS)
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests."""
    _skip_where_absent(POSTGRES)
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """A Redis server without keys."""
    redis_process.clear()
    return redis_process


@pytest.fixture
def postgres_server(postgres_process: PostgresServer) -> PostgresServer:
    """A PostgreSQL server without tables."""
    postgres_process.clear()
    return postgres_process


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each database server that is absent."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for database in DATABASES:
        if count := sum(_ABSENT.format(database.name) in reason for reason in reasons):
            terminalreporter.write_line(
                f"{database.name} is not installed: {count} tests were skipped "
                f"(apt-get install {' '.join(database.packages)})",
                yellow=True,
            )


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


@pytest.fixture(params=["asgi", "wsgi"])
def watch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Serves an application behind the layer, whose store fails as often as `failures` say."""
    sites: list[Watched] = []

    def start(app: Application, failures: dict[str, int] | None = None, **options: Any) -> Watched:
        store = Troubled(tmp_path / "keys.sqlite3", **(failures or {}))
        sites.append(Watched(request.param, app, store, **options))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()
