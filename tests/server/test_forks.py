"""A server may fork its workers after the first use of a store."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from building.paths import ROOT
from tests.server.databases import PostgresServer, RedisServer

FORKS = """
import os, sys
from tests.server.contestant import STORES
store = STORES[sys.argv[1]](sys.argv[2])
store.sync.claim("before", b"f", lease=60, ttl=60)
child = os.fork()
for number in range(200):
    outcome = store.sync.claim(f"{child == 0} {number}", b"f", lease=60, ttl=60)
    assert store.sync.renew(outcome), outcome
if child:
    sys.exit(os.waitpid(child, 0)[1] != 0)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def fork(store: str, address: str) -> None:
    """Lets two processes use one store at the same time."""
    done = subprocess.run([sys.executable, "-c", FORKS, store, address], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_redis(redis_server: RedisServer) -> None:
    fork("redis", redis_server.url)


def test_postgres(postgres_server: PostgresServer) -> None:
    fork("postgres", postgres_server.url)
