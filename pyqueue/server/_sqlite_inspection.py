"""Looking at the keys of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._headers import headers_from_text
from .inspection import KeyRecord, of_client
from .stores import StoredResponse

_COLUMNS = "SELECT key, token, claimed_at, ends_at, status, length(body) FROM idempotency_keys"

_PAGE = f"{_COLUMNS} WHERE key > ? ORDER BY key LIMIT ?"

_FIND = f"{_COLUMNS} WHERE key = ?"

_ANSWER = (
    "SELECT status, headers, body FROM idempotency_keys WHERE key = ? AND token = ? AND status IS NOT NULL"
)

_FORGET = """
    DELETE FROM idempotency_keys
    WHERE key = ? AND token = ? AND (status IS NULL) = ? AND (? OR ends_at <= ?) RETURNING key
"""


class SQLiteInspection:
    """Implements `Inspection`. Each page is a transaction that reads, beside which others write.

    Args:
        path: of the database file, which must be there.
        busy_timeout: seconds to wait for another process's transaction.
        clock: the store's.
        page: keys that are read at once.
    """

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: str | Path, busy_timeout: float, clock: Callable[[], float], page: int):
        self._path = path
        self._busy_timeout = busy_timeout
        self._clock = clock
        self._page = page
        self._opened: sqlite3.Connection | None = None

    def records(self, key: str | None = None) -> Iterator[KeyRecord]:
        """See `Inspection.records`."""
        return of_client(self._all(), key)

    def find(self, name: str) -> KeyRecord | None:
        """See `Inspection.find`."""
        row = self._connection().execute(_FIND, (name,)).fetchone()
        return None if row is None else self._record(row)

    def answer(self, record: KeyRecord) -> StoredResponse | None:
        """See `Inspection.answer`."""
        row = self._connection().execute(_ANSWER, (record.id, record.token)).fetchone()
        return None if row is None else StoredResponse(row[0], headers_from_text(row[1]), row[2])

    def forget(self, record: KeyRecord) -> bool:
        """See `Inspection.forget`."""
        values = (record.id, record.token, record.status is None, record.protects, self._clock())
        return self._connection().execute(_FORGET, values).fetchone() is not None

    def close(self) -> None:
        """See `Inspection.close`."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _all(self) -> Iterator[KeyRecord]:
        after = ""
        while rows := self._connection().execute(_PAGE, (after, self._page)).fetchall():
            yield from map(self._record, rows)
            after = rows[-1][0]

    def _record(self, row: tuple[Any, ...]) -> KeyRecord:
        name, token, claimed_at, ends_at, status, size = row
        now = self._clock()
        return KeyRecord(name, name, token, max(now - claimed_at, 0.0), ends_at - now, status, size or 0)

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            address = f"{Path(self._path).absolute().as_uri()}?mode=rw"
            self._opened = sqlite3.connect(
                address, uri=True, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
            )
            # A power cut may bring back what was forgotten, which is safe. Nobody waits for the disk.
            self._opened.execute("PRAGMA synchronous = NORMAL")
        return self._opened
