"""An idempotency store in the site's own database, through Django's connections."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any

from django.db import connections, transaction

from ..._errors import DeclarationError
from .._headers import headers_from_text, headers_to_text
from .._key_text import digest_of, legible
from ..responses import stored
from ..stores import Claimed, ClaimLost, InFlight, Mismatch, NoTransaction, Outcome, Replay, StoredResponse
from .clock import Clock, StatementClock
from .inspection import DatabaseInspection
from .models import IdempotencyKey

BATCH = 500
"""Keys that `prune` deletes at a time."""

PASSING = 200
"""Keys that a claim deletes in passing, once in half as many claims: faster than claims can make new ones."""

VENDORS = ("postgresql", "sqlite")


class DatabaseIdempotencyStore:
    """Keeps keys and answers in the table of `IdempotencyKey`, by the database server's clock.

    Each decision is one statement. Any number of processes and machines may share the database; a call that
    is made in no transaction is durable when it returns. Every hundredth claim deletes up to two hundred keys
    that have ended; `prune` deletes all. Errors are Django's own (`django.db.DatabaseError`).

    Args:
        database: the alias of `DATABASES` whose connections are used: SQLite or PostgreSQL.

    Attributes:
        database: as given.
        busy_timeout: seconds that SQLite waits for another transaction.
        sync: the same store for code without an event loop: safe in any thread, in which it leaves no
            connection open that it opened.
        in_request: `sync` for the thread of a request, at whose end Django closes the connection.

    Raises:
        DeclarationError: there is no such database, or it is of another kind.
    """

    def __init__(self, database: str = "default"):
        if database not in connections.settings:
            raise DeclarationError(f"there is no database {database!r}; give an alias of DATABASES")
        vendor = connections[database].vendor
        if vendor not in VENDORS:
            raise DeclarationError(
                f"the database {database!r} is {vendor}: keys can be kept in {' or '.join(VENDORS)}; give "
                "the alias of one as DATABASE, or another store as STORE"
            )
        options = connections[database].settings_dict.get("OPTIONS", {})
        self.database = database
        self.busy_timeout = float(options.get("timeout", 5.0)) if vendor == "sqlite" else 0.0
        self.in_request = Keys(database)
        self.sync = ClosingKeys(database)

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        return await asyncio.to_thread(self.sync.claim, key, fingerprint, lease=lease, ttl=ttl)

    async def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return await asyncio.to_thread(self.sync.renew, claim)

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`. The first answer of a claim stays."""
        return await asyncio.to_thread(self.sync.complete, claim, response)

    async def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        await asyncio.to_thread(self.sync.release, claim)

    async def prune(self) -> int:
        """See `IdempotencyStore.prune`."""
        return await asyncio.to_thread(self.sync.prune)

    def inspection(self, page: int = 1000) -> DatabaseInspection:
        """For looking at the keys, see `inspection.Inspection`; `page` of them are read at once."""
        return DatabaseInspection(self.database, page)

    def complete_in(self, connection: Any, claim: Claimed, response: Any) -> None:
        """Records the answer in the application's own open transaction.

        Effect and answer are then committed, or rolled back, as one: the effect happens exactly once whatever
        crashes when. The layer's own `complete` afterwards changes nothing of that.

        Args:
            connection: `django.db.connection`, or one of `connections`, within `transaction.atomic()`.
            claim: `request.pyqueue_claim`.
            response: what this attempt, and every later one with the key, answers: a rendered `HttpResponse`
                or a `StoredResponse`.

        Raises:
            NoTransaction: the connection is not within `atomic()`.
            NotWhole: the response is streamed, or not rendered yet.
            ClaimLost: another attempt took the key, or this one's answer is recorded already. Let it roll the
                transaction back.
            DeclarationError: the connection is of another database than the keys.
        """
        if connection.alias != self.database:
            raise DeclarationError(
                f"the connection is of the database {connection.alias!r} and the keys are in "
                f"{self.database!r}: one transaction cannot hold both; set PYQUEUE['DATABASE']"
            )
        if not connection.in_atomic_block:
            raise NoTransaction("no transaction is open: write the effect within transaction.atomic()")
        if not self.in_request.record(claim, stored(response)):
            raise ClaimLost("another attempt took this key, or its answer is recorded already: roll back")


class Keys:
    """The blocking calls, on the thread's own connection. Implements `SyncIdempotencyStore`."""

    def __init__(self, database: str):
        self._database = database
        self._claims = count(1)

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        if next(self._claims) % (PASSING // 2) == 0:
            self._prune_some(PASSING)
        claim = Claimed(key, uuid.uuid4().hex, lease, ttl)
        beginning = {
            "fingerprint": fingerprint,
            "token": claim.token,
            "claimed_at": Clock(),
            "ends_at": Clock() + lease,
        }
        while True:
            new = IdempotencyKey(id=_id(key), key=legible(key), **beginning)
            self._all.bulk_create([new], ignore_conflicts=True)
            row = self._all.filter(id=_id(key)).annotate(now=Clock()).first()
            if row is None:
                continue  # It was released meanwhile.
            if row.token == claim.token:
                return claim
            if row.ends_at > row.now:
                return _outcome(row, fingerprint)
            ended = self._all.filter(id=_id(key), ends_at__lte=Clock())
            if ended.update(**beginning, status=None, headers="[]", body=b""):
                return claim

    def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return bool(self._running(claim).update(ends_at=Clock() + claim.lease))

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`."""
        return self.record(claim, response) or self._of(claim).filter(status__isnull=False).exists()

    def record(self, claim: Claimed, response: StoredResponse) -> bool:
        """Whether the answer was kept: the claim is its own, and had none before."""
        return bool(
            self._running(claim).update(
                status=response.status,
                headers=headers_to_text(response),
                body=response.body,
                ends_at=Clock() + claim.ttl,
            )
        )

    def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        self._running(claim).delete()

    def prune(self) -> int:
        """See `IdempotencyStore.prune`. Each batch is a transaction."""
        pruned = 0
        while deleted := self._prune_some(BATCH):
            pruned += deleted
        return pruned

    def _prune_some(self, limit: int) -> int:
        """Deletes at most so many keys that have ended; those of an open transaction are let be."""
        ended = self._all.filter(ends_at__lte=StatementClock()).order_by("ends_at")
        skips = connections[self._database].features.has_select_for_update_skip_locked
        # SQLite has one lock for all: a transaction that reads first would fail beside another's writes.
        with transaction.atomic(self._database) if skips else nullcontext():
            found = ended.select_for_update(skip_locked=True) if skips else ended
            ids = list(found.values_list("id", flat=True)[:limit])
            deleted, _ = self._all.filter(id__in=ids, ends_at__lte=StatementClock()).delete()
        return int(deleted)

    @property
    def _all(self) -> Any:
        return IdempotencyKey.objects.using(self._database)

    def _of(self, claim: Claimed) -> Any:
        return self._all.filter(id=_id(claim.key), token=claim.token)

    def _running(self, claim: Claimed) -> Any:
        return self._of(claim).filter(status__isnull=True)


def _id(key: str) -> str:
    return digest_of(key).hex()


def _outcome(row: Any, fingerprint: bytes) -> Outcome:
    """What another attempt's row, which has not ended, says."""
    if bytes(row.fingerprint) != fingerprint:
        return Mismatch()
    if row.status is None:
        return InFlight(max(row.now - row.claimed_at, 0.0))
    return Replay(StoredResponse(row.status, headers_from_text(row.headers), bytes(row.body)))


class ClosingKeys(Keys):
    """`Keys` for a thread that no request owns, such as the one that renews a lease: nobody would close the
    connection."""

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        with self._connection():
            return super().claim(key, fingerprint, lease=lease, ttl=ttl)

    def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        with self._connection():
            return super().renew(claim)

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`."""
        with self._connection():
            return super().complete(claim, response)

    def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        with self._connection():
            super().release(claim)

    def prune(self) -> int:
        """See `Keys.prune`."""
        with self._connection():
            return super().prune()

    @contextmanager
    def _connection(self) -> Iterator[None]:
        connection = connections[self._database]
        was_open = connection.connection is not None
        try:
            yield
        finally:
            if not was_open:
                connection.close()
