"""`complete_in` of the SQLite store, with every kind of connection that an application may have."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from pyqueue.server import Claimed, ClaimLost, InFlight, NoTransaction, Replay, SQLiteIdempotencyStore
from pyqueue.testing.idempotency import ANSWER, LONG, OTHER, wait_until

EFFECT = "INSERT INTO effects VALUES ('made')"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The application's own file, with a table for effects."""
    path = tmp_path / "site.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE effects (body TEXT)")
    connection.close()
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteIdempotencyStore]:
    """A store in the same file."""
    store = SQLiteIdempotencyStore(path)
    yield store
    store.close()


def claim(store: SQLiteIdempotencyStore, lease: float = LONG) -> Any:
    return store.sync.claim("key", b"f", lease=lease, ttl=LONG)


def effects(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM effects").fetchone()[0])
    finally:
        connection.close()


def by_sqlite3(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(EFFECT)
            store.complete_in(connection, claim, ANSWER)
    finally:
        connection.close()


def by_aiosqlite(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    async def handle() -> None:
        async with aiosqlite.connect(path) as connection:
            await connection.execute("BEGIN IMMEDIATE")
            await connection.execute(EFFECT)
            await store.complete_in(connection, claim, ANSWER)
            await connection.commit()

    asyncio.run(handle())


def by_session(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with Session(engine) as session, session.begin():
            session.execute(text(EFFECT))
            store.complete_in(session, claim, ANSWER)
    finally:
        engine.dispose()


def by_scoped_session(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    engine = create_engine(f"sqlite:///{path}")
    registry = scoped_session(sessionmaker(engine))
    try:
        registry.execute(text(EFFECT))
        store.complete_in(registry, claim, ANSWER)
        registry.commit()
    finally:
        registry.remove()
        engine.dispose()


def by_connection_that_records_first(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            store.complete_in(connection, claim, ANSWER)
            connection.execute(text(EFFECT))
    finally:
        engine.dispose()


def by_async_session(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    async def handle() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        try:
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(text(EFFECT))
                await store.complete_in(session, claim, ANSWER)
        finally:
            await engine.dispose()

    asyncio.run(handle())


def by_async_connection(path: Path, store: SQLiteIdempotencyStore, claim: Claimed) -> None:
    async def handle() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        try:
            async with engine.begin() as connection:
                await connection.execute(text(EFFECT))
                await store.complete_in(connection, claim, ANSWER)
        finally:
            await engine.dispose()

    asyncio.run(handle())


WAYS = [
    by_sqlite3,
    by_aiosqlite,
    by_session,
    by_scoped_session,
    by_connection_that_records_first,
    by_async_session,
    by_async_connection,
]
Way = Callable[[Path, SQLiteIdempotencyStore, Claimed], None]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[3:])


@each_way
def test_effect_and_answer_are_one_transaction(store: SQLiteIdempotencyStore, path: Path, way: Way) -> None:
    """The layer's own completion afterwards changes nothing of it."""
    held = claim(store)
    way(path, store, held)
    assert effects(path) == 1
    assert claim(store) == Replay(ANSWER)
    assert store.sync.complete(held, OTHER)
    assert claim(store) == Replay(ANSWER)


@each_way
def test_recording_with_a_lost_claim_takes_the_effect_back(
    store: SQLiteIdempotencyStore, path: Path, way: Way
) -> None:
    late = claim(store, lease=0.01)
    wait_until(lambda: isinstance(claim(store), Claimed))
    with pytest.raises(ClaimLost, match="roll the transaction back"):
        way(path, store, late)
    assert effects(path) == 0
    assert isinstance(claim(store), InFlight)


def test_a_connection_without_a_transaction_is_refused(store: SQLiteIdempotencyStore, path: Path) -> None:
    """It would commit the answer apart from its effect."""
    held = claim(store)
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session, pytest.raises(NoTransaction, match="begin one"):
        store.complete_in(session, held, ANSWER)
    engine.dispose()

    async def on_a_loop() -> None:
        async with aiosqlite.connect(path) as connection:
            with pytest.raises(NoTransaction, match="BEGIN IMMEDIATE"):
                store.complete_in(connection, held, ANSWER)

    asyncio.run(on_a_loop())
    assert isinstance(claim(store), InFlight)


def test_a_session_that_commits_each_statement_is_refused(store: SQLiteIdempotencyStore, path: Path) -> None:
    """SQLAlchemy speaks of a transaction there too, but the driver has none."""
    held = claim(store)
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    with Session(engine) as session:
        session.execute(text(EFFECT))
        with pytest.raises(NoTransaction, match="AUTOCOMMIT"):
            store.complete_in(session, held, ANSWER)
    engine.dispose()

    async def on_a_loop() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}", isolation_level="AUTOCOMMIT")
        async with AsyncSession(engine) as session:
            await session.execute(text(EFFECT))
            with pytest.raises(NoTransaction, match="AUTOCOMMIT"):
                await store.complete_in(session, held, ANSWER)
        await engine.dispose()

    asyncio.run(on_a_loop())
    assert isinstance(claim(store), InFlight)


def test_what_is_no_connection_is_refused_by_name(store: SQLiteIdempotencyStore) -> None:
    with pytest.raises(TypeError, match="with a str"):
        store.complete_in("connection", claim(store), ANSWER)  # type: ignore[call-overload]
