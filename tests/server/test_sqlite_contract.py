"""The SQLite store keeps the contract of stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.testing.idempotency import IdempotencyStoreContract


class TestContract(IdempotencyStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLiteIdempotencyStore]:
        store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
        yield store
        store.close()
