"""A statement in the transaction of an SQLAlchemy session or connection."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
    from sqlalchemy.orm import Session, scoped_session

    Blocking = Connection | Session | scoped_session[Any]
    OnLoop = AsyncConnection | AsyncSession | async_scoped_session[Any]


def changes_one(connection: Any, statement: str, values: Mapping[str, Any]) -> bool | Awaitable[bool] | None:
    """Carries out a statement in the open transaction.

    Args:
        connection: a `Session`, an `AsyncSession`, a registry of either, or a connection of the engine.
        statement: with parameters as in `:name`, and with RETURNING.
        values: of the parameters.

    Returns:
        Whether there was a row; awaitable where the connection is asynchronous. `None`: no transaction is
        open.

    Raises:
        TypeError: it is nothing of SQLAlchemy's.
    """
    try:
        from sqlalchemy import Connection, text
        from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
        from sqlalchemy.orm import Session, scoped_session
    except ImportError:
        raise TypeError(f"complete_in cannot record an answer with a {type(connection).__name__}") from None

    if isinstance(connection, scoped_session | async_scoped_session):
        connection = connection()
    if not isinstance(connection, Connection | Session | AsyncConnection | AsyncSession):
        raise TypeError(f"complete_in cannot record an answer with a {type(connection).__name__}")
    if not connection.in_transaction():
        return None
    if isinstance(connection, Connection | Session):
        return connection.execute(text(statement), values).first() is not None

    async def change() -> bool:
        return (await connection.execute(text(statement), values)).first() is not None

    return change()
