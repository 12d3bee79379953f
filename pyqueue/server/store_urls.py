"""A store by its address, as a command is given it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import DeclarationError
from .sqlite import SQLiteIdempotencyStore

if TYPE_CHECKING:
    from .postgres import PostgresIdempotencyStore
    from .redis import RedisIdempotencyStore

_SQLITE = "sqlite:///"
_REDIS = ("redis", "rediss", "unix")
_POSTGRES = ("postgresql", "postgres")


def store_at(
    address: str, *, table: str | None = None, prefix: str | None = None
) -> SQLiteIdempotencyStore | PostgresIdempotencyStore | RedisIdempotencyStore:
    """The store at an address. Nothing is opened yet.

    Args:
        address: a file, `sqlite:///` and a file, or a URL of Redis or PostgreSQL.
        table: of a PostgreSQL store, if it is not the default.
        prefix: of a Redis store, if it is not the default.

    Raises:
        DeclarationError: the address is of no store, or the file is missing. It is not repeated, except for a
            file: it may hold a password.
        ImportError: the store's library is not installed.
    """
    scheme = address.partition("://")[0] if "://" in address else ""
    if table is not None and scheme not in _POSTGRES:
        raise DeclarationError("--table is for a PostgreSQL store")
    if prefix is not None and scheme not in _REDIS:
        raise DeclarationError("--prefix is for a Redis store")
    if scheme in _REDIS:
        from .redis import RedisIdempotencyStore

        if prefix is None:
            return RedisIdempotencyStore(address)
        return RedisIdempotencyStore(address, prefix=prefix)
    if scheme in _POSTGRES:
        from .postgres import PostgresIdempotencyStore

        if table is None:
            return PostgresIdempotencyStore(address)
        return PostgresIdempotencyStore(address, table=table)
    if scheme and not address.startswith(_SQLITE):
        raise DeclarationError(
            f"there is no store for {scheme}://; give a file, sqlite:///FILE, redis://… or postgresql://…"
        )
    path = Path(address.removeprefix(_SQLITE))
    if not path.is_file():
        raise DeclarationError(f"there is no file {path}")
    return SQLiteIdempotencyStore(path)
