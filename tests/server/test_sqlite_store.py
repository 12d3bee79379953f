"""What only the store itself can show: fencing, leases by the clock, pruning."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyqueue.server import (
    Claimed,
    ClaimLost,
    InFlight,
    Mismatch,
    NoTransaction,
    Replay,
    SQLiteIdempotencyStore,
    StoredResponse,
)

ANSWER = StoredResponse(201, ((b"x", b"\xe9"),), b"\x00body")


class Clock:
    """A clock that stands until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Time, set by hand."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Callable[[], float]) -> Iterator[SQLiteIdempotencyStore]:
    """A store on a file of its own."""
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3", clock=clock)
    yield store
    store.close()


def claim(store: SQLiteIdempotencyStore, fingerprint: bytes = b"f", lease: float = 10.0) -> Any:
    return asyncio.run(store.claim("key", fingerprint, lease=lease, ttl=100.0))


def test_an_answer_comes_back_byte_for_byte(store: SQLiteIdempotencyStore) -> None:
    """Headers need not be UTF-8."""
    assert asyncio.run(store.complete(claim(store), ANSWER))
    assert claim(store) == Replay(ANSWER)


def test_a_claim_in_flight_tells_its_age(store: SQLiteIdempotencyStore, clock: Clock) -> None:
    """And a different request is told that the key is taken."""
    claim(store)
    clock.now += 3
    assert claim(store) == InFlight(3.0)
    assert claim(store, b"other") == Mismatch()


def test_whoever_lost_the_lease_can_neither_complete_nor_release(
    store: SQLiteIdempotencyStore, clock: Clock
) -> None:
    """The fencing token is the new holder's."""
    late = claim(store)
    clock.now += 10
    holder = claim(store)
    assert isinstance(holder, Claimed)
    assert not asyncio.run(store.complete(late, ANSWER))
    assert not asyncio.run(store.renew(late))
    asyncio.run(store.release(late))
    assert isinstance(claim(store), InFlight)


def test_recording_with_a_lost_claim_is_refused(
    store: SQLiteIdempotencyStore, clock: Clock, tmp_path: Path
) -> None:
    """So that a stalled process cannot add a second effect."""
    late = claim(store)
    clock.now += 10
    claim(store)
    connection = sqlite3.connect(tmp_path / "keys.sqlite3")
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(ClaimLost, match="roll the transaction back"):
        store.complete_in(connection, late, ANSWER)
    connection.close()


def test_releasing_keeps_an_answer_that_the_application_recorded(
    store: SQLiteIdempotencyStore, tmp_path: Path
) -> None:
    """The application may crash after its commit."""
    held = claim(store)
    connection = sqlite3.connect(tmp_path / "keys.sqlite3")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        store.complete_in(connection, held, ANSWER)
    connection.close()
    asyncio.run(store.release(held))
    assert claim(store) == Replay(ANSWER)


def test_what_the_application_recorded_is_not_overwritten(
    store: SQLiteIdempotencyStore, tmp_path: Path
) -> None:
    """Neither by the layer's own answer, nor by a second of its own."""
    held = claim(store)
    connection = sqlite3.connect(tmp_path / "keys.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    store.complete_in(connection, held, ANSWER)
    with pytest.raises(ClaimLost):
        store.complete_in(connection, held, StoredResponse(500))
    connection.execute("COMMIT")
    connection.close()
    assert asyncio.run(store.complete(held, StoredResponse(500)))
    assert claim(store) == Replay(ANSWER)


def test_completing_twice_keeps_the_first_answer(store: SQLiteIdempotencyStore) -> None:
    """So a call whose outcome is not known may be repeated."""
    held = claim(store)
    assert store.sync.complete(held, ANSWER)
    assert store.sync.complete(held, StoredResponse(500))
    assert claim(store) == Replay(ANSWER)


def test_a_record_outside_a_transaction_is_refused(store: SQLiteIdempotencyStore, tmp_path: Path) -> None:
    """It would be committed apart from its effect."""
    held = claim(store)
    connection = sqlite3.connect(tmp_path / "keys.sqlite3", isolation_level=None)
    with pytest.raises(NoTransaction, match="BEGIN IMMEDIATE"):
        store.complete_in(connection, held, ANSWER)
    connection.close()
    assert isinstance(claim(store), InFlight)


def test_a_transaction_that_is_rolled_back_records_nothing(
    store: SQLiteIdempotencyStore, tmp_path: Path
) -> None:
    held = claim(store)
    connection = sqlite3.connect(tmp_path / "keys.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    store.complete_in(connection, held, ANSWER)
    connection.execute("ROLLBACK")
    connection.close()
    asyncio.run(store.release(held))
    assert isinstance(claim(store), Claimed)


def test_collecting_what_has_ended_is_bounded_work(
    store: SQLiteIdempotencyStore, clock: Clock, tmp_path: Path
) -> None:
    """A claim deletes some of it; the next ones go on until nothing is left."""

    async def fill() -> None:
        await asyncio.gather(*(store.claim(f"k{n}", b"f", lease=1, ttl=1) for n in range(1200)))

    asyncio.run(fill())
    clock.now += 400
    left = []
    for n in range(4):
        store.sync.claim(f"new{n}", b"f", lease=1000, ttl=1000)
        connection = sqlite3.connect(tmp_path / "keys.sqlite3")
        left.append(connection.execute("SELECT count(*) FROM idempotency_keys").fetchone()[0] - n - 1)
        connection.close()
    assert left == [700, 200, 0, 0]


def test_pruning_deletes_what_has_ended(store: SQLiteIdempotencyStore, clock: Clock) -> None:
    """And nothing else."""
    asyncio.run(store.complete(claim(store), ANSWER))
    assert asyncio.run(store.prune()) == 0
    clock.now += 100
    assert asyncio.run(store.prune()) == 1


def test_claiming_prunes_in_passing(store: SQLiteIdempotencyStore, clock: Clock) -> None:
    """Nobody has to remember to."""
    asyncio.run(store.complete(claim(store), ANSWER))
    clock.now += 400
    asyncio.run(store.claim("another", b"f", lease=10, ttl=100))
    assert asyncio.run(store.prune()) == 0
