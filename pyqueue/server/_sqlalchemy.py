"""A statement in the transaction of an SQLAlchemy session or connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._recording import no_transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
    from sqlalchemy.orm import Session, scoped_session

    Blocking = Connection | Session | scoped_session[Any]
    OnLoop = AsyncConnection | AsyncSession | async_scoped_session[Any]


def changes_one(
    connection: Any, statement: str, values: Mapping[str, Any], commits_at_once: Callable[[Any], bool]
) -> bool | Awaitable[bool]:
    """Carries out a statement in the open transaction, and returns whether there was a row.

    Args:
        connection: a `Session`, an `AsyncSession`, a registry of either, or a connection of the engine. If it
            is an asynchronous one, await the result.
        statement: with parameters as in `:name`, and with RETURNING.
        values: of the parameters.
        commits_at_once: whether the driver's connection would commit the statement by itself. SQLAlchemy
            speaks of a transaction also where its isolation level is `AUTOCOMMIT`.

    Raises:
        NoTransaction: no transaction is open.
        TypeError: it is nothing of SQLAlchemy's.
    """
    try:
        from sqlalchemy import Connection, text
        from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
        from sqlalchemy.orm import Session, scoped_session
    except ImportError:
        raise TypeError(f"complete_in cannot record an answer with a {type(connection).__name__}") from None

    def change(blocking: Connection | Session) -> bool:
        underneath = blocking.connection() if isinstance(blocking, Session) else blocking
        if commits_at_once(underneath.connection.driver_connection):
            raise no_transaction("begin one, with an isolation level other than AUTOCOMMIT")
        return blocking.execute(text(statement), values).first() is not None

    if isinstance(connection, scoped_session | async_scoped_session):
        connection = connection()
    if not isinstance(connection, Connection | Session | AsyncConnection | AsyncSession):
        raise TypeError(f"complete_in cannot record an answer with a {type(connection).__name__}")
    if not connection.in_transaction():
        raise no_transaction("begin one")
    if isinstance(connection, Connection | Session):
        return change(connection)
    return connection.run_sync(change)
