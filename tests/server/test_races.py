"""Of all processes of a site exactly one gets a key."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from building.paths import ROOT
from tests.server.databases import PostgresServer, RedisServer

PROCESSES = 8
KEYS = 2000


def race(store: str, address: str) -> None:
    """Lets processes claim the same keys in the same order, from a common start on."""
    command = [sys.executable, "-m", "tests.server.contestant", store, address, str(KEYS)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        won = Counter(key for process in processes for key in process.communicate()[0].split())
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert won == {str(key): 1 for key in range(KEYS)}


def test_sqlite(tmp_path: Path) -> None:
    race("sqlite", str(tmp_path / "keys.sqlite3"))


def test_redis(redis_server: RedisServer) -> None:
    race("redis", redis_server.url)


def test_postgres(postgres_server: PostgresServer) -> None:
    race("postgres", postgres_server.url)
