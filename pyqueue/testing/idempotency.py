"""What every idempotency store must do: tests that anyone's store can run.

    from pyqueue.testing.idempotency import IdempotencyStoreContract

    class TestMyStore(IdempotencyStoreContract):
        @pytest.fixture
        def store(self):
            return MyStore(...)

Both faces of the store are tested, the asynchronous one and `store.sync`, and its `inspection` if it has
one. Needs pytest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import pytest

from pyqueue.server import (
    Claimed,
    IdempotencyStore,
    InFlight,
    Inspection,
    KeyRecord,
    Mismatch,
    Outcome,
    Replay,
    State,
    StoredResponse,
)
from pyqueue.server.protocol import scoped

T = TypeVar("T")

LONG = 3600.0
"""Seconds that no test lasts."""

ANSWER = StoredResponse(201, ((b"content-type", b"text/plain"),), b"made")
OTHER = StoredResponse(202, (), b"another")

_ANSWERS = {
    "nothing in it": StoredResponse(204),
    "headers that are not UTF-8": StoredResponse(200, ((b"x", b"\xe9\xff"), (b"y", b'"\\,')), b"a"),
    "a header twice, and their order": StoredResponse(200, ((b"b", b"1"), (b"a", b"2"), (b"b", b"3")), b"a"),
    "a body of any bytes": StoredResponse(200, (), bytes(range(256)) * 3),
    "a large body": StoredResponse(299, ((b"x", b"y" * 10_000),), bytes(range(256)) * 20_000),
}

_NAMES = [
    "\nkey",
    "ada\nkey",
    "ADA\nkey",
    "ada\nkey ",
    "ada \nkey",
    "a\nda\nkey",
    "ad\x00a\nkey",
    "ad\nkey",
    "Zoë 日本語 🐍\nkey",
    "Zoe\u0308 日本語 🐍\nkey",
    "x" * 5000 + "\n" + "k" * 255,
    "x" * 5001 + "\n" + "k" * 255,
    "x" * 5000 + "\n" + "k" * 254,
    "%s %(key)s {} {key} ' \" \\ ; -- :key $1\nkey",
]
"""Each is another key: a principal, a line break, and what the client sent."""


class Keys(Protocol):
    """A store's methods, blocking, whichever face carries them out."""

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome: ...
    def renew(self, claim: Claimed) -> bool: ...
    def complete(self, claim: Claimed, response: StoredResponse) -> bool: ...
    def release(self, claim: Claimed) -> None: ...
    def prune(self) -> int: ...

    def race(self, attempts: int, key: str) -> list[Outcome]:
        """As many claims of one key, at the same time."""
        ...


class IdempotencyStoreContract:
    """The tests. A subclass gives the fixture `store`: a store without keys, for one test.

    Stores measure time by their server's clock, so some tests wait until a short lease has ended.

    Attributes:
        brief: seconds of such a lease. More where a call takes long.
        prunes: whether `prune` is what deletes. False: the server behind the store does it by itself, and
            `prune` returns 0.
    """

    brief = 0.25
    prunes = True

    @pytest.fixture
    def store(self) -> Any:
        raise NotImplementedError("the fixture `store` returns the store to test")

    @pytest.fixture(params=["async", "sync"])
    def keys(self, request: pytest.FixtureRequest, store: Any) -> Iterator[Keys]:
        """One face of the store."""
        if request.param == "sync":
            if not hasattr(store, "sync"):
                pytest.skip("the store has no blocking face")
            yield _Threads(store.sync)
            getattr(store.sync, "close", lambda: None)()
            return
        with asyncio.Runner() as runner:
            yield _Loop(store, runner)
            if hasattr(store, "aclose"):
                runner.run(store.aclose())

    def test_one_of_many_claims_at_once_wins(self, keys: Keys) -> None:
        """The others are told that it is in flight."""
        for name in ("a", "b", "c", "d"):
            outcomes = keys.race(12, name)
            assert sum(isinstance(outcome, Claimed) for outcome in outcomes) == 1
            assert sum(isinstance(outcome, InFlight) for outcome in outcomes) == 11

    def test_a_claim_says_what_was_claimed_and_has_a_token_of_its_own(self, keys: Keys) -> None:
        first = claimed(keys, "a", lease=LONG, ttl=LONG + 1)
        second = claimed(keys, "b")
        assert (first.key, first.lease, first.ttl) == ("a", LONG, LONG + 1)
        assert first.token != second.token

    def test_a_claim_in_flight_tells_how_long_it_has_been_running(self, keys: Keys) -> None:
        before = time.monotonic()
        claimed(keys)
        wait_until(lambda: age(keys) >= 0.1)
        assert 0.1 <= age(keys) <= time.monotonic() - before + 0.1

    def test_another_request_with_the_key_is_a_mismatch(self, keys: Keys) -> None:
        """While the first runs, and once it is over."""
        first = claimed(keys)
        assert claim(keys, fingerprint=b"other") == Mismatch()
        keys.complete(first, ANSWER)
        assert claim(keys, fingerprint=b"other") == Mismatch()
        assert claim(keys) == Replay(ANSWER)

    @pytest.mark.parametrize("answer", _ANSWERS.values(), ids=list(_ANSWERS))
    def test_an_answer_comes_back_byte_for_byte(self, keys: Keys, answer: StoredResponse) -> None:
        assert keys.complete(claimed(keys), answer)
        assert claim(keys) == Replay(answer)
        assert claim(keys) == Replay(answer)

    def test_the_first_answer_of_a_claim_stays(self, keys: Keys) -> None:
        """What the application recorded in its own transaction is not written over."""
        held = claimed(keys)
        assert keys.complete(held, ANSWER)
        keys.complete(held, OTHER)
        assert claim(keys) == Replay(ANSWER)

    def test_a_claim_ends_with_its_lease(self, keys: Keys) -> None:
        """Not before, and the next attempt may be another request."""
        before = time.monotonic()
        claimed(keys, lease=self.brief)
        ended(keys, fingerprint=b"other")
        assert time.monotonic() - before >= self.brief - 0.02

    def test_renewing_begins_the_lease_anew(self, keys: Keys) -> None:
        before = time.monotonic()
        held = claimed(keys, lease=self.brief)
        assert keys.renew(replace(held, lease=LONG))
        wait_until(lambda: time.monotonic() - before > 2 * self.brief)
        assert isinstance(claim(keys), InFlight)
        assert keys.renew(replace(held, lease=self.brief))
        ended(keys)

    def test_whoever_lost_the_key_can_do_nothing_with_it(self, keys: Keys) -> None:
        """Its token is not the new holder's, before and after the new holder has answered."""
        late = claimed(keys, lease=self.brief)
        holder = ended(keys)
        assert not keys.renew(late)
        assert not keys.complete(late, OTHER)
        keys.release(late)
        assert isinstance(claim(keys), InFlight)
        assert keys.complete(holder, ANSWER)
        assert not keys.renew(late)
        assert not keys.complete(late, OTHER)
        keys.release(late)
        assert claim(keys) == Replay(ANSWER)

    def test_a_late_answer_is_kept_if_nobody_took_the_key(self, keys: Keys) -> None:
        """It tells of an effect that happened."""
        before = time.monotonic()
        late = claimed(keys, lease=self.brief)
        wait_until(lambda: time.monotonic() - before > 2 * self.brief)
        assert keys.complete(late, ANSWER)
        assert claim(keys) == Replay(ANSWER)

    def test_a_released_key_is_free_for_any_request(self, keys: Keys) -> None:
        first = claimed(keys)
        keys.release(first)
        assert not keys.renew(first)
        assert not keys.complete(first, OTHER)
        second = claimed(keys, fingerprint=b"other")
        keys.release(first)
        assert isinstance(claim(keys, fingerprint=b"other"), InFlight)
        assert keys.complete(second, ANSWER)

    def test_an_answer_stays_after_release_and_cannot_be_renewed_away(self, keys: Keys) -> None:
        """The application may crash after it has recorded its answer."""
        held = claimed(keys)
        keys.complete(held, ANSWER)
        keys.release(held)
        keys.renew(replace(held, lease=0.001))
        assert claim(keys) == Replay(ANSWER)

    def test_an_answer_outlives_its_lease(self, keys: Keys) -> None:
        before = time.monotonic()
        keys.complete(claimed(keys, lease=self.brief), ANSWER)
        wait_until(lambda: time.monotonic() - before > 2 * self.brief)
        assert claim(keys) == Replay(ANSWER)

    def test_an_answer_ends_with_its_time_to_live(self, keys: Keys) -> None:
        """Counted from the answer, not from the claim."""
        held = claimed(keys, ttl=self.brief)
        before = time.monotonic()
        keys.complete(held, ANSWER)
        ended(keys, fingerprint=b"other")
        assert time.monotonic() - before >= self.brief - 0.02

    def test_pruning_deletes_what_has_ended_and_nothing_else(self, keys: Keys) -> None:
        keys.complete(claimed(keys, "answered"), ANSWER)
        claimed(keys, "running")
        assert keys.prune() == 0
        for number in range(20):
            claimed(keys, f"ended {number}", lease=self.brief)
        keys.complete(claimed(keys, "was answered", ttl=self.brief), ANSWER)
        deleted = 0

        def all_deleted() -> bool:
            nonlocal deleted
            deleted += keys.prune()
            return deleted == 21

        if self.prunes:
            wait_until(all_deleted)
        assert keys.prune() == 0
        assert claim(keys, "answered") == Replay(ANSWER)
        assert isinstance(claim(keys, "running"), InFlight)

    def test_keys_that_differ_never_meet(self, keys: Keys) -> None:
        """However long they are, in any script, whatever they hold."""
        for number, name in enumerate(_NAMES):
            keys.complete(claimed(keys, name), StoredResponse(200, (), b"%d" % number))
        for number, name in enumerate(_NAMES):
            assert claim(keys, name) == Replay(StoredResponse(200, (), b"%d" % number))

    def test_both_faces_see_the_same_keys(self, store: Any) -> None:
        if not hasattr(store, "sync"):
            pytest.skip("the store has no blocking face")

        async def scenario() -> None:
            held = await store.claim("key", b"f", lease=LONG, ttl=LONG)
            assert isinstance(store.sync.claim("key", b"f", lease=LONG, ttl=LONG), InFlight)
            assert store.sync.complete(held, ANSWER)
            assert await store.claim("key", b"f", lease=LONG, ttl=LONG) == Replay(ANSWER)
            if hasattr(store, "aclose"):
                await store.aclose()

        asyncio.run(scenario())
        getattr(store.sync, "close", lambda: None)()

    @pytest.fixture
    def inspection(self, store: Any) -> Iterator[Inspection]:
        """Of a store that has some, by pages of three keys."""
        if not hasattr(store, "inspection"):
            pytest.skip("the store has no inspection")
        inspection: Inspection = store.inspection(page=3)
        yield inspection
        inspection.close()

    def test_inspection_tells_how_it_stands_with_each_key(self, keys: Keys, inspection: Inspection) -> None:
        claimed(keys, "running")
        keys.complete(claimed(keys, "answered", ttl=LONG), ANSWER)
        claimed(keys, "abandoned", lease=self.brief)
        wait_until(lambda: found(inspection, "abandoned").left <= 0)
        states = {record.name: record.state for record in inspection.records()}
        assert states == {
            "running": State.RUNNING,
            "answered": State.ANSWERED,
            "abandoned": State.ABANDONED,
        }
        answered, running = found(inspection, "answered"), found(inspection, "running")
        assert (answered.status, answered.size) == (ANSWER.status, len(ANSWER.body))
        assert LONG - 60 < answered.left <= LONG
        assert (running.status, running.size, running.protects) == (None, 0, True)
        assert 0 <= running.age < 60
        assert inspection.find("another") is None

    def test_inspection_finds_a_clients_key_of_any_host_and_principal(
        self, keys: Keys, inspection: Inspection
    ) -> None:
        """And no key that only ends like it, or that a pattern would match."""
        wanted = {scoped(host, name, "k*[a]") for host in ("one", "two") for name in (None, "ada", "k")}
        for name in (*wanted, scoped("one", "ada", "kk*[a]"), scoped("one", "ada", "k-a"), "k*[a]\nx"):
            claimed(keys, name)
        records = list(inspection.records("k*[a]"))
        assert sorted(record.name for record in records) == sorted(wanted)
        assert {(record.host, record.principal) for record in records} == {
            (host, name) for host in ("one", "two") for name in (None, "ada", "k")
        }

    def test_inspection_reads_every_key_once(self, keys: Keys, inspection: Inspection) -> None:
        """Over many pages."""
        names = [f"host\nada\n{number}" for number in range(20)]
        for name in names:
            claimed(keys, name)
        assert sorted(record.name for record in inspection.records()) == sorted(names)

    @pytest.mark.parametrize("answer", _ANSWERS.values(), ids=list(_ANSWERS))
    def test_inspection_shows_an_answer(
        self, keys: Keys, inspection: Inspection, answer: StoredResponse
    ) -> None:
        held = claimed(keys)
        assert inspection.answer(found(inspection, "key")) is None
        keys.complete(held, answer)
        assert inspection.answer(found(inspection, "key")) == answer

    def test_a_forgotten_key_is_free_and_its_claim_lost(self, keys: Keys, inspection: Inspection) -> None:
        running = claimed(keys, "running")
        keys.complete(claimed(keys, "answered"), ANSWER)
        for name in ("running", "answered"):
            assert inspection.forget(found(inspection, name))
            assert inspection.find(name) is None
        assert not keys.complete(running, OTHER)
        assert isinstance(claim(keys, "answered", fingerprint=b"other"), Claimed)

    def test_what_has_changed_since_it_was_read_is_not_forgotten(
        self, keys: Keys, inspection: Inspection
    ) -> None:
        """It was answered, or another attempt took it."""
        held = claimed(keys, "answered")
        claimed(keys, "taken", lease=self.brief)
        was_running, was_old = found(inspection, "answered"), found(inspection, "taken")
        keys.complete(held, ANSWER)
        wait_until(lambda: isinstance(claim(keys, "taken"), Claimed))
        assert not inspection.forget(was_running)
        assert not inspection.forget(was_old)
        assert claim(keys, "answered") == Replay(ANSWER)
        assert isinstance(claim(keys, "taken"), InFlight)

    def test_a_claim_that_was_renewed_late_is_not_forgotten(self, keys: Keys, inspection: Inspection) -> None:
        """It was read when its lease had ended, and protects again."""
        held = claimed(keys, lease=self.brief)
        wait_until(lambda: not found(inspection, "key").protects)
        abandoned = found(inspection, "key")
        if keys.renew(replace(held, lease=LONG)):
            assert not inspection.forget(abandoned)
            assert isinstance(claim(keys), InFlight)
        else:
            assert inspection.forget(abandoned)

    def test_keys_of_any_name_can_be_read_and_forgotten(self, keys: Keys, inspection: Inspection) -> None:
        for name in _NAMES:
            claimed(keys, name)
        assert all(inspection.find(name) is not None for name in _NAMES)
        records = list(inspection.records())
        assert len(records) == len(_NAMES)
        assert all(inspection.forget(record) for record in records)
        assert list(inspection.records()) == []


class _Threads:
    """The blocking face, raced by threads."""

    def __init__(self, store: Any):
        self.claim, self.renew, self.complete = store.claim, store.renew, store.complete
        self.release, self.prune = store.release, store.prune

    def race(self, attempts: int, key: str) -> list[Outcome]:
        """As many claims of one key, at the same time."""
        with ThreadPoolExecutor(attempts) as threads:
            futures = [threads.submit(self.claim, key, b"f", lease=LONG, ttl=LONG) for _ in range(attempts)]
            return [future.result() for future in futures]


class _Loop:
    """The asynchronous face, on one event loop."""

    def __init__(self, store: IdempotencyStore, runner: asyncio.Runner):
        self._store = store
        self._runner = runner

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        return self._run(self._store.claim(key, fingerprint, lease=lease, ttl=ttl))

    def renew(self, claim: Claimed) -> bool:
        return self._run(self._store.renew(claim))

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        return self._run(self._store.complete(claim, response))

    def release(self, claim: Claimed) -> None:
        self._run(self._store.release(claim))

    def prune(self) -> int:
        return self._run(self._store.prune())

    def race(self, attempts: int, key: str) -> list[Outcome]:
        """As many claims of one key, at the same time."""

        async def together() -> list[Outcome]:
            claims = [self._store.claim(key, b"f", lease=LONG, ttl=LONG) for _ in range(attempts)]
            return await asyncio.gather(*claims)

        return self._run(together())

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)


def claim(
    keys: Keys, key: str = "key", *, fingerprint: bytes = b"f", lease: float = LONG, ttl: float = LONG
) -> Outcome:
    """A claim that by default outlasts the test."""
    return keys.claim(key, fingerprint, lease=lease, ttl=ttl)


def claimed(keys: Keys, key: str = "key", **details: Any) -> Claimed:
    """A claim that must win."""
    outcome = claim(keys, key, **details)
    assert isinstance(outcome, Claimed)
    return outcome


def ended(keys: Keys, **details: Any) -> Claimed:
    """Waits until the key is free, and claims it."""
    outcomes: list[Outcome] = []

    def free() -> bool:
        outcomes.append(claim(keys, **details))
        return isinstance(outcomes[-1], Claimed)

    wait_until(free)
    outcome = outcomes[-1]
    assert isinstance(outcome, Claimed)
    return outcome


def found(inspection: Inspection, name: str) -> KeyRecord:
    """A key that must be there."""
    record = inspection.find(name)
    assert record is not None
    return record


def age(keys: Keys) -> float:
    """How long the claim has been running."""
    outcome = claim(keys)
    assert isinstance(outcome, InFlight)
    return outcome.age


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Returns when the condition holds.

    Raises:
        AssertionError: it does not come to hold within `seconds`.
    """
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s in vain"
        time.sleep(0.02)
