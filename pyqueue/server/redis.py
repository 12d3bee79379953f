"""An idempotency store in Redis or Valkey, for a site on any number of machines."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

try:
    import redis
    from redis.backoff import ExponentialWithJitterBackoff
    from redis.retry import Retry

    from ._redis_connections import Connections
except ImportError as error:
    raise ImportError("the Redis store needs redis-py: pip install 'pyqueue-sync[redis]'") from error

from ._headers import headers_from_text, headers_to_text
from ._loops import PerLoop
from ._redis_inspection import RedisInspection
from ._redis_scripts import CLAIM, COMPLETE, RELEASE, RENEW
from .stores import Claimed, InFlight, Mismatch, Outcome, Replay, StoredResponse

T = TypeVar("T")

_log = logging.getLogger("pyqueue.server")

_GRACE = 3600.0
"""Seconds that a claim whose lease ended is remembered: until another attempt takes the key, the late one may
still keep its answer, which is better than a second effect."""

_RETRIES = 4
"""Of a call whose connection broke: within about 1.5 seconds. Every script may run twice."""


class RedisIdempotencyStore:
    """Keeps keys and answers in a Redis or Valkey server (6 or later), by its clock.

    One Lua script decides each call, so a call is atomic. What has ended the server deletes by itself. How
    durable a call is when it returns is the server's setting: see "Choosing a store" in docs/server.md.

    Connections are opened at first use, by each process and each event loop for itself, and again when they
    break: a call whose reply was lost is repeated, which changes nothing. Errors are redis-py's own
    (`redis.exceptions.RedisError`).

    Args:
        url: of the server, such as `redis://localhost:6379/0`; `rediss://` for TLS, `unix://` for a socket.
        prefix: what the names of this store's keys begin with.
        pool_size: connections at most of all threads together; a call waits for one. An event loop has two,
            on which calls leave in groups.
        options: further arguments of redis-py's connections, such as `{"socket_timeout": 1.0}`.

    Attributes:
        sync: the same store for code without an event loop: the five methods, blocking, safe in any thread.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "pyqueue:idempotency:",
        pool_size: int = 32,
        options: Mapping[str, Any] | None = None,
    ):
        self._prefix = prefix
        self._plans = _Plans(prefix)
        self._connections = PerLoop(lambda: Connections(url, _RETRIES, options or {}))
        settings = {"max_connections": pool_size, "timeout": 10.0, **(options or {})}
        backoff = ExponentialWithJitterBackoff(cap=1.0, base=0.05)
        self._connect = lambda: redis.Redis.from_pool(
            redis.BlockingConnectionPool.from_url(url, retry=Retry(backoff, _RETRIES), **settings)
        )
        self.sync = _Blocking(self._plans, self._connect)

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        return await self._run(self._plans.claim(key, fingerprint, lease, ttl))

    async def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return await self._run(self._plans.renew(claim))

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`. The first answer of a claim stays."""
        return await self._run(self._plans.complete(claim, response))

    async def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        await self._run(self._plans.release(claim))

    async def prune(self) -> int:
        """Returns 0: the server deletes what has ended."""
        return 0

    def inspection(self, page: int = 1000) -> RedisInspection:
        """For looking at the keys, see `inspection.Inspection`; the server looks at `page` of all at once."""
        return RedisInspection(self._connect, self._prefix, page)

    async def aclose(self) -> None:
        """Closes the running event loop's connections. The next call opens new ones."""
        connections = self._connections.take()
        if connections is not None:
            await connections.close()

    async def _run(self, plan: _Plan[T]) -> T:
        connections = self._connections.get()
        if self._plans.first_use():
            with suppress(redis.ResponseError):  # an account that may not ask
                _warn_of({**await connections.info("persistence"), **await connections.info("memory")})
        return plan.read(await connections.run((plan.script, (1, plan.name, *plan.arguments))))


class _Blocking:
    """The blocking face, see `RedisIdempotencyStore.sync`."""

    def __init__(self, plans: _Plans, connect: Callable[[], redis.Redis]):
        self._plans = plans
        self._connect = connect
        self._guard = threading.Lock()
        self._client: redis.Redis | None = None

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        return self._run(self._plans.claim(key, fingerprint, lease, ttl))

    def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        return self._run(self._plans.renew(claim))

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`. The first answer of a claim stays."""
        return self._run(self._plans.complete(claim, response))

    def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        self._run(self._plans.release(claim))

    def prune(self) -> int:
        """Returns 0: the server deletes what has ended."""
        return 0

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        with self._guard:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _run(self, plan: _Plan[T]) -> T:
        with self._guard:
            client = self._client = self._client or self._connect()
        if self._plans.first_use():
            with suppress(redis.ResponseError):  # an account that may not ask
                _warn_of(client.info("persistence") | client.info("memory"))
        script = client.register_script(plan.script)
        return plan.read(script(keys=[plan.name], args=plan.arguments))


@dataclass(frozen=True, slots=True)
class _Plan(Generic[T]):
    """One call of a script, and how its reply is read."""

    script: str
    name: bytes
    arguments: list[Any]
    read: Callable[[Any], T]


class _Plans:
    """What both faces do, without the connection."""

    def __init__(self, prefix: str):
        self._prefix = prefix
        self._used = False

    def first_use(self) -> bool:
        """True at the first call."""
        first, self._used = not self._used, True
        return first

    def claim(self, key: str, fingerprint: bytes, lease: float, ttl: float) -> _Plan[Outcome]:
        claimed = Claimed(key, uuid.uuid4().hex, lease, ttl)
        arguments = [fingerprint, claimed.token, _milliseconds(lease), _milliseconds(_GRACE)]

        def read(reply: list[Any]) -> Outcome:
            match reply:
                case [b"claimed"]:
                    return claimed
                case [b"mismatch"]:
                    return Mismatch()
                case [b"in flight", age]:
                    return InFlight(max(age, 0) / 1000)
                case [b"replay", status, headers, body]:
                    return Replay(StoredResponse(int(status), headers_from_text(headers), body))
            raise AssertionError(f"the claim script replied {reply!r}")

        return _Plan(CLAIM, self._name(key), arguments, read)

    def renew(self, claim: Claimed) -> _Plan[bool]:
        arguments = [claim.token, _milliseconds(claim.lease), _milliseconds(_GRACE)]
        return _Plan(RENEW, self._name(claim.key), arguments, bool)

    def complete(self, claim: Claimed, response: StoredResponse) -> _Plan[bool]:
        answer = [response.status, headers_to_text(response), response.body]
        arguments = [claim.token, *answer, _milliseconds(claim.ttl)]
        return _Plan(COMPLETE, self._name(claim.key), arguments, bool)

    def release(self, claim: Claimed) -> _Plan[bool]:
        return _Plan(RELEASE, self._name(claim.key), [claim.token], bool)

    def _name(self, key: str) -> bytes:
        return (self._prefix + key).encode("utf-8", "surrogatepass")


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)


def _warn_of(facts: Mapping[str, Any]) -> None:
    """Says what the server's settings may lose. `facts`: what its INFO tells."""
    if not facts.get("aof_enabled"):
        _log.warning(
            "this Redis server has no append-only file: a crash forgets idempotency keys, and their effects "
            "may then happen again; set `appendonly yes`"
        )
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        _log.warning(
            "this Redis server may evict idempotency keys when its memory is full, and their effects may "
            "then happen again; set `maxmemory-policy noeviction` instead of `%s`",
            policy,
        )
