"""Looking at the keys in a Django site's own database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import IntegerField
from django.db.models.functions import Length

from .._headers import headers_from_text
from .._key_text import digest_of
from ..inspection import KeyRecord, of_client
from ..stores import StoredResponse
from .clock import Clock
from .models import IdempotencyKey

_COLUMNS = ("id", "key", "token", "claimed_at", "ends_at", "status", "size", "now")


class DatabaseInspection:
    """Implements `Inspection`, by this thread's connection. Each page is a statement of its own.

    Args:
        database: an alias of `DATABASES`.
        page: keys that are read at once.
    """

    errors: tuple[type[Exception], ...] = (DatabaseError,)

    def __init__(self, database: str, page: int):
        self._database = database
        self._page = page

    def records(self, key: str | None = None) -> Iterator[KeyRecord]:
        """See `Inspection.records`."""
        return of_client(self._every(), key)

    def find(self, name: str) -> KeyRecord | None:
        """See `Inspection.find`."""
        rows = list(self._rows().filter(id=digest_of(name).hex()))
        return _record(rows[0]) if rows else None

    def answer(self, record: KeyRecord) -> StoredResponse | None:
        """See `Inspection.answer`."""
        row = self._all.filter(id=record.id, token=record.token, status__isnull=False).first()
        if row is None:
            return None
        return StoredResponse(row.status, headers_from_text(row.headers), bytes(row.body))

    def forget(self, record: KeyRecord) -> bool:
        """See `Inspection.forget`."""
        seen = self._all.filter(id=record.id, token=record.token, status__isnull=record.status is None)
        deleted, _ = (seen if record.protects else seen.filter(ends_at__lte=Clock())).delete()
        return bool(deleted)

    def close(self) -> None:
        """See `Inspection.close`."""
        connections[self._database].close()

    def _every(self) -> Iterator[KeyRecord]:
        after = ""
        while rows := list(self._rows().filter(id__gt=after).order_by("id")[: self._page]):
            yield from map(_record, rows)
            after = rows[-1][0]

    def _rows(self) -> Any:
        size = Length("body", output_field=IntegerField())
        return self._all.annotate(size=size, now=Clock()).values_list(*_COLUMNS)

    @property
    def _all(self) -> Any:
        return IdempotencyKey.objects.using(self._database)


def _record(row: tuple[Any, ...]) -> KeyRecord:
    id, name, token, claimed_at, ends_at, status, size, now = row
    return KeyRecord(name, id, token, max(now - claimed_at, 0.0), ends_at - now, status, size)
