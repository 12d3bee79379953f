"""The PostgreSQL store keeps the contract of stores; and what only it does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from building.paths import ROOT
from pyqueue import DeclarationError
from pyqueue.server import Claimed, ClaimLost, InFlight, Mismatch, NoTransaction, Outcome, Replay
from pyqueue.server.postgres import PostgresIdempotencyStore
from pyqueue.testing.idempotency import ANSWER, LONG, OTHER, IdempotencyStoreContract, wait_until
from tests.server.databases import PostgresServer


class TestContract(IdempotencyStoreContract):
    @pytest.fixture
    def store(self, postgres_server: PostgresServer) -> PostgresIdempotencyStore:
        return PostgresIdempotencyStore(postgres_server.url)


@pytest.fixture
def store(postgres_server: PostgresServer) -> Iterator[PostgresIdempotencyStore]:
    """A store in a database that also has a table for effects."""
    with psycopg.connect(postgres_server.url) as connection:
        connection.execute("CREATE TABLE effects (body text)")
    store = PostgresIdempotencyStore(postgres_server.url)
    yield store
    store.sync.close()


@pytest.fixture
def connection(postgres_server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """The application's own."""
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        yield connection


def claim(store: PostgresIdempotencyStore, key: str = "key", lease: float = LONG) -> Outcome:
    return store.sync.claim(key, b"f", lease=lease, ttl=LONG)


def claimed(store: PostgresIdempotencyStore, key: str = "key", lease: float = LONG) -> Claimed:
    outcome = claim(store, key, lease)
    assert isinstance(outcome, Claimed)
    return outcome


EFFECT = "INSERT INTO effects VALUES ('made')"


def effects(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM effects").fetchone()
    assert row is not None
    return int(row[0])


# Each writes the effect and records the answer in one transaction of its kind.


def by_psycopg(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(EFFECT)
        store.complete_in(connection, claim, ANSWER)


def by_a_transaction_block(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute(EFFECT)
        store.complete_in(connection, claim, ANSWER)


def by_psycopg_async(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    async def handle() -> None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(EFFECT)
            await store.complete_in(connection, claim, ANSWER)

    asyncio.run(handle())


def by_session(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    engine = create_engine(of_sqlalchemy(url))
    try:
        with Session(engine) as session, session.begin():
            session.execute(text(EFFECT))
            store.complete_in(session, claim, ANSWER)
    finally:
        engine.dispose()


def by_scoped_session(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    engine = create_engine(of_sqlalchemy(url))
    registry = scoped_session(sessionmaker(engine))
    try:
        registry.execute(text(EFFECT))
        store.complete_in(registry, claim, ANSWER)
        registry.commit()
    finally:
        registry.remove()
        engine.dispose()


def by_async_session(url: str, store: PostgresIdempotencyStore, claim: Claimed) -> None:
    async def handle() -> None:
        engine = create_async_engine(of_sqlalchemy(url))
        try:
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(text(EFFECT))
                await store.complete_in(session, claim, ANSWER)
        finally:
            await engine.dispose()

    asyncio.run(handle())


WAYS = [
    by_psycopg,
    by_a_transaction_block,
    by_psycopg_async,
    by_session,
    by_scoped_session,
    by_async_session,
]
Way = Callable[[str, PostgresIdempotencyStore, Claimed], None]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[3:])


def of_sqlalchemy(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


@each_way
def test_effect_and_answer_are_one_transaction(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer, connection: Any, way: Way
) -> None:
    """The layer's own completion afterwards changes nothing of it."""
    held = claimed(store)
    way(postgres_server.url, store, held)
    assert effects(connection) == 1
    assert claim(store) == Replay(ANSWER)
    assert store.sync.complete(held, OTHER)
    store.sync.release(held)
    assert claim(store) == Replay(ANSWER)


@each_way
def test_recording_with_a_lost_claim_takes_the_effect_back(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer, connection: Any, way: Way
) -> None:
    late = claimed(store, lease=0.01)
    wait_until(lambda: isinstance(claim(store), Claimed))
    with pytest.raises(ClaimLost, match="roll the transaction back"):
        way(postgres_server.url, store, late)
    assert effects(connection) == 0
    assert isinstance(claim(store), InFlight)


def test_recording_twice_takes_the_second_effect_back(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer, connection: Any
) -> None:
    """An application that runs its transaction again because the reply to COMMIT was lost."""
    held = claimed(store)
    by_psycopg(postgres_server.url, store, held)
    with pytest.raises(ClaimLost):
        by_psycopg(postgres_server.url, store, held)
    assert effects(connection) == 1


def test_a_rollback_takes_the_answer_back(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer
) -> None:
    held = claimed(store)
    with psycopg.connect(postgres_server.url) as connection:
        connection.execute(EFFECT)
        store.complete_in(connection, held, ANSWER)
        connection.rollback()
    assert isinstance(claim(store), InFlight)


def test_a_connection_without_a_transaction_is_refused(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer, connection: Any
) -> None:
    """Whatever is asynchronous is refused by the call already, not when it is awaited."""
    held = claimed(store)
    with pytest.raises(NoTransaction, match="no transaction is open"):
        store.complete_in(connection, held, ANSWER)
    engine = create_engine(of_sqlalchemy(postgres_server.url))
    with Session(engine) as session, pytest.raises(NoTransaction, match="no transaction is open"):
        store.complete_in(session, held, ANSWER)
    engine.dispose()
    engine = create_engine(of_sqlalchemy(postgres_server.url), isolation_level="AUTOCOMMIT")
    with Session(engine) as session:
        session.execute(text(EFFECT))
        with pytest.raises(NoTransaction, match="AUTOCOMMIT"):
            store.complete_in(session, held, ANSWER)
    engine.dispose()

    async def on_a_loop() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_server.url) as connection:
            with pytest.raises(NoTransaction, match="no transaction is open"):
                store.complete_in(connection, held, ANSWER)

    asyncio.run(on_a_loop())
    with pytest.raises(TypeError, match="with a str"):
        store.complete_in("connection", held, ANSWER)  # type: ignore[call-overload]
    assert isinstance(claim(store), InFlight)


def test_an_answer_that_is_being_recorded_is_in_flight(
    store: PostgresIdempotencyStore, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application's transaction is open for long, and holds the row: nobody waits for its end."""
    monkeypatch.setattr("pyqueue.server._postgres_pools._SETTINGS", "SET lock_timeout = 50")
    held = claimed(store)
    with connection.transaction():
        store.complete_in(connection, held, ANSWER)
        assert isinstance(claim(store), InFlight)
        assert store.sync.claim("key", b"other", lease=LONG, ttl=LONG) == Mismatch()
        assert store.sync.renew(held)
    assert claim(store) == Replay(ANSWER)


def test_stores_that_start_at_once_make_one_table(postgres_server: PostgresServer) -> None:
    stores = [PostgresIdempotencyStore(postgres_server.url, pool_size=1) for _ in range(12)]
    with ThreadPoolExecutor(len(stores)) as threads:
        outcomes = list(threads.map(claim, stores))
    assert sum(isinstance(outcome, Claimed) for outcome in outcomes) == 1
    for store in stores:
        store.sync.close()


def test_the_table_may_be_made_by_hand_and_in_a_schema(
    postgres_server: PostgresServer, connection: Any
) -> None:
    """A role that may not make tables uses the one that is there."""
    connection.execute("DROP SCHEMA IF EXISTS site CASCADE; CREATE SCHEMA site")
    connection.execute(
        "DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA site TO clerk"
    )
    url = postgres_server.url.replace("pyqueue@", "clerk@")
    store = PostgresIdempotencyStore(url, table="site.answers")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        claim(store)
    connection.execute(store.schema)
    connection.execute("GRANT ALL ON site.answers TO clerk")
    assert isinstance(claim(store), Claimed)
    store.sync.close()
    connection.execute("DROP SCHEMA site CASCADE; DROP ROLE clerk")


@pytest.mark.parametrize("table", ["", "a.b.c", "keys; DROP TABLE keys", 'a"b', "Keys", "x" * 60])
def test_a_table_whose_name_is_none_is_refused(table: str) -> None:
    with pytest.raises(DeclarationError, match="table"):
        PostgresIdempotencyStore("", table=table)


def test_a_server_that_cannot_be_reached_is_told_at_once(postgres_server: PostgresServer) -> None:
    store = PostgresIdempotencyStore(postgres_server.url + "x")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        claim(store)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        asyncio.run(store.claim("key", b"f", lease=LONG, ttl=LONG))


def test_a_restart_of_the_server_loses_nothing(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer
) -> None:
    """Both faces connect again, with many connections open before."""

    async def scenario() -> None:
        names = [str(number) for number in range(20)]
        held = await asyncio.gather(*(store.claim(name, b"f", lease=LONG, ttl=LONG) for name in names))
        claim(store)
        await asyncio.to_thread(postgres_server.restart)
        done = await asyncio.gather(*(store.complete(held, ANSWER) for held in held))
        assert all(done)
        assert isinstance(claim(store), InFlight)
        await store.aclose()

    asyncio.run(scenario())


def test_a_claim_whose_connection_broke_is_claimed_again(
    store: PostgresIdempotencyStore, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the statement had run: the same attempt asks again, with the same token."""
    claimed(store, "warm")
    from pyqueue.server import _postgres_pools

    carry_out, broken = _postgres_pools._carry_out, []

    def lose_one(plan: Any, own: psycopg.Connection[Any]) -> Any:
        done = carry_out(plan, own)
        if not broken:
            broken.append(done)
            connection.execute("SELECT pg_terminate_backend(%s)", (own.info.backend_pid,))
            own.execute("SELECT 1")
        return done

    monkeypatch.setattr(_postgres_pools, "_carry_out", lose_one)
    assert isinstance(claim(store), Claimed)
    assert isinstance(broken[0], Claimed)
    assert isinstance(claim(store), InFlight)


def fill_with_ended(connection: psycopg.Connection[Any], keys: int) -> None:
    connection.execute(
        "INSERT INTO idempotency_keys "
        "SELECT sha256(n::text::bytea), n, '', '', now(), now() - interval '1 s', 200, '[]', '' "
        "FROM generate_series(1, %s) AS n",
        (keys,),
    )


def left(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM idempotency_keys").fetchone()
    assert row is not None
    return int(row[0])


def test_pruning_goes_in_batches(store: PostgresIdempotencyStore, connection: Any) -> None:
    """And passes over what another transaction holds."""
    store.sync.prune()
    fill_with_ended(connection, 2500)
    with connection.transaction():
        connection.execute("SELECT FROM idempotency_keys WHERE key = '7' FOR UPDATE")
        assert store.sync.prune() == 2499
    assert store.sync.prune() == 1


def test_claims_delete_what_has_ended_in_passing(store: PostgresIdempotencyStore, connection: Any) -> None:
    """A bounded number each time, and more than claims make."""
    claimed(store, "first")
    fill_with_ended(connection, 1000)
    for number in range(99):
        claimed(store, f"new {number}")
    assert left(connection) == 1 + 1000 - 200 + 99


def test_every_event_loop_has_connections_of_its_own(store: PostgresIdempotencyStore) -> None:
    async def once() -> object:
        try:
            return await store.claim("key", b"f", lease=LONG, ttl=LONG)
        finally:
            await store.aclose()

    assert isinstance(asyncio.run(once()), Claimed)
    assert isinstance(asyncio.run(once()), InFlight)


NEVER_CLOSED = """
import asyncio, sys
from pyqueue.server.postgres import PostgresIdempotencyStore
store = PostgresIdempotencyStore(sys.argv[1])

async def site():
    asyncio.create_task(store.claim("left behind", b"f", lease=60, ttl=60))
    await asyncio.gather(*(store.claim(str(n), b"f", lease=60, ttl=60) for n in range(4)))

asyncio.run(site())
store.sync.claim("key", b"f", lease=60, ttl=60)
"""


def test_a_process_that_never_closes_the_store_ends(postgres_server: PostgresServer) -> None:
    """As servers do that stop, also while a connection is being made."""
    command = [sys.executable, "-c", NEVER_CLOSED, postgres_server.url]
    assert subprocess.run(command, cwd=ROOT, timeout=30, check=False).returncode == 0


def test_a_call_waits_no_longer_for_a_connection_than_allowed(
    store: PostgresIdempotencyStore, postgres_server: PostgresServer, connection: Any
) -> None:
    """The one connection of each face waits for a lock; afterwards it is used again."""
    claimed(store)
    small = PostgresIdempotencyStore(postgres_server.url, pool_size=1, timeout=0.3)

    def again() -> Any:
        return small.claim("key", b"f", lease=LONG, ttl=LONG)

    async def scenario() -> None:
        with ThreadPoolExecutor(1) as threads:
            with connection.transaction():
                connection.execute("LOCK TABLE idempotency_keys")
                first = threads.submit(claim, small)
                second = asyncio.create_task(again())
                while waiting(connection) < 2:
                    await asyncio.sleep(0.01)
                with pytest.raises(psycopg.OperationalError, match="have been busy"):
                    claim(small)
                with pytest.raises(psycopg.OperationalError, match="have been busy"):
                    await again()
            assert isinstance(first.result(), InFlight)
            assert isinstance(await second, InFlight)
        assert isinstance(await again(), InFlight)
        await small.aclose()

    asyncio.run(scenario())
    small.sync.close()


def waiting(connection: psycopg.Connection[Any]) -> int:
    """How many statements wait for the table."""
    row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    assert row is not None
    return int(row[0])
