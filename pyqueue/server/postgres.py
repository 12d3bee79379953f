"""An idempotency store in PostgreSQL, for a site on any number of machines."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, overload

try:
    import psycopg
    from psycopg.pq import TransactionStatus

    from ._postgres_pools import AsyncPool, Pool
except ImportError as error:
    raise ImportError("the PostgreSQL store needs psycopg 3: pip install 'pyqueue-sync[postgres]'") from error

from ._loops import PerLoop
from ._postgres_inspection import PostgresInspection
from ._postgres_plans import PASSING, Plans, answered, for_psycopg
from ._recording import insist, no_transaction
from ._sqlalchemy import changes_one
from .responses import stored
from .stores import Claimed, Outcome, StoredResponse

if TYPE_CHECKING:
    from ._sqlalchemy import Blocking, OnLoop


class PostgresIdempotencyStore:
    """Keeps keys and answers in a table of a PostgreSQL database (12 or later), by its clock.

    The table is made at the first call if it is missing; any number of processes may do so at once. A site
    that makes its tables by migrations finds the statements in `schema`.

    One statement decides each call, so a call is atomic, and durable when it returns unless the server's
    `synchronous_commit` is off. Every hundredth claim deletes up to two hundred keys that have ended, so that
    nobody has to remember to; `prune` deletes all, in batches.

    Connections are the store's own, opened at first use by each process and each event loop for itself, and
    again when they break: a call whose reply was lost is repeated, which changes nothing. Errors are
    psycopg's own (`psycopg.Error`). On Windows the asynchronous methods need a selector event loop, as
    psycopg does.

    Args:
        conninfo: the server and database, such as `postgresql://user@host/database`. It may be the
            application's own, which then can record an answer in the transaction of its effect, see
            `complete_in`.
        table: where the keys are; a schema and a dot may stand before the name.
        pool_size: connections at most, of each event loop, and of all threads together; a call waits for one.
        timeout: seconds that a call waits for a connection, and for a server that has gone to come back.
        options: further arguments of `psycopg.connect`. Behind a pooler that hands each transaction another
            connection: `{"prepare_threshold": None}`.

    Attributes:
        busy_timeout: `timeout`.
        sync: the same store for code without an event loop: the five methods, blocking, safe in any thread.
        schema: the SQL that makes the table and its index.

    Raises:
        DeclarationError: `table` is no name.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        table: str = "idempotency_keys",
        pool_size: int = 8,
        timeout: float = 10.0,
        options: Mapping[str, Any] | None = None,
    ):
        self.busy_timeout = timeout
        self._plans = Plans(table)
        self.schema = ";".join(self._plans.schema) + ";"
        self._conninfo = conninfo
        self._options = options or {}
        connect = (self._plans, conninfo, pool_size, timeout, self._options)
        self._claims = count(1)
        self._pools = PerLoop(lambda: AsyncPool(*connect))
        self.sync = _Blocking(self, Pool(*connect))

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`. An open transaction that records the key's answer is in flight."""
        claim, collect = self._next(key, lease, ttl)
        return await self._pools.get().run(lambda: self._plans.claim(claim, fingerprint, collect))

    async def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return await self._pools.get().run(lambda: self._plans.renew(claim))

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`. The first answer of a claim stays."""
        return await self._pools.get().run(lambda: self._plans.complete(claim, response))

    async def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        await self._pools.get().run(lambda: self._plans.release(claim))

    async def prune(self) -> int:
        """See `IdempotencyStore.prune`. Each batch of 1,000 keys is a transaction, and holds up no claim."""
        return await self._pools.get().run(self._plans.prune)

    @overload
    def complete_in(
        self, connection: psycopg.Connection[Any] | Blocking, claim: Claimed, response: Any
    ) -> None: ...

    @overload
    def complete_in(
        self, connection: psycopg.AsyncConnection[Any] | OnLoop, claim: Claimed, response: Any
    ) -> Awaitable[None]: ...

    def complete_in(self, connection: Any, claim: Claimed, response: Any) -> Awaitable[None] | None:
        """Records the answer in the application's own open transaction on the same database.

        Effect and answer are then committed, or rolled back, as one: the effect happens exactly once whatever
        crashes when. The layer's own `complete` afterwards changes nothing of that.

        Args:
            connection: with a transaction open that holds the effect; the caller commits it. A connection of
                psycopg, or of SQLAlchemy a `Session`, an `AsyncSession`, a registry of either, a `Connection`
                or an `AsyncConnection`, with any driver. If it is an asynchronous one, await the call.
            claim: the claim that the layer gave to the application.
            response: what this attempt, and every later one with the key, answers: a `StoredResponse`, or the
                framework's own, see `responses.stored`.

        Raises:
            ClaimLost: another attempt took the key, or this one's answer is recorded already. Roll the
                transaction back.
            NoTransaction: no transaction is open: the effect could be committed without the answer.
            NotWhole: the response cannot be kept.
            TypeError: it is no such connection.
        """
        values = answered(claim, stored(response))
        if isinstance(connection, psycopg.Connection | psycopg.AsyncConnection):
            if _is_idle(connection):
                raise no_transaction("begin one")
            if isinstance(connection, psycopg.AsyncConnection):
                return insist(self._record(connection, values))
            return insist(connection.execute(for_psycopg(self._plans.record), values).fetchone() is not None)
        return insist(changes_one(connection, self._plans.record, values, _commits_at_once))

    def inspection(self, page: int = 1000) -> PostgresInspection:
        """For looking at the keys, see `inspection.Inspection`; `page` of them are read at once."""
        return PostgresInspection(self._conninfo, self._plans.table, self._options, page)

    async def aclose(self) -> None:
        """Closes the running event loop's connections. The next call opens new ones."""
        pool = self._pools.take()
        if pool is not None:
            await pool.close()

    async def _record(self, connection: psycopg.AsyncConnection[Any], values: dict[str, Any]) -> bool:
        cursor = await connection.execute(for_psycopg(self._plans.record), values)
        return await cursor.fetchone() is not None

    def _next(self, key: str, lease: float, ttl: float) -> tuple[Claimed, bool]:
        """A claim to make, and whether it is its turn to collect what has ended."""
        return Claimed(key, uuid.uuid4().hex, lease, ttl), next(self._claims) % (PASSING // 2) == 0


class _Blocking:
    """The blocking face, see `PostgresIdempotencyStore.sync`."""

    def __init__(self, store: PostgresIdempotencyStore, pool: Pool):
        self._plans = store._plans
        self._next = store._next
        self._pool = pool

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `PostgresIdempotencyStore.claim`."""
        claim, collect = self._next(key, lease, ttl)
        return self._pool.run(lambda: self._plans.claim(claim, fingerprint, collect))

    def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return self._pool.run(lambda: self._plans.renew(claim))

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `PostgresIdempotencyStore.complete`."""
        return self._pool.run(lambda: self._plans.complete(claim, response))

    def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        self._pool.run(lambda: self._plans.release(claim))

    def prune(self) -> int:
        """See `PostgresIdempotencyStore.prune`."""
        return self._pool.run(self._plans.prune)

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        self._pool.close()


def _is_idle(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return connection.info.transaction_status == TransactionStatus.IDLE


def _commits_at_once(connection: Any) -> bool:
    """Whether a statement would be a transaction of its own. Only of psycopg that is known."""
    is_known = isinstance(connection, psycopg.Connection | psycopg.AsyncConnection)
    return is_known and connection.autocommit and _is_idle(connection)
