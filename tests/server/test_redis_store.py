"""The Redis store keeps the contract of stores; and what only it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
import redis

from pyqueue.server import Claimed, InFlight, Replay
from pyqueue.server.redis import RedisIdempotencyStore
from pyqueue.testing.idempotency import ANSWER, LONG, IdempotencyStoreContract, wait_until
from tests.server.databases import RedisServer


class TestContract(IdempotencyStoreContract):
    prunes = False

    @pytest.fixture
    def store(self, redis_server: RedisServer) -> RedisIdempotencyStore:
        return RedisIdempotencyStore(redis_server.url)


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisIdempotencyStore]:
    """A store on an empty server."""
    store = RedisIdempotencyStore(redis_server.url)
    yield store
    store.sync.close()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """What the server itself says."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def claim(store: RedisIdempotencyStore, lease: float = LONG, ttl: float = LONG) -> Claimed:
    outcome = store.sync.claim("key", b"f", lease=lease, ttl=ttl)
    assert isinstance(outcome, Claimed)
    return outcome


def test_the_server_deletes_what_has_ended(store: RedisIdempotencyStore, client: redis.Redis) -> None:
    """A claim is remembered for an hour longer than its lease, an answer exactly as long as it is kept."""
    held = claim(store, lease=60)
    (name,) = client.keys("*")
    assert 3655_000 < client.pttl(name) <= 3660_000
    store.sync.renew(held)
    assert 3655_000 < client.pttl(name) <= 3660_000
    store.sync.complete(Claimed(held.key, held.token, 60, 0.2), ANSWER)
    wait_until(lambda: client.dbsize() == 0)


def test_two_stores_with_prefixes_share_a_server(redis_server: RedisServer) -> None:
    first = RedisIdempotencyStore(redis_server.url, prefix="a:")
    second = RedisIdempotencyStore(redis_server.url, prefix="b:")
    claim(first)
    claim(second)
    first.sync.close()
    second.sync.close()


def test_a_claim_whose_reply_was_lost_is_claimed_again(
    store: RedisIdempotencyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke after the script had run: the same attempt asks again, with the same token."""
    read, broken = redis.Connection.read_response, []

    def lose_one(connection: redis.Connection, *arguments: object, **options: object) -> object:
        reply = read(connection, *arguments, **options)
        if reply == [b"claimed"] and not broken:
            broken.append(reply)
            connection.disconnect()
            raise redis.ConnectionError("the connection broke")
        return reply

    monkeypatch.setattr(redis.Connection, "read_response", lose_one)
    claim(store)
    assert broken
    assert isinstance(store.sync.claim("key", b"f", lease=LONG, ttl=LONG), InFlight)


def test_a_restart_of_the_server_loses_nothing(redis_server: RedisServer) -> None:
    """Both faces connect again."""
    store = RedisIdempotencyStore(redis_server.url)

    async def scenario() -> None:
        held = await store.claim("key", b"f", lease=LONG, ttl=LONG)
        store.sync.claim("other", b"f", lease=LONG, ttl=LONG)
        await asyncio.to_thread(redis_server.restart)
        assert await store.complete(held, ANSWER)
        assert store.sync.claim("key", b"f", lease=LONG, ttl=LONG) == Replay(ANSWER)
        await store.aclose()

    asyncio.run(scenario())
    store.sync.close()


def test_every_event_loop_has_connections_of_its_own(store: RedisIdempotencyStore) -> None:
    async def once() -> object:
        try:
            return await store.claim("key", b"f", lease=LONG, ttl=LONG)
        finally:
            await store.aclose()

    assert isinstance(asyncio.run(once()), Claimed)
    assert isinstance(asyncio.run(once()), InFlight)


def test_warns_of_settings_that_forget_keys(
    redis_server: RedisServer, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, at the first call; a server whose settings are right is passed over in silence."""
    store = RedisIdempotencyStore(redis_server.url)
    claim(store)
    assert not caplog.records
    client.config_set("appendonly", "no")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        forgetful = RedisIdempotencyStore(redis_server.url, prefix="other:")
        claim(forgetful)
        forgetful.sync.prune()
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        # Until the file is written anew the server does not end when it is asked to.
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 2
    assert "appendonly yes" in said[0]
    assert "allkeys-lru" in said[1]
    store.sync.close()
    forgetful.sync.close()
