"""Looking at the keys of a PostgreSQL store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from ._headers import headers_from_text
from .inspection import KeyRecord, of_client
from .stores import StoredResponse

_COLUMNS = """
    SELECT id, key, token, extract(epoch FROM clock_timestamp() - claimed_at)::float8,
        extract(epoch FROM ends_at - clock_timestamp())::float8, status, octet_length(body)
    FROM {table}
"""

_PAGE = _COLUMNS + "WHERE id > %s ORDER BY id LIMIT %s"

_FIND = _COLUMNS + "WHERE id = %s"

_ANSWER = "SELECT status, headers, body FROM {table} WHERE id = %s AND token = %s AND status IS NOT NULL"

_FORGET = """
    DELETE FROM {table} WHERE id = %s AND token = %s AND (status IS NULL) = %s
    AND (%s OR ends_at <= clock_timestamp()) RETURNING true
"""

# The application's transaction may hold a key while it records an answer. A crash of the server may bring
# back what was forgotten, which is safe; in return nobody waits for the disk.
_SETTINGS = "SET lock_timeout = 3000; SET synchronous_commit = off"


class PostgresInspection:
    """Implements `Inspection`. Each call, and each page, is a transaction.

    Args:
        conninfo: the server and database.
        table: the store's, a name that was checked.
        options: further arguments of `psycopg.connect`.
        page: keys that are read at once.
    """

    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, conninfo: str, table: str, options: Mapping[str, Any], page: int):
        self._conninfo = conninfo
        self._table = table
        self._options = {**options, "autocommit": True}
        self._page = page
        self._opened: psycopg.Connection[Any] | None = None

    def records(self, key: str | None = None) -> Iterator[KeyRecord]:
        """See `Inspection.records`."""
        return of_client(self._all(), key)

    def find(self, name: str) -> KeyRecord | None:
        """See `Inspection.find`."""
        id_ = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        rows = self._ask(_FIND, id_)
        return _record(rows[0]) if rows else None

    def answer(self, record: KeyRecord) -> StoredResponse | None:
        """See `Inspection.answer`."""
        rows = self._ask(_ANSWER, record.id, record.token)
        return StoredResponse(rows[0][0], headers_from_text(rows[0][1]), rows[0][2]) if rows else None

    def forget(self, record: KeyRecord) -> bool:
        """See `Inspection.forget`.

        Raises:
            psycopg.errors.LockNotAvailable: a transaction of the application holds the key.
        """
        return bool(self._ask(_FORGET, record.id, record.token, record.status is None, record.protects))

    def close(self) -> None:
        """See `Inspection.close`."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _all(self) -> Iterator[KeyRecord]:
        after = b""
        while rows := self._ask(_PAGE, after, self._page):
            yield from map(_record, rows)
            after = rows[-1][0]

    def _ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._opened is None:
            self._opened = psycopg.connect(self._conninfo, **self._options)
            self._opened.execute(_SETTINGS)
        return self._opened.execute(statement.format(table=self._table), values).fetchall()


def _record(row: tuple[Any, ...]) -> KeyRecord:
    id_, name, token, age, left, status, size = row
    return KeyRecord(name, id_, token, max(age, 0.0), left, status, size or 0)
