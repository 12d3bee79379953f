"""An effect whose answer is recorded in its transaction happens once, whoever is killed when."""

from __future__ import annotations

from pathlib import Path

from tests.faults.kills import kill_processes
from tests.server.databases import PostgresServer, RedisServer

ROUNDS = 4


def test_sqlite(tmp_path: Path) -> None:
    report = kill_processes("sqlite", str(tmp_path / "site.sqlite3"), "transaction", ROUNDS, seed=1)
    assert (report.kills, report.duplicated, report.lost) == (ROUNDS, 0, 0)


def test_postgres(postgres_server: PostgresServer) -> None:
    report = kill_processes("postgres", postgres_server.url, "transaction", ROUNDS, seed=1)
    assert (report.kills, report.duplicated, report.lost) == (ROUNDS, 0, 0)


def test_redis(redis_server: RedisServer) -> None:
    """Its transaction never holds the effect, so a kill may repeat one; none is lost."""
    report = kill_processes("redis", redis_server.url, "lease", ROUNDS, seed=1)
    assert (report.kills, report.lost) == (ROUNDS, 0)
